import type { Command } from 'commander'
import type { EventName, Replay } from '../../client/index.ts'
import { confirmed } from '../lib/confirm.ts'
import { findEvent, findHook, findReplay } from '../lib/find.ts'
import { fields, note, table, time } from '../lib/output.ts'
import { collect, number, timestamp } from '../lib/parse-options.ts'
import { progress } from '../lib/progress.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

const LOOK_MS = 500

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
    .option('--since <time>', 'from then on: 2026-06-10T08:00:00Z, 90m, 2d', timestamp)
    .option('--until <time>', 'before then', timestamp)
    .option('--rate <n>', 'at most so many a second', number)
    .option('--dry-run', 'only say how many there are')
    .option('--no-wait', 'do not watch it')
}

const common = ({ since, until, rate, dryRun }: Options) => ({ since, until, rate_per_second: rate, dry_run: dryRun })

export const replay = job(remote('replay', 'hand events to hooks once more'))
  .option('--event <id>', 'this event; may be given several times', collect)
  .option('--type <event>', 'events of this type')
  .option('--hook <hook>', 'only to this hook')
  .option('--yes', 'do not ask')
  .action(
    ask(async (session: Session, options: Options) => {
      const { zerodb, server } = session
      const { event, type, hook, since, until, dryRun } = options
      const isAll = [event, type, hook, since, until].every((value) => value === undefined)
      if (isAll && !dryRun && !(await confirmed('Hand all events to all hooks once more?', options.yes))) return
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

export const backfill = job(remote('backfill', 'run a hook over the rows that were stored before it was made'))
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
  if ('dry_run' in begun) return session.print(begun, () => `${begun.total} would be gone through`)
  const ended = wait ? await watch(session, begun) : begun
  session.print(ended, () => words(ended))
}

/** Until the job has ended. It is the server's: whoever goes away ends nothing. */
async function watch(session: Session, begun: Replay): Promise<Replay> {
  const bar = progress(begun.kind === 'backfill' ? 'rows' : 'events', { json: session.json })
  const leave = () => {
    bar.end()
    note(`It goes on. Watch it: zerodb replay watch ${begun.id}   End it: zerodb replay cancel ${begun.id}`)
    process.exit(130)
  }
  process.once('SIGINT', leave)
  let current = begun
  while (current.status === 'running') {
    bar.at(current.seen, current.total)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    current = await session.zerodb.replays.get({ replay_id: begun.id })
  }
  process.off('SIGINT', leave)
  bar.end()
  return current
}

const list = remote('list', 'replays and backfills, newest first').action(
  ask(async ({ zerodb, print }: Session) => {
    const { items } = await zerodb.replays.list()
    const rows = items.map((one) => [one.id, time(one.created_at), one.kind, one.status, `${one.seen}/${one.total}`])
    print(items, () => table(['ID', 'CREATED', 'KIND', 'STATUS', 'SEEN'], rows, 'No replays'))
  }),
)

function about(name: string, description: string, look: (session: Session, id: string) => Promise<Replay>): Command {
  return remote(name, description)
    .argument('<id>')
    .action(
      ask(async (session: Session, id: string) => {
        const found = await look(session, await findReplay(session.zerodb, id))
        session.print(found, () => words(found))
      }),
    )
}

replay.addCommand(list)
replay.addCommand(about('get', 'one replay or backfill', ({ zerodb }, replay_id) => zerodb.replays.get({ replay_id })))
replay.addCommand(
  about('watch', 'wait for its end', async (session, replay_id) =>
    watch(session, await session.zerodb.replays.get({ replay_id })),
  ),
)
replay.addCommand(
  about('cancel', 'end it; its queued runs are cancelled', ({ zerodb }, replay_id) =>
    zerodb.replays.cancel({ replay_id }),
  ),
)
