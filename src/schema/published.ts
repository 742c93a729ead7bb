import { z } from 'zod'
import { flag, limit, name, offset, projectId, timestamp, uuid } from './common.ts'

/** An event that a user published, as opposed to the system's own log of writes. */
export const published = z.object({
  event_id: z.string(),
  id: z.string(),
  project_id: z.string(),
  topic: z.string(),
  event_type: z.string(),
  event_payload: z.unknown(),
  data: z.unknown(),
  source: z.string().nullable(),
  correlation_id: z.string().nullable(),
  published_at: timestamp,
  timestamp,
})
export type Published = z.infer<typeof published>

export const publish = z.object({
  project_id: projectId,
  topic: name,
  /** Any JSON value. */
  event_payload: z.unknown().default({}),
  source: name.nullish(),
  correlation_id: name.nullish(),
})
export const publishedList = z.object({
  project_id: projectId,
  topic: z.string().optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  after: uuid.optional(),
  limit: limit.default(50),
  offset,
  /** A bare array in place of a page, as pollers read it; always so with `after`. */
  array: flag.default(false),
})
export const publishedPage = z.object({ events: z.array(published) })
export const publishedKey = z.object({ project_id: projectId, event_id: uuid })
