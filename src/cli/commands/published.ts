import type { Command } from 'commander'
import { stringifyJson } from '../../exact-json.ts'
import { fields, note, time } from '../lib/output.ts'
import { timestamp } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { columns, group, type Input, limited, shown, skippable, verb } from '../lib/verb.ts'

const ofTopic = (command: Command) => command.option('--topic <topic>', 'only of this topic')
const since = (command: Command) =>
  command.option('--since <time>', 'only since this time: 2026-06-10T08:00:00Z, 90m, 2d', timestamp)
const event = columns('event_id', 'published_at', 'topic', 'event_payload')
const words = ({ events }: { events: Input[] }) => event(events, 'No events')

const tail = ofTopic(remote('tail', 'print published events as they are committed, until Ctrl-C'))
  .option('--from-timestamp <time>', 'first print the events since this time: 2026-06-10T08:00:00Z, 90m', timestamp)
  .action(
    ask(async ({ zerodb, json, print }: Session, options: { topic?: string; fromTimestamp?: string }) => {
      const { topic, fromTimestamp } = options
      for await (const { data } of zerodb.events.stream({ topic, from_timestamp: fromTimestamp })) {
        if ('event_id' in data)
          print(data, () =>
            [data.event_id, time(data.published_at), data.topic, stringifyJson(data.event_payload)].join('  '),
          )
        else if (!json) note('Listening. Press Ctrl-C to stop.')
      }
    }),
  )

export const published = group('published', 'published events, by topic; to publish one: zerodb events publish', [
  verb('events', 'list', 'list published events, newest first', {
    options: (command) => skippable(since(ofTopic(command))),
    words: (items: Input[]) => event(items, 'No events. Publish one: zerodb events publish TOPIC'),
  }),
  verb('events', 'get', 'show a published event', { args: ['event_id'], words: shown }),
  tail,
  verb('events', 'poll', 'print the next events after the last one that you have seen, oldest first', {
    options: (command) =>
      limited(since(ofTopic(command))).option(
        '--after <event_id>',
        'id of the last event; from the first if not given',
      ),
    words,
  }),
  verb('events', 'consume', 'take the oldest events out of a topic, which deletes them', {
    options: (command) => limited(ofTopic(command)),
    words,
  }),
  verb('events', 'count', 'count published events', {
    options: (command) => since(ofTopic(command)),
    words: ({ count, count_is_exact }: Input) => `${count}${count_is_exact ? '' : ' or more'}`,
  }),
  verb('events', 'stats', 'count published events by topic', {
    options: (command) => command.option('--time-range <range>', 'only of the last 30m, 24h or 7d; all if not given'),
    words: ({ topics, ...rest }: { topics: Input[] }) =>
      [fields(rest), columns('topic', 'count')(topics, 'No events')].join('\n\n'),
  }),
  verb('events', 'clear', 'delete the published events of a topic', {
    args: ['topic'],
    question: ({ topic }) => `Delete the published events of the topic ${topic}?`,
    words: ({ deleted }: { deleted: number }) => `Deleted ${deleted} events`,
  }),
])
