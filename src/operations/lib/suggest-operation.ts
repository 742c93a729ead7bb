import { nearestName } from '../../schema/nearest-name.ts'
import { OPERATIONS } from '../index.ts'

const CALLABLE = OPERATIONS.filter(({ kind, permission }) => kind !== 'stream' && permission !== 'public').map(
  ({ name }) => name,
)

/** Returns suggestions for an unknown operation name: a similar operation, and the verbs of the noun. */
export function suggestOperation(name: string): string {
  const [noun = '', verb = ''] = name.split('.')
  const near = nearestName(name, CALLABLE)
  const meant = near === undefined ? CALLABLE.filter((known) => known.endsWith(`.${verb}`)) : [near]
  const ofNoun = CALLABLE.filter((known) => known.startsWith(`${noun}.`))
  const nouns = [...new Set(CALLABLE.map((known) => known.split('.')[0]))]
  return [
    meant.length > 0 && meant.length <= 3 ? `. Did you mean ${meant.map((known) => `"${known}"`).join(' or ')}?` : '.',
    ofNoun.length > 0 ? ` "${noun}" has ${ofNoun.join(', ')}` : ` There are ${nouns.join(', ')}`,
  ].join('')
}
