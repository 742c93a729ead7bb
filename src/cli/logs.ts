import pc from 'picocolors'
import type { Run, ZeroDB } from '../client/index.ts'
import { number } from './given.ts'
import { findHook } from './hooks.ts'
import { time } from './output.ts'
import { ask, remote, type Session } from './remote.ts'

/** How often it is looked for runs that have begun. */
const LOOK_MS = 500
const AT_ONCE = 100

interface Line {
  at: string
  run_id: string
  handler: string
  attempts: number
  message: string
}

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
  return all(session.zerodb, undefined, { follow: true, limit: 1 }, sayTo(session))
}

export const logs = remote('logs', 'what handlers have said: of one run, of a hook’s runs, or of all')
  .argument('[run or hook]', 'id of a run, or id or name of a hook; else all')
  .option('-f, --follow', 'go on with what comes, until the run has ended or Ctrl-C')
  .option('--limit <n>', 'how many of the last runs', number, 20)
  .action(
    ask(async (session: Session, given: string | undefined, options: { follow?: boolean; limit: number }) => {
      const { zerodb } = session
      const say = sayTo(session)
      const run = given === undefined ? null : await runOf(zerodb, given)
      if (run && options.follow) {
        // Whoever waits for a run wants to know what has become of it.
        if ((await follow(zerodb, run, say)) === 'dead') process.exitCode = 1
        return
      }
      if (run) return saidBy(run).forEach(say)
      const hook_id = given === undefined ? undefined : (await findHook(zerodb, given)).id
      await all(zerodb, hook_id, options, say)
    }),
  )

async function runOf(zerodb: ZeroDB, given: string): Promise<Run | null> {
  if (!/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(given)) return null
  return zerodb.runs.get({ run_id: given }).catch((error: { status?: number }) => {
    if (error.status === 404) return null
    throw error
  })
}

function saidBy(run: Run): Line[] {
  const { id: run_id, handler, attempts, error } = run
  const lines = run.logs.map(({ at, message }) => ({ at, run_id, handler, attempts, message }))
  const at = run.finished_at ?? run.started_at ?? run.created_at
  return error
    ? [...lines, { at, run_id, handler, attempts, message: `${run.status}: ${error.code}: ${error.message}` }]
    : lines
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
      message: `${status}: ${error.code}: ${error.message}`,
    })
  }
  throw new Error('The log ended before the run')
}

/** The last runs, oldest first; then those that begin, each to its end. */
async function all(
  zerodb: ZeroDB,
  hook_id: string | undefined,
  { follow: goesOn, limit }: { follow?: boolean; limit: number },
  say: Say,
): Promise<void> {
  const { items } = await zerodb.runs.list({ hook_id, limit })
  const known = new Set<string>()
  // One that cannot be followed ends the whole: silence would look like nothing to say.
  let fail = (_: unknown) => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => undefined)
  for (const run of items.reverse()) {
    known.add(run.id)
    const goes = run.status === 'running' || run.status === 'queued'
    if (goesOn && goes) follow(zerodb, run, say).catch(fail)
    else saidBy(run).forEach(say)
  }
  while (goesOn) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK_MS)), failed])
    const { items: newest } = await zerodb.runs.list({ hook_id, limit: AT_ONCE })
    for (const run of newest.reverse()) {
      if (known.has(run.id)) continue
      known.add(run.id)
      follow(zerodb, run, say).catch(fail)
    }
  }
}
