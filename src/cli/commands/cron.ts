import { Command } from 'commander'
import { findSchedule } from '../lib/find.ts'
import { table, time } from '../lib/output.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

const list = remote('list', 'list schedules with their next time').action(
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
      table(['ID', 'FUNCTION', 'CRON', 'ZONE', 'NEXT'], rows, 'No schedules. Add one to the config of a function'),
    )
  }),
)

const run = remote('run', 'run the function of a schedule now')
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
          schedule.paused ? `${schedule.function} is paused` : `${schedule.function} next runs at ${schedule.next_at}`,
        )
      }),
    )
}

export const cron = new Command('cron').description('schedules of functions')
for (const command of [
  list,
  run,
  pausing('pause', 'pause a schedule; times that pass are skipped', true),
  pausing('resume', 'resume a paused schedule', false),
])
  cron.addCommand(command)
