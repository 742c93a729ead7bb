import type { CommanderError } from 'commander'
import pc from 'picocolors'
import { ZeroDBError } from '../../client/index.ts'
import { StartError, ZeroError } from '../../errors.ts'
import { NoServer } from './server-config.ts'

/** The arguments of a command are wrong. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const [FAILED, USAGE, AUTHENTICATION] = [1, 2, 4]

interface Failure {
  exitCode: number
  code: string
  message: string
  /** The suggested next command. */
  next?: string | undefined
}

const START = 'zerodb start'
const NEXT: Readonly<Record<string, string>> = {
  connection_failed: START,
  timeout: 'zerodb doctor',
  unexpected_answer: 'zerodb doctor',
  unauthorized: 'zerodb keys create in the directory of the server’s data, then set ZERODB_API_KEY',
  forbidden: 'zerodb keys list, and use a key with this permission',
  hook_exists: 'zerodb hooks list --all',
  function_disabled: 'zerodb functions enable NAME',
  function_hooked: 'zerodb functions delete NAME --force',
  table_exists: 'zerodb tables list',
  version_conflict: 'zerodb rows get TABLE ROW_ID, and pass its version as --if-match',
  project_suspended: 'zerodb projects activate -',
  run_final: 'zerodb runs list',
  replay_final: 'zerodb replay list',
}

/** Describes the error in one sentence, with the suggested next command. Returns null for an unexpected error. */
function failureOf(error: unknown): Failure | null {
  if (error instanceof NoServer)
    return {
      exitCode: AUTHENTICATION,
      code: 'no_server',
      message: error.message,
      next: error.next ?? `${START}, or set ZERODB_URL and ZERODB_API_KEY`,
    }
  if (error instanceof UsageError) return { exitCode: USAGE, code: 'usage', message: error.message }
  if (error instanceof StartError) return { exitCode: FAILED, code: 'failed', message: error.message }
  if (error instanceof ZeroError) return { exitCode: FAILED, code: error.code, message: error.message }
  if (!(error instanceof ZeroDBError)) return null
  const { status, code, message } = error
  const exitCode = status === 401 || status === 403 ? AUTHENTICATION : FAILED
  // Not suggested for a running run: delivering its event again would do the work twice.
  if (code === 'run_not_final' && /succeeded/.test(message))
    return { exitCode, code, message, next: 'zerodb replay --event <id>, to deliver its event again' }
  const next = error.run_id ? `zerodb logs ${error.run_id}` : (NEXT[code] ?? listOf(message))
  return { exitCode, code, message, next }
}

/** Commands that list the existing resources of a kind. */
const LISTS: Readonly<Record<string, string>> = {
  Project: 'zerodb projects list',
  Table: 'zerodb tables list',
  Row: 'zerodb rows list TABLE',
  Vector: 'zerodb vectors list',
  Memory: 'zerodb memory list',
  File: 'zerodb files list',
  Hook: 'zerodb hooks list --all',
  Run: 'zerodb runs list',
  Replay: 'zerodb replay list',
  Event: 'zerodb events list',
  Key: 'zerodb keys list',
  Function: 'zerodb functions list',
  Secret: 'zerodb secrets list',
  Schedule: 'zerodb cron list',
}

/** Returns the command that lists the existing resources, for a message such as "Hook not found". */
function listOf(message: string): string | undefined {
  return LISTS[/^(\w+) not found/.exec(message)?.[1] ?? '']
}

/** Prints the error on standard error, as JSON if `json` is set. Returns the exit code: 1 failure, 2 usage, 4 authentication. */
export function report(error: unknown, json: boolean): number {
  const { code, exitCode, message, command } = error as Partial<CommanderError> & { command?: string }
  if (code?.startsWith('commander.')) {
    // Commander has already printed the error as text.
    if (exitCode === 0) return 0
    const text = code === 'commander.help' ? 'A command is missing' : message!.replace(/^error: /, '')
    if (json) console.error(JSON.stringify({ code: 'usage', message: text, next: `${command} --help` }))
    return USAGE
  }
  const failure = failureOf(error)
  if (!failure) {
    console.error(error)
    return FAILED
  }
  const { exitCode: exit, ...shown } = failure
  if (json) console.error(JSON.stringify(shown))
  else console.error(`${pc.red('error')} ${shown.message}${shown.next ? `\n${pc.dim('try')}   ${shown.next}` : ''}`)
  return exit
}
