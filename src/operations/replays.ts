import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { type EventName, eventTypeOf, type StoredEventName } from '../schema/events.ts'
import {
  backfillCreate,
  type ReplayCriteria,
  replay,
  replayCreate,
  replayKey,
  replayList,
  replayOrDryRun,
  replayPage,
} from '../schema/replay.ts'
import { active, checkEventType } from './hooks.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

/** Returns a hook whose events can be made from stored rows. Throws `invalid` for another hook. */
function overRows<H extends { event_type: EventName }>(hook: H): H & { event_type: StoredEventName } {
  if (eventTypeOf(hook.event_type).isStored) return hook as H & { event_type: StoredEventName }
  throw new ZeroError(
    'invalid',
    `A backfill makes events from stored rows, and rows do not tell ${hook.event_type}: replay events of the log instead`,
  )
}

const dryIs200 = {
  status: 200 as const,
  description: 'A dry run: nothing has been created',
  holds: (answer: object) => 'dry_run' in answer,
}

export const replaysCreate = defineJson({
  name: 'replays.create',
  summary: 'Replay events',
  description:
    'Dispatches events of the log again, to all hooks that match or to one hook, at the rate given. Returns the replay, which continues after a restart. A dry run only counts.',
  route: 'POST /api/v1/replays',
  permission: 'hooks:write',
  idempotent: false,
  input: replayCreate,
  output: replayOrDryRun,
  status: 201,
  otherStatus: dryIs200,
  async run(app, caller, { rate_per_second, dry_run, ...given }) {
    const criteria = await narrowed(app, caller, given)
    const { replays } = app.store
    const seqs =
      criteria.event_ids === undefined ? null : await replays.seqsOf(caller.user_id, caller.bound, criteria.event_ids)
    if (dry_run) return { dry_run: true as const, total: await replays.countEvents(caller.user_id, criteria, seqs) }
    return replays.createReplay(caller.user_id, criteria, seqs, rate_per_second)
  },
})

export const hooksBackfill = defineJson({
  name: 'hooks.backfill',
  summary: 'Run a hook over rows that are older than the hook',
  description:
    'Makes one run for each row that matches the hook and has no run yet, oldest first, at the rate given. Returns the backfill, which continues after a restart. A dry run only counts.',
  route: 'POST /api/v1/hooks/:hook_id/backfill',
  permission: 'hooks:write',
  idempotent: false,
  input: backfillCreate,
  output: replayOrDryRun,
  status: 201,
  otherStatus: dryIs200,
  async run(app, caller, { hook_id, rate_per_second, dry_run, ...period }) {
    const hook = overRows(await active(app, caller, hook_id))
    const project = hook.project_id ?? caller.bound
    const { replays } = app.store
    if (dry_run)
      return { dry_run: true as const, total: await replays.countRows(caller.user_id, project, hook, period) }
    return replays.createBackfill(caller.user_id, project, hook, period, rate_per_second)
  },
})

export const replaysList = defineJson({
  name: 'replays.list',
  summary: 'List replays and backfills, newest first',
  description: 'Returns a page of your replays and backfills.',
  route: 'GET /api/v1/replays',
  permission: 'hooks:read',
  idempotent: true,
  input: replayList,
  output: replayPage,
  async run(app, caller, { cursor, ...filter }) {
    const items = await app.store.replays.list(caller.user_id, {
      ...filter,
      bound: caller.bound,
      before: decodeCursor(cursor),
    })
    return { items, next_cursor: encodeCursor(items, filter.limit) }
  },
})

export const replaysGet = defineJson({
  name: 'replays.get',
  summary: 'Get a replay or backfill',
  description: 'Returns its progress and the number of its runs by status.',
  route: 'GET /api/v1/replays/:replay_id',
  permission: 'hooks:read',
  idempotent: true,
  input: replayKey,
  output: replay,
  run: (app, caller, { replay_id }) => app.store.replays.get(caller.user_id, caller.bound, replay_id),
})

export const replaysCancel = defineJson({
  name: 'replays.cancel',
  summary: 'Cancel a replay or backfill',
  description: 'Ends it and cancels its queued runs.',
  route: 'POST /api/v1/replays/:replay_id/cancel',
  permission: 'hooks:write',
  idempotent: false,
  input: replayKey,
  errors: ['replay_final'],
  output: replay,
  async run(app, caller, { replay_id }) {
    await app.store.transaction(({ replays }) => replays.cancel(caller.user_id, caller.bound, replay_id))
    // Other runs may have been blocked by the cancelled ones.
    app.runs.queued()
    return app.store.replays.get(caller.user_id, caller.bound, replay_id)
  },
})

/** Completes the criteria with those of the caller's key and the hook. Throws `not_found`, and `invalid` if no event can match them. */
async function narrowed(app: App, caller: Caller, given: ReplayCriteria): Promise<ReplayCriteria> {
  if (given.event_type !== undefined) checkEventType(given.event_type)
  if (given.project_id !== undefined) await app.store.projects.get(scopeOf(caller, given.project_id))
  const hook = given.hook_id === undefined ? null : await active(app, caller, given.hook_id)
  const project_id = given.project_id ?? caller.bound ?? hook?.project_id ?? undefined
  if (hook && given.event_type !== undefined && given.event_type !== hook.event_type)
    throw new ZeroError('invalid', `This hook is for "${hook.event_type}", not for "${given.event_type}"`)
  if (hook?.project_id && project_id !== hook.project_id)
    throw new ZeroError('invalid', `This hook is for project ${hook.project_id}, not for ${project_id}`)
  return {
    ...given,
    ...(hook ? { event_type: hook.event_type } : {}),
    ...(project_id === undefined ? {} : { project_id }),
  }
}
