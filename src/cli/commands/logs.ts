import { Option } from 'commander'
import pc from 'picocolors'
import { type Hook, type Run, type RunsListInput, type ZeroDB, ZeroDBError } from '../../client/index.ts'
import { findHook, findRun } from '../lib/find.ts'
import { time } from '../lib/output.ts'
import { number, timestamp } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

/** How often it is looked for runs that have begun. */
const LOOK_MS = 500
const AT_ONCE = 100

interface Line {
  at: string
  run_id: string
  handler: string
  attempts: number
  message: string
  level?: Level | undefined
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof LEVELS)[number]

type Say = (line: Line) => void

const sayTo =
  ({ print }: Session): Say =>
  (line) =>
    print(
      line,
      () => `${pc.dim(`${time(line.at)} ${line.run_id.slice(0, 8)}`)} ${pc.cyan(line.handler)} ${line.message}`,
    )

/** What runs say that begin from now on. Ends only by failing. */
export function tail(session: Session): Promise<void> {
  return all(session.zerodb, { project_id: session.server.projectId }, { follow: true, limit: 0 }, sayTo(session))
}

interface Options {
  follow?: boolean
  limit: number
  since?: string
  level?: Level
}

export const logs = remote('logs', 'what handlers have said: of one run, of those of a function or a hook, or of all')
  .argument(
    '[run, function or hook]',
    'id of a run or its first digits, name of a function, or id or name of a hook; else all',
  )
  .option('-f, --follow', 'go on with what comes, until the run has ended or Ctrl-C')
  .option('--limit <n>', 'how many of the last runs', number, 20)
  .option('--since <time>', 'all runs from then on: 2026-06-10T08:00:00Z, 90m, 2d', timestamp)
  .addOption(new Option('--level <level>', 'only what is as grave, or graver').choices(LEVELS))
  .action(
    ask(async (session: Session, given: string | undefined, options: Options) => {
      const { zerodb, server } = session
      const say = graveEnough(options.level, sayTo(session))
      const which = given === undefined ? { project_id: server.projectId } : await meant(session, given)
      const run = 'id' in which ? which : null
      if (run && options.follow) {
        // Whoever waits for a run wants to know what has become of it.
        if ((await follow(zerodb, run, say)) === 'dead') process.exitCode = 1
        return
      }
      if (run) return saidBy(run).forEach(say)
      await all(zerodb, which as Which, options, say)
    }),
  )

/** A line that does not say how grave it is counts as `info`. */
function graveEnough(least: Level = 'debug', say: Say): Say {
  return (line) => {
    if (LEVELS.indexOf(line.level ?? 'info') >= LEVELS.indexOf(least)) say(line)
  }
}

/** The runs of the function or the hook of this name, else the run or the runs of the hook with this id, or with an id that begins so. */
async function meant({ zerodb, server }: Session, given: string): Promise<Which | Run> {
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

/** Null for what is not there. */
function orNull<T>(found: Promise<T>): Promise<T | null> {
  return found.catch((error: { status?: number }) => {
    if (error.status !== 404) throw error
    return null
  })
}

function saidBy(run: Run): Line[] {
  const { id: run_id, handler, attempts, error } = run
  const lines = run.logs.map(({ at, message, level }) => ({ at, run_id, handler, attempts, message, level }))
  const at = run.finished_at ?? run.started_at ?? run.created_at
  return error
    ? [...lines, { at, run_id, handler, attempts, message: failure(run.status, error), level: 'error' }]
    : lines
}

/** Why an attempt has failed, with the stack where there is one. */
function failure(status: Run['status'], { code, message, stack }: NonNullable<Run['error']>): string {
  const sentence = `${status}: ${code}: ${message}`
  if (stack === undefined) return sentence
  // The stack of JavaScript begins with the message.
  return `${sentence}\n${stack.startsWith(`${message}\n`) ? stack.slice(message.length + 1) : stack}`
}

/** All that a run says until its end, and what has become of it. */
async function follow(zerodb: ZeroDB, { id: run_id, handler }: Run, say: Say): Promise<Run['status']> {
  for await (const message of zerodb.runs.logs({ run_id })) {
    if (message.event === 'log') say({ run_id, handler, ...message.data })
    if (message.event === 'end') return message.data.status
    if (message.event !== 'status' || !message.data.error) continue
    const { status, attempts, error } = message.data
    say({
      at: new Date().toISOString(),
      run_id,
      handler,
      attempts,
      message: failure(status, error),
      level: 'error',
    })
  }
  throw new Error('The log ended before the run')
}

type Which = Pick<RunsListInput, 'hook_id' | 'function_id' | 'project_id'>

/** So many of the last runs, or those since then; newest first. */
async function last(zerodb: ZeroDB, which: Which, back: number | string): Promise<Run[]> {
  if (back === 0) return []
  if (typeof back === 'number') return (await zerodb.runs.list({ ...which, limit: back })).items
  const found: Run[] = []
  for await (const run of zerodb.runs.list({ ...which, limit: AT_ONCE })) {
    if (Date.parse(run.created_at) < Date.parse(back)) break
    found.push(run)
  }
  return found
}

/** The last runs, oldest first; then those that begin, each to its end. */
async function all(zerodb: ZeroDB, which: Which, { follow: goesOn, limit, since }: Options, say: Say): Promise<void> {
  const before = goesOn ? await last(zerodb, which, AT_ONCE) : []
  const items = await last(zerodb, which, since ?? limit)
  const known = new Set(before.map(({ id }) => id))
  // One that cannot be followed ends the whole: silence would look like nothing to say.
  let fail = (_: unknown) => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => undefined)
  const show = (run: Run) => {
    known.add(run.id)
    const goes = run.status === 'running' || run.status === 'queued'
    if (goesOn && goes) follow(zerodb, run, say).catch(fail)
    else saidBy(run).forEach(say)
  }
  items.reverse().forEach(show)
  while (goesOn) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK_MS)), failed])
    for (const run of (await begun(zerodb, which, known)).reverse()) show(run)
  }
}

/** The runs that are not known, newest first: pages are read until one ends with a run that is. */
async function begun(zerodb: ZeroDB, which: Which, known: ReadonlySet<string>): Promise<Run[]> {
  const found: Run[] = []
  let cursor: string | undefined
  for (;;) {
    const { items, next_cursor } = await zerodb.runs.list({ ...which, limit: AT_ONCE, cursor })
    found.push(...items.filter(({ id }) => !known.has(id)))
    if (next_cursor === null || known.has(items.at(-1)!.id)) return found
    cursor = next_cursor
  }
}
