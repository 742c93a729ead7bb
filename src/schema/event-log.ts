import { z } from 'zod'
import { integer, uuid } from './common.ts'
import { eventEnvelope } from './event.ts'

export const eventLogList = z.object({
  event_type: z.string().optional(),
  project_id: uuid.optional(),
  limit: integer(1, 1000).default(50),
  cursor: z.string().optional(),
})
/** Newest first. */
export const eventLogPage = z.object({ items: z.array(eventEnvelope), next_cursor: z.string().nullable() })
export const eventLogKey = z.object({ event_id: z.string() })
