import { z } from 'zod'
import { flag, limit, name, offset, ownProjectId, projectId, timestamp, uuid } from './common.ts'

/** An event that a user published, in contrast to the log of writes. */
export const published = z
  .object({
    event_id: z.string().describe('Id of the published event'),
    id: z.string().describe('Same value as `event_id`'),
    project_id: ownProjectId,
    topic: z.string().describe('Topic that the event was published to'),
    event_type: z.string().describe('Same value as `topic`'),
    event_payload: z.unknown().describe('The payload as it was published: any JSON value'),
    data: z.unknown().describe('Same value as `event_payload`'),
    source: z.string().nullable().describe('Source of the event, as the publisher names it; null when not given'),
    correlation_id: z.string().nullable().describe('Id by which the publisher groups events; null when not given'),
    published_at: timestamp.describe('When the event was published: ISO 8601 in UTC, with microseconds'),
    timestamp: timestamp.describe('Same value as `published_at`'),
  })
  .meta({ id: 'PublishedEvent', description: 'An event that you published to a topic' })
export type Published = z.infer<typeof published>

export const publish = z.object({
  project_id: projectId,
  topic: name.meta({ description: 'Topic to publish to', examples: ['orders.paid'] }),
  event_payload: z.unknown().default({}).describe('The payload: any JSON value'),
  source: name.nullish().describe('Source of the event, in your own words'),
  correlation_id: name.nullish().describe('Id by which you group events'),
})
export const publishedList = z.object({
  project_id: projectId,
  topic: z.string().optional().describe('Only events of this topic'),
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Only events that were published at this time or later: ISO 8601 with a time zone'),
  after: uuid.optional().describe('Only events after the one with this id, oldest first'),
  limit: limit(50),
  offset,
  array: flag.default(false).describe('True: return a bare array in place of a page. Always true with `after`'),
})
export const publishedPage = z
  .object({ events: z.array(published).describe('The events, newest first') })
  .meta({ id: 'PublishedEventPage', description: 'A page of published events' })
export const publishedKey = z.object({ project_id: projectId, event_id: uuid.describe('Id of the published event') })
