import { z } from 'zod'
import { integer, name, seconds, timestamp } from './common.ts'

export const entity = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  aliases: z.array(z.string()),
})
export type Entity = z.infer<typeof entity>

export const relationship = z.object({
  id: z.string(),
  subject: z.string(),
  predicate: z.string(),
  object: z.string(),
  confidence: z.number(),
  /** The memories that say so. */
  sources: z.array(z.string()),
  created_at: timestamp,
})

/** `entity` is a name, an alias (any spelling that resolves to it, or the `entity_id` given to remember) or an id. */
export const neighborsQuery = z.object({
  entity: name,
  limit: integer(1, 500).default(50),
  /** Seconds to wait for the caller's own unfinished extraction; 0 answers at once. */
  wait: seconds(0, 10).default(2),
})
export const neighbors = z.object({
  entity,
  neighbors: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      type: z.string(),
      predicate: z.string(),
      direction: z.enum(['out', 'in']),
      confidence: z.number(),
    }),
  ),
  relationships: z.array(relationship),
  nodes: z.array(z.object({ id: z.string(), label: z.string(), type: z.string() })),
  edges: z.array(z.object({ id: z.string(), source: z.string(), target: z.string(), predicate: z.string() })),
  count: z.number(),
  /** Extractions that had not finished when the wait was over. */
  pending: z.number(),
})
export type Neighbors = z.infer<typeof neighbors>
