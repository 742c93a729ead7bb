import { z } from 'zod'
import { flag, integer, timestamp, uuid } from './common.ts'
import { RUN_STATUSES } from './run.ts'

export const REPLAY_STATUSES = ['running', 'done', 'cancelled'] as const

const time = z.iso.datetime({ offset: true })
const rate = integer(1, 10_000).default(100)

/** Which events; all that are given must hold. `since` and `until`: when they happened. */
export const replayCriteria = z.object({
  event_type: z.string().max(100).optional(),
  project_id: uuid.optional(),
  event_ids: z.array(z.string().max(100)).min(1).max(1_000).optional(),
  since: time.optional(),
  until: time.optional(),
  /** Only this hook gets them. */
  hook_id: uuid.optional(),
})
export type ReplayCriteria = z.infer<typeof replayCriteria>

export const replayCreate = replayCriteria.extend({ rate_per_second: rate, dry_run: flag.default(false) })

/** `since` and `until`: when the row was stored. */
export const backfillCreate = z.object({
  hook_id: uuid,
  rate_per_second: rate,
  since: time.optional(),
  until: time.optional(),
  dry_run: flag.default(false),
})

export const replay = z.object({
  id: z.string(),
  /** `replay`: events once more. `backfill`: a hook over rows that were there before it. */
  kind: z.enum(['replay', 'backfill']),
  status: z.enum(REPLAY_STATUSES),
  /** Events or rows that it goes through. */
  total: z.number(),
  /** Of these, those that it has come to. */
  seen: z.number(),
  /** Runs that it has made: one for each hook that takes the event, none where a filter keeps it out or the run is there already. */
  created: z.number(),
  rate_per_second: z.number(),
  criteria: replayCriteria,
  /** How its runs are doing. */
  runs: z.object(
    Object.fromEntries(RUN_STATUSES.map((status) => [status, z.number()])) as Record<
      (typeof RUN_STATUSES)[number],
      z.ZodNumber
    >,
  ),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
})
export type Replay = z.infer<typeof replay>

/** What a dry run says: how many events or rows there are. Nothing has been made. */
export const dryRun = z.object({ dry_run: z.literal(true), total: z.number() })
export const replayOrDryRun = z.union([replay, dryRun])

export const replayList = z.object({
  status: z.enum(REPLAY_STATUSES).optional(),
  limit: integer(1, 1000).default(50),
  cursor: z.string().optional(),
})
export const replayPage = z.object({ items: z.array(replay), next_cursor: z.string().nullable() })
export const replayKey = z.object({ replay_id: uuid })
