import { Option } from 'commander'
import pc from 'picocolors'
import {
  type Hook,
  type NetworkRequest,
  type Run,
  type RunsListInput,
  type ZeroDB,
  ZeroDBError,
} from '../../client/index.ts'
import { findHook, findRun } from '../lib/find.ts'
import { time } from '../lib/output.ts'
import { number, timestamp } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

/** Interval at which new runs are looked for. */
const POLL_MS = 500
const PAGE_SIZE = 100

interface Line {
  at: string
  run_id: string
  handler: string
  attempts: number
  message: string
  level?: Level | undefined
  /** The connection that the line describes. */
  request?: NetworkRequest
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof LEVELS)[number]

type Write = (line: Line) => void

const writeTo =
  ({ print }: Session): Write =>
  (line) =>
    print(
      line,
      () => `${pc.dim(`${time(line.at)} ${line.run_id.slice(0, 8)}`)} ${pc.cyan(line.handler)} ${line.message}`,
    )

/** Prints the logs of runs that start from now on. Never resolves; rejects on failure. */
export function tail(session: Session): Promise<void> {
  return all(session.zerodb, { project_id: session.server.projectId }, { follow: true, limit: 0 }, writeTo(session))
}

interface Options {
  follow?: boolean
  limit: number
  since?: string
  level?: Level
}

export const logs = remote('logs', 'print the logs of one run, of the runs of a function or a hook, or of all runs')
  .argument(
    '[run, function or hook]',
    'id of a run or its first digits, name of a function, or id or name of a hook; all runs if not given',
  )
  .option('-f, --follow', 'follow new lines, until the run ends or Ctrl-C')
  .option('--limit <n>', 'number of latest runs', number, 20)
  .option('--since <time>', 'all runs since this time: 2026-06-10T08:00:00Z, 90m, 2d', timestamp)
  .addOption(new Option('--level <level>', 'only lines of at least this level').choices(LEVELS))
  .action(
    ask(async (session: Session, given: string | undefined, options: Options) => {
      const { zerodb, server } = session
      const write = withLevel(options.level, writeTo(session))
      const which = given === undefined ? { project_id: server.projectId } : await resolveTarget(session, given)
      const run = 'id' in which ? which : null
      if (run && options.follow) {
        if ((await follow(zerodb, run, write)) === 'dead') process.exitCode = 1
        return
      }
      if (run) return linesOf(run).forEach(write)
      await all(zerodb, which as Which, options, write)
    }),
  )

/** Passes on lines of at least this level. A line without a level counts as `info`. */
function withLevel(min: Level = 'debug', write: Write): Write {
  return (line) => {
    if (LEVELS.indexOf(line.level ?? 'info') >= LEVELS.indexOf(min)) write(line)
  }
}

/** Resolves the argument in this order: name of a function, name or id of a hook, run id or prefix, prefix of a hook id. */
async function resolveTarget({ zerodb, server }: Session, given: string): Promise<Which | Run> {
  const fn = (await zerodb.functions.list({ project_id: server.projectId })).find(({ name }) => name === given)
  if (fn) return { function_id: fn.id }
  const hooks = await zerodb.hooks.list({ active_only: false })
  const named = hooks.filter(({ hook_name, id }: Hook) => hook_name === given || id === given)
  if (named.length === 1) return { hook_id: named[0]!.id }
  const run = named.length > 1 ? null : await runOf(zerodb, given)
  if (run) return run
  const hook = await orNull(findHook(zerodb, given))
  if (hook) return { hook_id: hook.id }
  const detail = `Function not found: no function, hook or run is "${given}"`
  throw new ZeroDBError({ status: 404, code: 'not_found', detail })
}

async function runOf(zerodb: ZeroDB, given: string): Promise<Run | null> {
  if (!/^[0-9a-f][0-9a-f-]{3,35}$/i.test(given)) return null
  return orNull(findRun(zerodb, given).then((run_id) => zerodb.runs.get({ run_id })))
}

/** Returns null instead of a 404 error. */
function orNull<T>(found: Promise<T>): Promise<T | null> {
  return found.catch((error: { status?: number }) => {
    if (error.status !== 404) throw error
    return null
  })
}

function linesOf(run: Run): Line[] {
  const { id: run_id, handler, attempts, error } = run
  const lines = linesByTime(run).map((line) => ({ run_id, handler, attempts, ...line }))
  const at = run.finished_at ?? run.started_at ?? run.created_at
  return error
    ? [...lines, { at, run_id, handler, attempts, message: failure(run.status, error), level: 'error' }]
    : lines
}

/** Returns the log lines and the connections of a run, by time. */
export function linesByTime({
  logs,
  requests,
  requests_omitted,
}: Run): Pick<Line, 'at' | 'message' | 'level' | 'request'>[] {
  const lines = [...logs.map(({ at, message, level }) => ({ at, message, level })), ...requests.map(lineOfRequest)]
  const sorted = lines.sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
  const last = sorted.at(-1)
  if (requests_omitted === 0 || last === undefined) return sorted
  const message = `[${requests_omitted} further connections are not recorded]`
  return [...sorted, { at: last.at, message, level: 'info' }]
}

/** Describes a connection as a log line. */
function lineOfRequest(request: NetworkRequest): Pick<Line, 'at' | 'message' | 'request'> & { level: Level } {
  const { at, host, port, allowed, reason, bytes_sent, bytes_received, duration_ms } = request
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const how = request.injected ? ', headers injected' : ''
  const counts = `${bytes_sent} B sent, ${bytes_received} B received, ${Math.round(duration_ms)} ms${how}`
  const outcome = allowed ? (reason === null ? counts : `${counts}; ${reason}`) : `refused: ${reason}`
  return { at, message: `network ${target} ${outcome}`, level: allowed ? 'info' : 'warn', request }
}

/** Describes why an attempt failed, with the stack if there is one. */
function failure(status: Run['status'], { code, message, stack }: NonNullable<Run['error']>): string {
  const sentence = `${status}: ${code}: ${message}`
  if (stack === undefined) return sentence
  // A stack of JavaScript starts with the message.
  return `${sentence}\n${stack.startsWith(`${message}\n`) ? stack.slice(message.length + 1) : stack}`
}

/** Prints the log of a run until it ends. Resolves with its final status. */
async function follow(zerodb: ZeroDB, { id: run_id, handler }: Run, write: Write): Promise<Run['status']> {
  for await (const message of zerodb.runs.logs({ run_id })) {
    if (message.event === 'log') write({ run_id, handler, ...message.data })
    if (message.event === 'request') {
      const { attempts, ...request } = message.data
      write({ run_id, handler, attempts, ...lineOfRequest(request) })
    }
    if (message.event === 'end') return message.data.status
    if (message.event !== 'status' || !message.data.error) continue
    const { status, attempts, error } = message.data
    write({
      at: new Date().toISOString(),
      run_id,
      handler,
      attempts,
      message: failure(status, error),
      level: 'error',
    })
  }
  throw new Error('The log stream ended before the run')
}

type Which = Pick<RunsListInput, 'hook_id' | 'function_id' | 'project_id'>

/** Returns the latest runs, newest first: a number of them, or all since a time. */
async function last(zerodb: ZeroDB, which: Which, back: number | string): Promise<Run[]> {
  if (back === 0) return []
  if (typeof back === 'number') return (await zerodb.runs.list({ ...which, limit: back })).items
  const found: Run[] = []
  for await (const run of zerodb.runs.list({ ...which, limit: PAGE_SIZE })) {
    if (Date.parse(run.created_at) < Date.parse(back)) break
    found.push(run)
  }
  return found
}

/** Prints the logs of the latest runs, oldest first, then with `follow` those of unfinished and new runs until each ends. */
async function all(
  zerodb: ZeroDB,
  which: Which,
  { follow: isFollowing, limit, since }: Options,
  write: Write,
): Promise<void> {
  const before = isFollowing ? await last(zerodb, which, PAGE_SIZE) : []
  const items = await last(zerodb, which, since ?? limit)
  const known = new Set(before.map(({ id }) => id))
  // A run that cannot be followed ends the command: silence would look like a run without output.
  let fail = (_: unknown) => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => undefined)
  const show = (run: Run) => {
    known.add(run.id)
    const isUnfinished = run.status === 'running' || run.status === 'queued'
    if (isFollowing && isUnfinished) follow(zerodb, run, write).catch(fail)
    else linesOf(run).forEach(write)
  }
  items.reverse().forEach(show)
  while (isFollowing) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, POLL_MS)), failed])
    for (const run of (await findNewRuns(zerodb, which, known)).reverse()) show(run)
  }
}

/** Returns the unknown runs, newest first. Reads pages until one ends with a known run. */
async function findNewRuns(zerodb: ZeroDB, which: Which, known: ReadonlySet<string>): Promise<Run[]> {
  const found: Run[] = []
  let cursor: string | undefined
  for (;;) {
    const { items, next_cursor } = await zerodb.runs.list({ ...which, limit: PAGE_SIZE, cursor })
    found.push(...items.filter(({ id }) => !known.has(id)))
    if (next_cursor === null || known.has(items.at(-1)!.id)) return found
    cursor = next_cursor
  }
}
