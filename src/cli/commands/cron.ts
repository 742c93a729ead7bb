import { Command } from 'commander'
import type { Schedule } from '../../client/index.ts'
import { findSchedule, nameOfSchedule } from '../lib/find.ts'
import { table, time } from '../lib/output.ts'
import { json } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'

const list = remote('list', 'list schedules, and events that wait for their time').action(
  ask(async ({ zerodb, server, print }) => {
    const found: Schedule[] = []
    for await (const schedule of zerodb.schedules.list({ project_id: server.projectId })) found.push(schedule)
    const rows = found.map((schedule) => [
      schedule.id,
      nameOfSchedule(schedule),
      schedule.cron ?? 'once',
      schedule.timezone ?? '',
      nextOf(schedule),
    ])
    print(found, () =>
      table(
        ['ID', 'RUNS', 'CRON', 'ZONE', 'NEXT'],
        rows,
        'No schedules. Add one to the config of a function, or create one that publishes an event',
      ),
    )
  }),
)

function nextOf({ paused, next_at }: Schedule): string {
  if (paused) return 'paused'
  return next_at === null ? 'never' : time(next_at)
}

interface When {
  cron?: string
  timezone?: string
  delay?: string
  at?: string
}

const create = remote('create', 'publish an event by the clock')
  .argument('<topic>')
  .option('-d, --data <json>', 'payload, @file or - for standard input', json, {})
  .option('--cron <expression>', 'five fields, or six with seconds first')
  .option('--timezone <zone>', 'IANA time zone of --cron, by default UTC')
  .option('--delay <time>', 'once, after this time, such as 30s, 5m, 2h or 7d')
  .option('--at <time>', 'once, at this time: ISO 8601 with a time zone')
  .option('--name <name>', 'name of the schedule')
  .action(
    ask(
      async (
        { zerodb, server, print }: Session,
        topic: string,
        { data, cron, timezone, delay, at, name }: When & { data: never; name?: string },
      ) => {
        const schedule = await zerodb.schedules.create({
          project_id: server.projectId,
          topic,
          event_payload: data,
          name,
          cron,
          timezone,
          delay,
          run_at: at,
        })
        print(schedule, () => `Publishes to ${topic} at ${schedule.next_at}: ${schedule.id}`)
      },
    ),
  )

const remove = remote('delete', 'delete a schedule that publishes an event, or cancel a delayed event')
  .argument('<schedule>', 'id, or name of the schedule')
  .action(
    ask(async ({ zerodb, server, print }: Session, given: string) => {
      const { id } = await findSchedule(zerodb, server.projectId, given)
      await zerodb.schedules.delete({ schedule_id: id })
      print({ id }, () => `Deleted ${id}`)
    }),
  )

const run = remote('run', 'run the function of a schedule now')
  .argument('<schedule>', 'id, or name of the schedule or its function')
  .action(
    ask(async ({ zerodb, server, print }: Session, given: string) => {
      const { id } = await findSchedule(zerodb, server.projectId, given)
      const queued = await zerodb.schedules.run({ schedule_id: id })
      print(queued, () => `${queued.id} is ${queued.status}. Watch it: zerodb logs ${queued.id} -f`)
    }),
  )

function pausing(verb: string, description: string, paused: boolean): Command {
  return remote(verb, description)
    .argument('<schedule>', 'id, or name of the schedule or its function')
    .action(
      ask(async ({ zerodb, server, print }: Session, given: string) => {
        const { id } = await findSchedule(zerodb, server.projectId, given)
        const schedule = await zerodb.schedules.update({ schedule_id: id, paused })
        print(schedule, () =>
          schedule.paused
            ? `${nameOfSchedule(schedule)} is paused`
            : `${nameOfSchedule(schedule)} next runs at ${schedule.next_at}`,
        )
      }),
    )
}

export const cron = new Command('cron').description('schedules of functions and of events')
for (const command of [
  list,
  create,
  run,
  pausing('pause', 'pause a schedule; times that pass are skipped', true),
  pausing('resume', 'resume a paused schedule', false),
  remove,
])
  cron.addCommand(command)
