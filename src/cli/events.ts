import { Command } from 'commander'
import type { EventName, LoggedEvent } from '../client/index.ts'
import { json, number } from './given.ts'
import { fields, note, table, time } from './output.ts'
import { ask, remote, type Session } from './remote.ts'

interface Filter {
  type?: string
  limit?: number
}

const filterOf = ({ server }: Session, { type }: Filter) => ({
  event_type: type as EventName | undefined,
  project_id: server.projectId,
})

const row = ({ id, event, timestamp, data }: LoggedEvent) => [id, time(timestamp), event, JSON.stringify(data)]

const list = remote('list', 'events of your writes, newest first')
  .option('--type <event>', 'only of this type')
  .option('--limit <n>', 'how many', number, 20)
  .action(
    ask(async (session: Session, options: Filter) => {
      const { items } = await session.zerodb.event_log.list({ ...filterOf(session, options), limit: options.limit })
      session.print(items, () => table(['ID', 'TIME', 'EVENT', 'DATA'], items.map(row), 'No events yet'))
    }),
  )

const get = remote('get', 'one event, and the runs that it led to')
  .argument('<id>', 'evt_…')
  .action(
    ask(async ({ zerodb, print }, id: string) => {
      const event = await zerodb.event_log.get({ event_id: id })
      const { items: runs } = await zerodb.runs.list({ event_id: id })
      print({ ...event, runs }, () =>
        [
          fields({ ...event, timestamp: time(event.timestamp) }),
          table(
            ['RUN', 'STATUS', 'HANDLER'],
            runs.map((run) => [run.id, run.status, run.handler]),
            'No runs',
          ),
        ].join('\n\n'),
      )
    }),
  )

const tail = remote('tail', 'events as they are committed, until Ctrl-C')
  .option('--type <event>', 'only of this type')
  .action(
    ask(async (session: Session, options: Filter) => {
      for await (const message of session.zerodb.event_log.stream(filterOf(session, options))) {
        if (message.event === 'event') session.print(message.data, () => row(message.data).join('  '))
        else if (!session.json) note('Listening. Ctrl-C ends.')
      }
    }),
  )

const publish = remote('publish', 'publish an event of your own')
  .argument('<topic>')
  .option('-d, --data <json>', 'its payload, @file or - for standard input', json, {})
  .action(
    ask(async ({ zerodb, print }, topic: string, { data }: { data: never }) => {
      const event = await zerodb.events.publish({ topic, event_payload: data })
      print(event, () => `Published ${event.event_id}`)
    }),
  )

export const events = new Command('events').description('facts about your writes')
for (const command of [list, get, tail, publish]) events.addCommand(command)
