import { json, type Statement, sql } from '../../db/sql.ts'
import type { Run } from '../../schema/run.ts'
import { found, type StoreContext, timeIn } from '../context.ts'
import { emitDeadRuns } from './dead-runs.ts'

/** A run whose caller waits: it executes immediately, and is stored when it ends or before its first write. */
export interface Invoked {
  id: string
  trigger: 'http' | 'tool' | 'invoke'
  function_id: string
  function_version: number
  /** The event envelope for the function, without bodies that are not stored. */
  input: object
  chain_id: string | null
  depth: number
  started_at: string
}

export interface CallResult extends Invoked {
  status: 'succeeded' | 'dead' | 'cancelled'
  /** A JSON document; null without a result. */
  result: string | null
  error: Run['error']
  logs: Run['logs']
  requests?: Run['requests']
  requests_omitted?: number
  finished_at: string
}

export function functionRuns(context: StoreContext) {
  const { db, asyncCommit, commit } = context
  return {
    /** Queues a run of a function for a caller that does not wait, due in this number of seconds; null for now. Returns its id. */
    async enqueue(
      functionId: string,
      trigger: Invoked['trigger'],
      input: object,
      cause: { chain_id: string; depth: number } | undefined,
      dueIn: number | null = null,
    ): Promise<string> {
      const rows = await db.query<{ id: string }>(sql`
        ${insertRuns(
          sql`
          select
            f.id as function_id, f.user_id, f.project_id, f.name, f.runtime, null::uuid as schedule_id, ${json(input)}::jsonb as input,
            ${trigger} as trigger, null::text as dedupe_key, false as skipped
          from zerodb_functions f
          where f.id = ${functionId}::uuid`,
          timeIn(context, dueIn),
          cause,
        )}
        returning id`)
      return found(rows, 'Function').id
    },

    /** Stores a run before its first write, so that the write can refer to it, and the death of its process is detected. */
    async begin(epoch: number, run: Invoked): Promise<void> {
      await db.query(sql`
        insert into zerodb_runs
          (id, trigger, hook_id, function_id, function_version, runtime, user_id, project_id, handler, input, chain_id, depth, status, attempts,
            at_most_once, owner, started_at, created_at, run_at)
        select
          ${run.id}::uuid, ${run.trigger}, f.id, f.id, ${run.function_version}::int, f.runtime, f.user_id, f.project_id, f.name,
          ${json(run.input)}::jsonb, ${run.chain_id}, ${run.depth}::int, 'running', 1, true, ${epoch}::bigint, ${run.started_at}::timestamptz,
          ${run.started_at}::timestamptz, ${run.started_at}::timestamptz
        from zerodb_functions f
        where f.id = ${run.function_id}::uuid`)
    },

    /** Stores finished runs. Those that `begin` has stored are updated. */
    async record(endings: readonly CallResult[]): Promise<void> {
      const recorded = sql`
        insert into zerodb_runs
          (id, trigger, hook_id, function_id, function_version, runtime, user_id, project_id, handler, input, chain_id, depth, status, attempts,
            at_most_once, started_at, created_at, run_at, finished_at, result, error, logs, requests,
            requests_omitted)
        select
          r.id, r.trigger, f.id, f.id, r.function_version, f.runtime, f.user_id, f.project_id, f.name, r.input, r.chain_id, r.depth, r.status, 1,
          true, r.started_at, r.started_at, r.started_at, r.finished_at, r.result::jsonb, r.error, r.logs,
          r.requests, r.requests_omitted
        from jsonb_to_recordset(${json(endings)}::jsonb) as r (
          id uuid, trigger text, function_id uuid, function_version int, input jsonb, chain_id text, depth int, status text,
          started_at timestamptz, finished_at timestamptz, result text, error jsonb, logs jsonb,
          requests jsonb, requests_omitted int
        )
        join zerodb_functions f on f.id = r.function_id
        on conflict (id) do update set
          status = excluded.status, owner = null, finished_at = excluded.finished_at, result = excluded.result, error = excluded.error,
          logs = excluded.logs, requests = excluded.requests, requests_omitted = excluded.requests_omitted
        where zerodb_runs.status = 'running'`
      if (endings.some(({ status }) => status === 'dead'))
        await commit(sql`
          with recorded as (${recorded} returning zerodb_runs.*), ${emitDeadRuns(sql`recorded`)}
          select seq as event_seq from event`)
      else await asyncCommit.query(recorded)
    },
  }
}

/** Queues a run of a function for each row of `source`. A `skipped` run is already finished. */
export function insertRuns(source: Statement, at: Statement, cause?: { chain_id: string; depth: number }): Statement {
  return sql`
    insert into zerodb_runs
      (trigger, hook_id, function_id, runtime, schedule_id, user_id, project_id, handler, input, dedupe_key, run_at, status, finished_at, error,
        chain_id, depth)
    select
      trigger, function_id, function_id, runtime, schedule_id, user_id, project_id, name, input, dedupe_key, ${at},
      case when skipped then 'skipped' else 'queued' end,
      case when skipped then now() end,
      case when skipped then jsonb_build_object('code', 'overlap', 'message', 'The run of an earlier tick was unfinished') end,
      ${cause?.chain_id ?? null}::text, ${cause?.depth ?? null}::int
    from (${source}) runs`
}
