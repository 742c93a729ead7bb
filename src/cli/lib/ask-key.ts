import { isCancel, multiselect, select, text } from '@clack/prompts'
import { PERMISSIONS } from '../../schema/login.ts'
import { UsageError } from './failure.ts'

/** The name, permissions and lifetime of a new key. */
export interface KeyAnswers {
  name: string
  scope: string[]
  ttlSeconds: number | undefined
}

const DAY_SECONDS = 86_400
const READS = PERMISSIONS.filter((permission) => permission.endsWith(':read'))
const COMMAND = 'zerodb keys create NAME --scope zerodb:read memory:read'

/**
 * Returns the answers with the missing ones asked for on a terminal. Without a terminal, throws `UsageError` if the name or the permissions are
 * missing: a key with all permissions is only created on request.
 */
export async function askKey(given: Partial<KeyAnswers>): Promise<KeyAnswers> {
  const isComplete = given.name !== undefined && given.scope !== undefined
  if (isComplete) return { name: given.name!, scope: given.scope!, ttlSeconds: given.ttlSeconds }
  if (!process.stdin.isTTY || !process.stdout.isTTY || process.env['CI'])
    throw new UsageError(
      given.name === undefined
        ? `Give the key a name and its permissions: ${COMMAND}`
        : `Give the permissions of the key: ${COMMAND}; --scope '*' allows everything`,
    )
  return {
    name: given.name ?? (await answer(text({ message: 'What is the key for?', placeholder: 'my agent', validate }))),
    scope: given.scope ?? (await askScope()),
    ttlSeconds: given.ttlSeconds ?? (await askTtl()),
  }
}

const validate = (name: string | undefined) => (name?.trim() ? undefined : 'Enter a name')

async function askScope(): Promise<string[]> {
  const choice = await answer(
    select({
      message: 'What may the key do?',
      options: [
        { value: 'read', label: 'Read', hint: READS.join(' ') },
        { value: 'some', label: 'Choose' },
        { value: 'all', label: 'Everything', hint: 'including keys, functions and other projects' },
      ],
    }),
  )
  if (choice === 'read') return READS
  if (choice === 'all') return ['*']
  return answer(
    multiselect({ message: 'Which permissions?', options: PERMISSIONS.map((value) => ({ value })), required: true }),
  )
}

async function askTtl(): Promise<number | undefined> {
  const days = await answer(
    select({
      message: 'When does the key expire?',
      options: [
        { value: 90, label: 'After 90 days' },
        { value: 365, label: 'After a year' },
        { value: 0, label: 'Never' },
      ],
    }),
  )
  return days === 0 ? undefined : days * DAY_SECONDS
}

async function answer<T>(question: Promise<T>): Promise<Exclude<T, symbol>> {
  const given = await question
  if (isCancel(given)) throw new UsageError('No key was created')
  return given as Exclude<T, symbol>
}
