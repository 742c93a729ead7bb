import { normalizeName } from './names.ts'

/** Maximum number of words of a name in a query. */
const MAX_NAME_WORDS = 4
/** Maximum number of names that a query is searched for. */
const MAX_NAMES = 200

/** Returns the sequences of one to four words of a query as names are compared. */
export function namesIn(query: string): Set<string> {
  const words = query.split(/[\s,;:!?()"“”]+/).filter((word) => word !== '')
  const names = new Set<string>()
  for (let size = MAX_NAME_WORDS; size >= 1; size--)
    for (let at = 0; at + size <= words.length && names.size < MAX_NAMES; at++) {
      const name = normalizeName(words.slice(at, at + size).join(' '))
      if (name !== '') names.add(name)
    }
  return names
}
