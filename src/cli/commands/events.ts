import type { Event, EventName, HookVerdict } from '../../client/index.ts'
import { stringifyJson } from '../../exact-json.ts'
import { findEvent } from '../lib/find.ts'
import { fields, note, table, time } from '../lib/output.ts'
import { json, number } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { group, verb } from '../lib/verb.ts'

interface Filter {
  type?: string
  limit?: number
}

const filterOf = ({ server }: Session, { type }: Filter) => ({
  event_type: type as EventName | undefined,
  project_id: server.projectId,
})

const row = ({ id, event, timestamp, data }: Event) => [id, time(timestamp), event, stringifyJson(data)]

const list = remote('list', 'list events of your writes, newest first')
  .option('--type <event>', 'only of this type')
  .option('--limit <n>', 'maximum number of events', number, 20)
  .action(
    ask(async (session: Session, options: Filter) => {
      const { items } = await session.zerodb.event_log.list({ ...filterOf(session, options), limit: options.limit })
      session.print(items, () => table(['ID', 'TIME', 'EVENT', 'DATA'], items.map(row), 'No events yet'))
    }),
  )

const get = remote('get', 'show an event and the runs that it triggered')
  .argument('<id>', 'evt_…')
  .action(
    ask(async ({ zerodb, print }, given: string) => {
      const id = await findEvent(zerodb, given)
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

const REASONS: Record<NonNullable<HookVerdict['reason']>, string> = {
  created_later: 'the hook was created after the event; to deliver it: zerodb replay --event ID --hook HOOK',
  other_project: 'the hook is for another project',
  inactive: 'the hook is disabled: zerodb hooks enable HOOK',
  filter: 'its filter does not match: zerodb hooks test HOOK',
  pending: 'the event is being dispatched',
  changed: 'the hook was changed or enabled after the event',
  expired: 'the hook fired; its run is past its retention and was deleted',
}

const why = remote('why', 'show which hooks an event fired, and why it did not fire others')
  .argument('<id>', 'evt_…')
  .action(
    ask(async ({ zerodb, print }: Session, given: string) => {
      const id = await findEvent(zerodb, given)
      const found = await zerodb.event_log.hooks({ event_id: id })
      const describe = ({ hook_id, reason, runs }: HookVerdict) =>
        reason === null
          ? runs.map((run) => `run ${run.id} ${run.status}`).join(', ')
          : REASONS[reason].replace('HOOK', hook_id).replace('ID', id)
      const rows = found.hooks.map((verdict) => [
        verdict.hook_id,
        verdict.hook_name,
        verdict.fired ? 'yes' : 'no',
        describe(verdict),
      ])
      print(found, () => table(['HOOK', 'NAME', 'FIRED', 'WHY'], rows, 'No hook is on events of this type'))
    }),
  )

const tail = remote('tail', 'print events as they are committed, until Ctrl-C')
  .option('--type <event>', 'only of this type')
  .action(
    ask(async (session: Session, options: Filter) => {
      for await (const message of session.zerodb.event_log.stream(filterOf(session, options))) {
        if (message.event === 'event') session.print(message.data, () => row(message.data).join('  '))
        else if (!session.json) note('Listening. Press Ctrl-C to stop.')
      }
    }),
  )

const publish = verb('events', 'publish', 'publish an event on a topic', {
  args: ['topic'],
  options: (command) =>
    command
      .option('-d, --data <json>', 'payload, @file or - for standard input', json, {})
      .option('--source <text>', 'source, in your own words')
      .option('--correlation-id <id>', 'id by which you group events'),
  input: ({ data, ...rest }) => ({ ...rest, event_payload: data }),
  words: ({ event_id }: { event_id: string }) => `Published ${event_id}`,
})

const publishBatch = verb('events', 'publish-batch', 'publish up to 100 events, all or none', {
  options: (command) =>
    command.requiredOption(
      '-d, --data <json>',
      'list such as [{"topic": "a", "event_payload": {}}], @file or - for standard input',
      json,
    ),
  input: ({ data }) => ({ events: data }),
  words: ({ published_count }: { published_count: number }) => `Published ${published_count} events`,
})

export const events = group('events', 'events of your writes', [list, get, why, tail, publish, publishBatch])
