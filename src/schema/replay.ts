import { z } from 'zod'
import { createdAt, cursor, flag, integer, nextCursor, timestamp, uuid } from './common.ts'
import { eventTypeName } from './events.ts'
import { RUN_STATUSES } from './run.ts'

export const REPLAY_STATUSES = ['running', 'done', 'cancelled'] as const

const time = z.iso.datetime({ offset: true })
const rate = integer(1, 10_000).default(100).describe('Maximum number of runs to make in a second')
const dryRunFlag = flag
  .default(false)
  .describe('True: count what would be handled, with status 200, and create nothing')

export const replayCriteria = z
  .object({
    event_type: eventTypeName.optional().meta({ description: 'Only events of this type' }),
    project_id: uuid.optional().describe('Only events of this project'),
    event_ids: z.array(z.string().max(100)).min(1).max(1_000).optional().describe('Only these events, at most 1,000'),
    since: time.optional().describe('Only events committed at this time or later: ISO 8601 with a time zone'),
    until: time.optional().describe('Only events committed before this time: ISO 8601 with a time zone'),
    hook_id: uuid.optional().describe('Only this hook receives the events. When absent: all hooks that match'),
  })
  .meta({ id: 'ReplayCriteria', description: 'Which events to replay: those that meet all criteria given' })
export type ReplayCriteria = z.infer<typeof replayCriteria>

export const replayCreate = replayCriteria.extend({ rate_per_second: rate, dry_run: dryRunFlag })

export const backfillCreate = z.object({
  hook_id: uuid.describe('Id of the hook'),
  rate_per_second: rate,
  since: time.optional().describe('Only rows stored at this time or later: ISO 8601 with a time zone'),
  until: time.optional().describe('Only rows stored before this time: ISO 8601 with a time zone'),
  dry_run: dryRunFlag,
})

export const replay = z
  .object({
    id: z.string().describe('Id of the replay'),
    kind: z
      .enum(['replay', 'backfill'])
      .describe(
        '`replay`: dispatches events of the log again. `backfill`: runs a hook over rows that are older than the hook',
      ),
    status: z
      .enum(REPLAY_STATUSES)
      .describe('`running`; `done` when all runs have been created, although some may still be executing; `cancelled`'),
    total: z.number().describe('Number of events or rows to go through'),
    seen: z.number().describe('Number of events or rows handled so far'),
    created: z.number().describe('Number of runs created so far: one for each hook that matches an event'),
    rate_per_second: z.number().describe('Maximum number of runs to make in a second'),
    criteria: replayCriteria,
    runs: z
      .object(
        Object.fromEntries(
          RUN_STATUSES.map((status) => [status, z.number().describe(`Number of runs that are ${status}`)]),
        ) as Record<(typeof RUN_STATUSES)[number], z.ZodNumber>,
      )
      .meta({ id: 'RunCounts', description: 'Number of the runs by status' }),
    created_at: createdAt,
    finished_at: timestamp.nullable().describe('When the replay ended; null while it is running'),
  })
  .meta({ id: 'Replay', description: 'A replay or a backfill' })
export type Replay = z.infer<typeof replay>

export const dryRun = z
  .object({
    dry_run: z.literal(true).describe('Always true'),
    total: z.number().describe('Number of events or rows that would be handled'),
  })
  .meta({ id: 'DryRun', description: 'What a replay or backfill would handle. Nothing has been created' })
export const replayOrDryRun = z.union([replay, dryRun]).describe('The replay or backfill, which is running')

export const replayList = z.object({
  status: z.enum(REPLAY_STATUSES).optional().describe('Only replays with this status'),
  limit: integer(1, 1000).default(50).describe('Maximum number of replays'),
  cursor,
})
export const replayPage = z
  .object({ items: z.array(replay).describe('The replays and backfills, newest first'), next_cursor: nextCursor })
  .meta({ id: 'ReplayPage', description: 'A page of replays and backfills' })
export const replayKey = z.object({ replay_id: uuid.describe('Id of the replay or backfill') })
