import { Command } from 'commander'
import { findSchedule } from '../lib/find.ts'
import { table, time } from '../lib/output.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

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
      const { id } = await findSchedule(zerodb, server.projectId, given)
      const queued = await zerodb.schedules.run({ schedule_id: id })
      print(queued, () => `${queued.id} is ${queued.status}. Watch it: zerodb logs ${queued.id} -f`)
    }),
  )

function pausing(verb: string, description: string, paused: boolean): Command {
  return remote(verb, description)
    .argument('<schedule>', 'id, or name of the function')
    .action(
      ask(async ({ zerodb, server, print }: Session, given: string) => {
        const { id } = await findSchedule(zerodb, server.projectId, given)
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
