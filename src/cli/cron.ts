import { Command } from 'commander'
import type { Schedule, ZeroDB } from '../client/index.ts'
import { UsageError } from './failure.ts'
import { table, time } from './output.ts'
import { ask, remote, type Session } from './remote.ts'

/** The schedule of this id, or the only one of this function. */
async function find(zerodb: ZeroDB, project_id: string | undefined, given: string): Promise<Schedule> {
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(given)) return zerodb.schedules.get({ schedule_id: given })
  const named = (await zerodb.schedules.list({ project_id })).filter((schedule) => schedule.function === given)
  if (named.length === 1) return named[0]!
  if (named.length === 0) throw new UsageError(`No function "${given}" has a schedule: see zerodb cron list`)
  throw new UsageError(`"${given}" has several: ${named.map(({ id, cron }) => `${id} (${cron})`).join(', ')}`)
}

const list = remote('list', 'schedules and their next ticks').action(
  ask(async ({ zerodb, server, print }) => {
    const found = await zerodb.schedules.list({ project_id: server.projectId })
    const rows = found.map((schedule) => [
      schedule.id,
      schedule.function,
      schedule.cron,
      schedule.timezone,
      schedule.paused ? 'paused' : schedule.next_at === null ? 'never' : time(schedule.next_at),
    ])
    print(found, () =>
      table(['ID', 'FUNCTION', 'CRON', 'ZONE', 'NEXT'], rows, 'No schedules: they stand in the config of functions'),
    )
  }),
)

const run = remote('run', 'run a schedule’s function now')
  .argument('<schedule>', 'id, or name of the function')
  .action(
    ask(async ({ zerodb, server, print }: Session, given: string) => {
      const { id } = await find(zerodb, server.projectId, given)
      const queued = await zerodb.schedules.run({ schedule_id: id })
      print(queued, () => `${queued.id} is ${queued.status}. Watch it: zerodb logs ${queued.id} -f`)
    }),
  )

function pausing(verb: string, description: string, paused: boolean): Command {
  return remote(verb, description)
    .argument('<schedule>', 'id, or name of the function')
    .action(
      ask(async ({ zerodb, server, print }: Session, given: string) => {
        const { id } = await find(zerodb, server.projectId, given)
        const schedule = await zerodb.schedules.update({ schedule_id: id, paused })
        print(schedule, () =>
          schedule.paused ? `${schedule.function} is paused` : `${schedule.function} runs next at ${schedule.next_at}`,
        )
      }),
    )
}

export const cron = new Command('cron').description('when functions run by themselves')
for (const command of [
  list,
  run,
  pausing('pause', 'let its ticks pass', true),
  pausing('resume', 'let it go on', false),
])
  cron.addCommand(command)
