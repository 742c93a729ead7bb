import type { Quota } from '../config.ts'
import type { Executor, Statement } from '../db/sql.ts'
import { sql } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import type { Commit, Written } from './write-pipeline.ts'

/** Dependencies of each part of the store. */
export interface StoreContext {
  db: Executor
  /** Executor for work that is repeated after a crash: a commit does not wait for the disk. */
  asyncCommit: Executor
  commit: Commit
  /** Maximum number of concurrent runs of one project; null for no limit. */
  projectLimit: number | null
  /** Limits on the resources of a user or a project; null for no limit. */
  quotas: Readonly<Record<Quota, number>> | null
  /** Seconds that this process's clock is ahead of the database's: 0, except in tests that control time. */
  skewSeconds(): number
}

/** The cause of a write: the run that makes it, and the chain of that run. */
export interface Cause {
  chain_id: string
  /** Number of runs in the chain, including this one. */
  depth: number
  run_id: string
}

/** The user and project of an operation. Each statement checks that the project belongs to the user. */
export interface Scope {
  user_id: string
  project_id: string
  /** True for writes of data: a suspended project is then not found. */
  writes_data?: boolean | undefined
  /** For writes: the run that caused the operation; undefined for an external request. */
  cause?: Cause | undefined
  /** For writes: the request's `traceparent`. */
  trace?: string | undefined
}

/**
 * Selects the scope's project if it belongs to the user and, for a write of data, is not suspended. Otherwise there is no row, so that a
 * write stores nothing and a read finds nothing.
 */
export function userProject(scope: Scope): Statement {
  return sql`select id as project_id, user_id from zerodb_projects where ${isUserProject(scope)}`
}

/** Condition on `zerodb_projects` that `userProject` selects by. */
export function isUserProject({ project_id, user_id, writes_data }: Scope): Statement {
  const isOwned = sql`id = ${project_id}::uuid and user_id = ${user_id}::uuid`
  return writes_data ? sql`${isOwned} and suspended_at is null` : isOwned
}

/** Returns whether a project is suspended; null for a deleted one. Not "exists", which can be planned as a scan of all projects. */
export function isSuspended(projectId: Statement): Statement {
  return sql`(select suspended_at is not null from zerodb_projects where id = ${projectId})`
}

/**
 * Time limit for a statement whose cost depends on the request: its filter, order, offset or text. The embedded database runs nothing else
 * until it ends.
 */
const MAX_QUERY_SECONDS = 5

/** Cancels such statements at the limit, with `query_timeout`. */
export function bounded(db: Executor): Executor {
  return {
    async query(statement) {
      try {
        return await db.query(statement, { timeoutSeconds: MAX_QUERY_SECONDS })
      } catch (error) {
        if (!(error instanceof ZeroError) || error.code !== 'query_timeout') throw error
        throw new ZeroError(
          'query_timeout',
          `This took longer than ${MAX_QUERY_SECONDS} s and was ended: ask for less, with a narrower filter, fewer conditions or a smaller offset`,
          { cause: error },
        )
      }
    },
  }
}

/**
 * Returns `condition` if `value` is given, and otherwise nothing. For optional filters: with `$1 is null or …`, the plan of a prepared
 * statement cannot use the index of the filter.
 */
export function given(value: unknown, condition: Statement): Statement {
  return value === undefined || value === null ? sql`` : condition
}

/** End position of a page that is ordered by creation time. */
export interface Place {
  created_at: string
  id: string
}

/** Condition: a row comes after `place` in a list that is ordered by `created_at` and `id`. True without a place. */
export function isAfter(place: Place | null, direction: 'oldest first' | 'newest first'): Statement {
  const end = sql`(${place?.created_at}::timestamptz, ${place?.id}::uuid)`
  return given(
    place,
    direction === 'oldest first' ? sql`and (created_at, id) > ${end}` : sql`and (created_at, id) < ${end}`,
  )
}

/** The database's clock. */
export function now(context: StoreContext): Statement {
  const skew = context.skewSeconds()
  return skew === 0 ? sql`now()` : sql`(now() + make_interval(secs => ${skew}::float8))`
}

/** The time in this number of seconds, by the database's clock; null for now. */
export function timeIn(context: StoreContext, seconds: number | null): Statement {
  return seconds === null ? now(context) : sql`(${now(context)} + make_interval(secs => ${seconds}::float8))`
}

/**
 * Gives a transaction the settings of `asyncCommit`: its commit does not wait for the disk, and its plans use indexes regardless of
 * estimated table sizes. Use only for work that is redone after a crash.
 */
export async function relax(db: Executor): Promise<void> {
  await db.query(sql`
    select
      set_config('synchronous_commit', 'off', true),
      set_config('enable_seqscan', 'off', true),
      set_config('enable_bitmapscan', 'off', true)`)
}

/**
 * Runs a write and reports its events. Throws `not_found` if nothing was stored, because a required row does not exist or belongs to
 * another user.
 */
export async function write<Row>(
  context: StoreContext,
  statement: Statement,
  missing = 'Project not found',
): Promise<[Row, ...Row[]]> {
  const rows = await context.commit<Row & Written>(statement)
  if (rows.length === 0) throw new ZeroError('not_found', missing)
  return rows as unknown as [Row, ...Row[]]
}

/** Returns the first of `rows`. Throws `not_found` if there is none. */
export function found<Row>(rows: readonly Row[], what: string): Row {
  const [row] = rows
  if (!row) throw new ZeroError('not_found', `${what} not found`)
  return row
}
