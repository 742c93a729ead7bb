import { isCancel, multiselect, select, text } from '@clack/prompts'
import { PERMISSIONS } from '../../schema/login.ts'
import { UsageError } from './failure.ts'

/** What a new key is to be. */
export interface KeyAnswers {
  name: string
  scope: string[]
  ttlSeconds: number | undefined
}

const DAY_SECONDS = 86_400
const READS = PERMISSIONS.filter((permission) => permission.endsWith(':read'))
const COMMAND = 'zerodb keys create NAME --scope zerodb:read memory:read'

/**
 * What was not said of a new key is asked for on a terminal. Elsewhere name and rights must be said: nobody gets a key with all rights without
 * asking for one.
 */
export async function askKey(given: Partial<KeyAnswers>): Promise<KeyAnswers> {
  const isWhole = given.name !== undefined && given.scope !== undefined
  if (isWhole) return { name: given.name!, scope: given.scope!, ttlSeconds: given.ttlSeconds }
  if (!process.stdin.isTTY || !process.stdout.isTTY || process.env['CI'])
    throw new UsageError(
      given.name === undefined
        ? `Say what the key is for, and what it may do: ${COMMAND}`
        : `Say what the key may do: ${COMMAND}; --scope '*' allows everything`,
    )
  return {
    name: given.name ?? (await answer(text({ message: 'What is the key for?', placeholder: 'my agent', validate }))),
    scope: given.scope ?? (await askScope()),
    ttlSeconds: given.ttlSeconds ?? (await askTtl()),
  }
}

const validate = (name: string | undefined) => (name?.trim() ? undefined : 'A name is needed')

async function askScope(): Promise<string[]> {
  const rights = await answer(
    select({
      message: 'What may it do?',
      options: [
        { value: 'read', label: 'Read', hint: READS.join(' ') },
        { value: 'some', label: 'Choose' },
        { value: 'all', label: 'Everything', hint: 'keys, functions and other projects included' },
      ],
    }),
  )
  if (rights === 'read') return READS
  if (rights === 'all') return ['*']
  return answer(
    multiselect({ message: 'Which rights?', options: PERMISSIONS.map((value) => ({ value })), required: true }),
  )
}

async function askTtl(): Promise<number | undefined> {
  const days = await answer(
    select({
      message: 'How long is it good?',
      options: [
        { value: 90, label: '90 days' },
        { value: 365, label: 'A year' },
        { value: 0, label: 'For ever' },
      ],
    }),
  )
  return days === 0 ? undefined : days * DAY_SECONDS
}

async function answer<T>(question: Promise<T>): Promise<Exclude<T, symbol>> {
  const given = await question
  if (isCancel(given)) throw new UsageError('No key was made')
  return given as Exclude<T, symbol>
}
