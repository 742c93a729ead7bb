import type { CommanderError } from 'commander'
import pc from 'picocolors'
import { ZeroDBError } from '../../client/index.ts'
import { StartError, ZeroError } from '../../errors.ts'
import { NoServer } from './server-config.ts'

/** A command that was typed as it cannot be meant. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const [FAILED, USAGE, AUTHENTICATION] = [1, 2, 4]

interface Failure {
  exitCode: number
  code: string
  message: string
  /** What to type next. */
  next?: string | undefined
}

const START = 'zerodb start'
const NEXT: Readonly<Record<string, string>> = {
  connection_failed: START,
  timeout: 'zerodb doctor',
  unexpected_answer: 'zerodb doctor',
  unauthorized: 'zerodb keys create, where the server’s data is; then set ZERODB_API_KEY',
  forbidden: 'zerodb keys list, and use a key that has the right',
  hook_exists: 'zerodb hooks list --all',
  function_disabled: 'zerodb functions enable NAME',
  function_hooked: 'zerodb functions delete NAME --force',
  run_final: 'zerodb runs list',
  replay_final: 'zerodb replay list',
}

/** What went wrong, in one sentence with what to type next. Null for what we did not foresee. */
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
  // Handing out the event of a run that goes on would do its work twice.
  if (code === 'run_not_final' && /succeeded/.test(message))
    return { exitCode, code, message, next: 'zerodb replay --event <id>, to hand out an event once more' }
  const next = error.run_id ? `zerodb logs ${error.run_id}` : (NEXT[code] ?? listOf(message))
  return { exitCode, code, message, next }
}

/** "Hook not found": where to find those that there are. */
function listOf(message: string): string | undefined {
  const [, noun] = /^(Hook|Run|Replay|Event|Key|Function|Secret|Schedule) not found/.exec(message) ?? []
  if (noun === undefined) return undefined
  if (noun === 'Hook') return 'zerodb hooks list --all'
  if (noun === 'Schedule') return 'zerodb cron list'
  return noun === 'Replay' ? 'zerodb replay list' : `zerodb ${noun.toLowerCase()}s list`
}

/** Reports on standard error, as JSON where JSON was asked for. Returns the exit code: 1 failure, 2 usage, 4 authentication. */
export function report(error: unknown, json: boolean): number {
  const { code, exitCode, message, command } = error as Partial<CommanderError> & { command?: string }
  if (code?.startsWith('commander.')) {
    // It has said by itself what is wrong, in words.
    if (exitCode === 0) return 0
    const what = code === 'commander.help' ? 'A command is missing' : message!.replace(/^error: /, '')
    if (json) console.error(JSON.stringify({ code: 'usage', message: what, next: `${command} --help` }))
    return USAGE
  }
  const failure = failureOf(error)
  if (!failure) {
    console.error(error)
    return FAILED
  }
  const { exitCode: exit, ...said } = failure
  if (json) console.error(JSON.stringify(said))
  else console.error(`${pc.red('error')} ${said.message}${said.next ? `\n${pc.dim('try')}   ${said.next}` : ''}`)
  return exit
}
