import { type Statement, sql } from '../../db/sql.ts'
import { runDead } from '../../schema/events.ts'
import { emit } from '../outbox.ts'

/**
 * Common table expressions that emit `zerodb.run.dead` for the rows of `changed` that are dead: runs as they are after the statement's
 * change. A run whose own event is a `zerodb.run.dead` emits none, so that a failing hook on dead runs does not cause itself. Join `event` on
 * `ref`, the id of the run.
 *
 * Execute the statement by `commit` and not by `asyncCommit`: an event that was delivered and then lost in a crash would leave its number, and
 * so its id, to another event.
 */
export function emitDeadRuns(changed: Statement): Statement {
  return sql`
    stored as materialized (
      select
        r.id as run_id, r.id::text as ref, r.user_id, r.project_id, r.handler, nullif(r.hook_id, r.function_id) as hook_id, r.function_id,
        coalesce(e.id, r.input ->> 'id') as event_id, r.error ->> 'code' as code, r.attempts,
        coalesce(e.chain_id, e.id, r.chain_id, r.input ->> 'id') as chain_id, coalesce(e.depth, r.depth, 0) + 1 as depth, r.id as caused_by,
        coalesce(e.trace, r.input ->> 'trace') as trace
      from ${changed} r
      left join lateral (select * from zerodb_events where seq = r.event_seq limit 1) e on true
      where r.status = 'dead' and coalesce(e.event, r.input ->> 'event') is distinct from ${runDead.name}
    ),
    ${emit('stored', runDead, {
      run_id: sql`stored.run_id`,
      project_id: sql`stored.project_id`,
      handler: sql`stored.handler`,
      hook_id: sql`stored.hook_id`,
      function_id: sql`stored.function_id`,
      event_id: sql`stored.event_id`,
      code: sql`stored.code`,
      attempts: sql`stored.attempts`,
      user_id: sql`stored.user_id`,
    })}`
}
