import type { Command } from 'commander'
import type { EventName, Replay } from '../../client/index.ts'
import { confirmed } from '../lib/confirm.ts'
import { findEvent, findHook, findReplay } from '../lib/find.ts'
import { fields, note, table, time } from '../lib/output.ts'
import { collect, number, timestamp } from '../lib/parse-options.ts'
import { progress } from '../lib/progress.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

const POLL_MS = 500

interface Options {
  event?: string[]
  type?: string
  hook?: string
  since?: string
  until?: string
  rate?: number
  dryRun?: boolean
  yes?: boolean
  wait: boolean
}

function job(command: Command): Command {
  return command
    .option('--since <time>', 'only since this time: 2026-06-10T08:00:00Z, 90m, 2d', timestamp)
    .option('--until <time>', 'only before this time', timestamp)
    .option('--rate <n>', 'maximum number per second', number)
    .option('--dry-run', 'only print how many there are')
    .option('--no-wait', 'do not wait for the end')
}

const common = ({ since, until, rate, dryRun }: Options) => ({ since, until, rate_per_second: rate, dry_run: dryRun })

export const replay = job(remote('replay', 'deliver past events to hooks again'))
  .option('--event <id>', 'this event; can be repeated', collect)
  .option('--type <event>', 'events of this type')
  .option('--hook <hook>', 'only to this hook')
  .option('--yes', 'do not ask')
  .action(
    ask(async (session: Session, options: Options) => {
      const { zerodb, server } = session
      const { event, type, hook, since, until, dryRun } = options
      const isAll = [event, type, hook, since, until].every((value) => value === undefined)
      if (isAll && !dryRun && !(await confirmed('Deliver all events to all hooks again?', options.yes))) return
      const begun = await zerodb.replays.create({
        ...common(options),
        event_ids: event && (await Promise.all(event.map((id) => findEvent(zerodb, id)))),
        event_type: type as EventName | undefined,
        hook_id: hook && (await findHook(zerodb, hook)).id,
        project_id: server.projectId,
      })
      await finish(session, begun, options.wait)
    }),
  )

export const backfill = job(remote('backfill', 'run a hook over rows that were stored before it was created'))
  .argument('<hook>', 'id or name')
  .action(
    ask(async (session: Session, given: string, options: Options) => {
      const { id } = await findHook(session.zerodb, given)
      await finish(session, await session.zerodb.hooks.backfill({ hook_id: id, ...common(options) }), options.wait)
    }),
  )

const words = ({ id, kind, status, seen, total, runs, created_at }: Replay) => {
  const done = Object.fromEntries(Object.entries(runs).filter(([, count]) => count > 0))
  return fields({ id, kind, status, seen: `${seen} of ${total}`, runs: done, created: time(created_at) })
}

async function finish(
  session: Session,
  begun: Replay | { dry_run: true; total: number },
  wait: boolean,
): Promise<void> {
  if ('dry_run' in begun) return session.print(begun, () => `${begun.total} would be processed`)
  const ended = wait ? await watch(session, begun) : begun
  session.print(ended, () => words(ended))
}

/** Shows the progress until the job ends. The job runs on the server and goes on if this command is stopped. */
async function watch(session: Session, begun: Replay): Promise<Replay> {
  const bar = progress(begun.kind === 'backfill' ? 'rows' : 'events', { json: session.json })
  const detach = () => {
    bar.end()
    note(`The job continues. Watch it: zerodb replay watch ${begun.id}   Cancel it: zerodb replay cancel ${begun.id}`)
    process.exit(130)
  }
  process.once('SIGINT', detach)
  let current = begun
  while (current.status === 'running') {
    bar.at(current.seen, current.total)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    current = await session.zerodb.replays.get({ replay_id: begun.id })
  }
  process.off('SIGINT', detach)
  bar.end()
  return current
}

const list = remote('list', 'list replays and backfills, newest first').action(
  ask(async ({ zerodb, print }: Session) => {
    const { items } = await zerodb.replays.list()
    const rows = items.map((one) => [one.id, time(one.created_at), one.kind, one.status, `${one.seen}/${one.total}`])
    print(items, () => table(['ID', 'CREATED', 'KIND', 'STATUS', 'SEEN'], rows, 'No replays'))
  }),
)

function about(name: string, description: string, load: (session: Session, id: string) => Promise<Replay>): Command {
  return remote(name, description)
    .argument('<id>')
    .action(
      ask(async (session: Session, id: string) => {
        const found = await load(session, await findReplay(session.zerodb, id))
        session.print(found, () => words(found))
      }),
    )
}

replay.addCommand(list)
replay.addCommand(
  about('get', 'show a replay or backfill', ({ zerodb }, replay_id) => zerodb.replays.get({ replay_id })),
)
replay.addCommand(
  about('watch', 'wait until a replay or backfill ends', async (session, replay_id) =>
    watch(session, await session.zerodb.replays.get({ replay_id })),
  ),
)
replay.addCommand(
  about('cancel', 'cancel a replay or backfill and its queued runs', ({ zerodb }, replay_id) =>
    zerodb.replays.cancel({ replay_id }),
  ),
)
