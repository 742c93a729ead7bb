import { z } from 'zod'
import { flag, integer, metadata, seconds, timestamp, uuid } from './common.ts'
import { loggedEvent } from './event-log.ts'

export const HOOK_TYPES = ['first_party', 'function', 'webhook'] as const

/** Runs whose events have the same value at `path` go one after the other, in the order of the events. */
export const orderingKey = z.strictObject({
  /** Into the event's `data` or its `row`, e.g. `row.metadata.customer`. An event without a value there is not ordered. */
  path: z.string().min(1).max(255),
  /** What a run that has failed does to those behind it: it keeps them waiting until it is final, or is dead at once and lets them pass. */
  policy: z.enum(['block', 'skip']).default('block'),
})

/** When a run that has failed is tried again; what is missing is as usual. */
export const retryPolicy = z.strictObject({
  max_attempts: z.number().int().min(1).max(100).optional(),
  /** The pause after the first failure; each further one is `factor` times as long. */
  initial_seconds: z.number().min(0).max(86_400).optional(),
  factor: z.number().min(1).max(10).optional(),
  max_seconds: z.number().min(0).max(86_400).optional(),
  /** `full`: each pause is drawn between nothing and its length, so that not all come back at once. */
  jitter: z.enum(['full', 'none']).optional(),
})
export type RetryPolicy = z.infer<typeof retryPolicy>

export const hook = z.object({
  id: z.string(),
  user_id: z.string(),
  project_id: z.string().nullable(),
  event_type: z.string(),
  hook_type: z.string(),
  hook_name: z.string(),
  hook_config: metadata,
  is_active: z.boolean(),
  created_at: timestamp,
  updated_at: timestamp,
  // From here on each is there only where it has been set.
  filter: metadata.optional(),
  ordering_key: orderingKey.optional(),
  retry: retryPolicy.optional(),
  /** How many of its runs may go on at once, over all instances; otherwise as many as there are slots. */
  concurrency: z.number().optional(),
  /** Its runs are made, and wait. */
  paused: z.literal(true).optional(),
  /** Why the system has switched it off. */
  disabled_reason: z.string().optional(),
  /** The function that is its handler. */
  function_id: z.string().optional(),
  /** Its function's configuration asks for it: deploying another changes or removes it. */
  declared: z.literal(true).optional(),
})
export type Hook = z.infer<typeof hook>

/** What a hook's maker may say about delivery, at creation and later; null: as usual. */
const delivery = {
  filter: metadata.nullish(),
  ordering_key: z.union([z.string().transform((path) => ({ path, policy: 'block' as const })), orderingKey]).nullish(),
  retry: retryPolicy.nullish(),
  concurrency: integer(1, 1000).nullish(),
  paused: z.boolean().optional(),
}
export type Delivery = z.infer<z.ZodObject<typeof delivery>>

/** `event_type`, `hook_name` and `hook_type` are checked against what exists, with a message that names the choices. */
export const hookCreate = z.object({
  event_type: z.string().max(100),
  hook_name: z.string().max(100),
  hook_type: z.string().max(50).optional(),
  project_id: uuid.nullish(),
  hook_config: metadata.default({}),
  ...delivery,
})

/** A filter, and an ordering key, to be tried out on the latest events. */
export const filterTest = z.object({
  event_type: z.string().max(100),
  filter: delivery.filter,
  ordering_key: delivery.ordering_key,
  project_id: uuid.optional(),
  limit: integer(1, 100).default(20),
})
export type FilterTest = z.infer<typeof filterTest>

/** `tested`: events that were looked at; `items`: what the filter makes of each, newest first. */
export const filterTested = z.object({
  tested: z.number(),
  matched: z.number(),
  items: z.array(
    z.object({
      event: loggedEvent,
      /** The event's row as filters see it now; null when it is gone, has none, or is larger than 8 KB. */
      row: z.unknown(),
      matches: z.boolean(),
      ordering_key: z.string().nullable(),
    }),
  ),
})

export type FilterTested = z.infer<typeof filterTested>

/** `payload` is the event's data; where it names a row that is stored, the handler gets that. */
export const hookInvoke = z.object({
  hook_id: uuid,
  payload: metadata.default({}),
  /** In which project, for a hook that is for all: else the key's, `X-Project-ID` or the default one. */
  project_id: uuid.optional(),
  /** For how long the answer waits for the first attempt to end. */
  wait_seconds: seconds(0, 60).default(30),
})

export const hookList = z.object({
  event_type: z.string().optional(),
  project_id: uuid.optional(),
  active_only: flag.default(true),
})

export const hookKey = z.object({ hook_id: uuid })

/** `hook_config` replaces the whole configuration. */
export const hookUpdate = z.object({
  hook_id: uuid,
  hook_config: metadata.optional(),
  is_active: z.boolean().optional(),
  ...delivery,
})
