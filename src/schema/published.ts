import { z } from 'zod'
import {
  cursor,
  integer,
  limit,
  name,
  nextCursor,
  offset,
  ownProjectId,
  projectId,
  seconds,
  streamToken,
  timestamp,
  totalIsExact,
  uuid,
} from './common.ts'
import { dueTime } from './due-time.ts'
import { EVENT_NAMES } from './events.ts'

/** An event that a user published, in contrast to the log of writes. */
export const published = z
  .object({
    event_id: z.string().describe('Id of the published event'),
    id: z.string().describe('Same value as `event_id`'),
    project_id: ownProjectId,
    topic: z.string().describe('Topic that the event was published to'),
    event_type: z.string().describe('Same value as `topic`'),
    type: z.string().describe('Same value as `topic`'),
    event_payload: z.unknown().describe('The payload as it was published: any JSON value'),
    data: z.unknown().describe('Same value as `event_payload`'),
    source: z.string().nullable().describe('Source of the event, as the publisher names it; null when not given'),
    correlation_id: z.string().nullable().describe('Id by which the publisher groups events; null when not given'),
    published_at: timestamp.describe(
      'When the event was published, or will be after a delay: ISO 8601 in UTC, with microseconds',
    ),
    scheduled_at: timestamp
      .optional()
      .describe('When a delayed event becomes visible: ISO 8601 in UTC. Only in the answer of its publication'),
    timestamp: timestamp.describe('Same value as `published_at`'),
  })
  .meta({ id: 'PublishedEvent', description: 'An event that you published to a topic' })
export type Published = z.infer<typeof published>

/** Maximum number of events in one request. */
const MAX_BATCH = 100

export const newEvent = z.object({
  topic: name.meta({ description: 'Topic to publish to', examples: ['orders.paid'] }),
  event_payload: z.unknown().default({}).describe('The payload: any JSON value'),
  source: name.nullish().describe('Source of the event, in your own words'),
  correlation_id: name.nullish().describe('Id by which you group events'),
})
export const publish = newEvent.extend({ ...dueTime, project_id: projectId })
export const publishBatch = z.object({
  project_id: projectId,
  events: z
    .array(newEvent.extend(dueTime).strict().meta({ id: 'NewEvent', description: 'An event to publish' }))
    .min(1)
    .max(MAX_BATCH)
    .describe(`The events, 1 to ${MAX_BATCH}. The body can also be this array`),
})
export const publishedBatch = z
  .object({
    events: z.array(published).describe('The published events, in the order of the request'),
    event_ids: z.array(z.string()).describe('Ids of the events, in the same order'),
    published_count: z.number().describe('Number of events, with those that are published later'),
  })
  .meta({ id: 'PublishedBatch', description: 'The events of one request that were published together' })

const topic = z.string().optional().describe('Only events of this topic')
const since = z.iso
  .datetime({ offset: true })
  .optional()
  .describe('Only events that were published at this time or later: ISO 8601 with a time zone')

export const publishedList = z.object({ project_id: projectId, topic, since, limit: limit(50), offset, cursor })
export const publishedPage = z
  .object({ events: z.array(published).describe('The events, newest first'), next_cursor: nextCursor })
  .meta({ id: 'PublishedEventPage', description: 'A page of published events' })
export const publishedKey = z.object({ project_id: projectId, event_id: uuid.describe('Id of the published event') })

export const publishedPoll = z.object({
  project_id: projectId,
  topic: z
    .string()
    .optional()
    .meta({
      description:
        'Only events of this topic. The name of an event type, such as `zerodb.vector.stored`, selects the events of that type from the event log of the project instead',
      examples: ['orders.paid', ...EVENT_NAMES],
    }),
  after: z
    .string()
    .max(100)
    .optional()
    .describe('Id of the last event that you have seen. When absent or empty: from the first event on'),
  since,
  limit: limit(50),
})
export const polledEvents = z
  .object({ events: z.array(published).describe('The events, oldest first') })
  .meta({ id: 'PolledEvents', description: 'The next events, oldest first' })

export const publishedConsume = z.object({
  project_id: projectId,
  topic,
  limit: integer(1, 1000).default(1).describe('Maximum number of events to take'),
})
export const consumedEvents = z
  .object({ events: z.array(published).describe('The events that were taken, oldest first') })
  .meta({ id: 'ConsumedEvents', description: 'Events that were deleted and are returned only here' })

export const publishedCount = z.object({ project_id: projectId, topic, since })
export const eventCount = z
  .object({
    count: z.number().describe('Number of events, counted up to 10,000'),
    count_is_exact: z.boolean().describe('False when there are more than the count says, which were not counted'),
  })
  .meta({ id: 'PublishedEventCount', description: 'The number of published events' })

export const publishedClear = z.object({
  project_id: projectId,
  topic: name.describe('Topic whose events are deleted'),
})
export const clearedEvents = z
  .object({ deleted: z.number().describe('Number of deleted events') })
  .meta({ id: 'ClearedEvents', description: 'The number of deleted events' })

export const publishedStats = z.object({
  project_id: projectId,
  time_range: z
    .string()
    .regex(/^(all|[1-9]\d{0,4}[mhd])$/, { error: 'Must be "all", or a number with a unit, such as 30m, 24h or 7d' })
    .default('all')
    .meta({
      description: 'Only events of the last minutes (`30m`), hours (`24h`) or days (`7d`), or `all`',
      examples: ['24h'],
    }),
})
export const eventStats = z
  .object({
    project_id: ownProjectId,
    time_range: z.string().describe('The time range of the request'),
    total_events: z.number().describe('Number of events in the time range, counted over the newest 10,000'),
    total_is_exact: totalIsExact,
    topics: z
      .array(
        z.object({
          topic: z.string().describe('The topic'),
          count: z.number().describe('Number of counted events of the topic'),
        }),
      )
      .describe('The 100 topics with the most events among the counted ones, the largest first'),
    first_event_at: timestamp
      .nullable()
      .describe('When the oldest counted event was published: ISO 8601 in UTC; null without events'),
    last_event_at: timestamp
      .nullable()
      .describe('When the newest event was published: ISO 8601 in UTC; null without events'),
  })
  .meta({ id: 'PublishedEventStats', description: 'How many events were published, by topic' })
export type EventStats = z.infer<typeof eventStats>

export const publishedStream = z.object({
  project_id: projectId,
  topic,
  from_timestamp: since.describe(
    'First send the events that were published at this time or later: ISO 8601 with a time zone. When absent: only events from now on',
  ),
  after: z
    .string()
    .max(100)
    .optional()
    .describe(
      'Id of the last message or event received: first send the later events. Takes precedence over `from_timestamp`',
    ),
  token: streamToken,
})
/** Messages of the stream of published events. All have the same name, so that `EventSource.onmessage` receives them. */
export const publishedMessages = {
  message: z
    .union([
      z
        .object({
          type: z.literal('connection').describe('Always `connection`'),
          status: z.literal('connected').describe('Always `connected`'),
          project_id: ownProjectId,
        })
        .meta({ id: 'PublishedStreamConnection', description: 'The first message: the stream is open' }),
      published,
      z
        .object({
          type: z.literal('ping').describe('Always `ping`'),
          timestamp: timestamp.describe('When the server sent it: ISO 8601 in UTC'),
        })
        .meta({ id: 'PublishedStreamPing', description: 'Sent after 30 s without another message' }),
    ])
    .meta({
      id: 'PublishedStreamMessage',
      description: 'A message of the stream: `connection`, then events and `ping`',
    }),
}

/** Maximum lifetime of a stream token. A stream that is open when its token expires goes on for at most an hour. */
const MAX_TOKEN_SECONDS = 3_600
export const streamTokenCreate = z.object({
  project_id: projectId,
  expires_in: seconds(1, MAX_TOKEN_SECONDS)
    .default(300)
    .describe('Seconds until the token expires, 1 to 3,600. A connected stream goes on'),
})
export const createdStreamToken = z
  .object({
    token: z.string().describe('The token, for the query parameter `token` of the stream'),
    expires_in: z.number().describe('Seconds until the token expires'),
    expires_at: timestamp.describe('When the token expires: ISO 8601 in UTC'),
    url_path: z.string().describe('Path of the stream with the token, without the origin'),
  })
  .meta({ id: 'StreamToken', description: 'A short-lived token that can only read the stream of one project' })
