import { json, sql } from '../../db/sql.ts'
import type { EnvSet } from '../../schema/env-set.ts'
import type { FunctionConfig, FunctionVersion, Runtime } from '../../schema/function.ts'
import type { RetryPolicy } from '../../schema/hook.ts'
import type { InstalledPackage } from '../../schema/package.ts'
import { found, isSuspended, type Scope, type StoreContext, userProject } from '../context.ts'
import { cancelQueued } from '../queue/cancel-queued.ts'

/** The content of a file: text, or bytes as base64. */
export type StoredFile = string | { base64: string }

/** A function without its code. */
export interface StoredFunction extends Omit<FunctionVersion, 'config' | 'runtime' | 'created_at'> {
  id: string
  user_id: string
  project_id: string
  name: string
  runtime: Runtime
  config: FunctionConfig
  is_active: boolean
  created_at: string
  updated_at: string
}

/** A function with everything that a call needs. */
export interface LiveFunction {
  id: string
  user_id: string
  project_id: string
  name: string
  runtime: Runtime
  version: number
  is_active: boolean
  /** True if the project of the function is suspended. */
  is_suspended: boolean
  config: FunctionConfig
  files: Record<string, StoredFile>
  entry: string
  packages: InstalledPackage[]
  /** Source map of the bundle; null without a bundle. */
  source_map: string | null
  /** The encrypted secrets that the function or one of its env sets declares, or that it injects, by name. */
  secrets: Record<string, string>
  /** The env sets that exist, in the order of `env_from`. */
  env_sets: Pick<EnvSet, 'env' | 'secrets'>[]
  /** Changes whenever the function, one of these secrets or one of these sets changes. */
  stamp: string
}

export interface NewVersion {
  runtime: Runtime
  hash: string
  sources: Record<string, StoredFile>
  files: Record<string, StoredFile>
  entry: string
  source_map: string | null
  config: FunctionConfig
  packages: readonly InstalledPackage[]
}

/** Keeps the author's order of keys, because models see the parameters of a tool in this order. */
const config = sql`coalesce(v.config_text::json, v.config::json) as config`

const columns = sql`
  f.id, f.user_id, f.project_id, f.name, f.runtime, f.version, v.hash, v.entry, v.packages, ${config}, f.is_active, f.created_at, f.updated_at`

const source = sql`
  zerodb_functions f
  join zerodb_function_versions v on v.function_id = f.id and v.version = f.version`

/** Whether the function or one of its env sets declares a secret, or the function has a header to inject with its value. */
const isUsed = sql`(
  v.config -> 'secrets' ? s.name
  or strpos(coalesce(v.config #>> '{network,inject}', ''), concat('$', '{', s.name, '}')) > 0
  or exists (
    select from zerodb_env_sets e
    where e.project_id = f.project_id and v.config -> 'env_from' ? e.name and e.secrets ? s.name
  )
)`

const stamp = sql`
  concat_ws(
    ' ', f.version, f.updated_at, ${isSuspended(sql`f.project_id`)},
    (
      select concat_ws(' ', count(*), max(s.updated_at)) from zerodb_secrets s
      where s.project_id = f.project_id and ${isUsed}
    ),
    (
      select concat_ws(' ', count(*), max(e.updated_at)) from zerodb_env_sets e
      where e.project_id = f.project_id and v.config -> 'env_from' ? e.name
    )
  )`

const live = sql`
  f.id, f.user_id, f.project_id, f.name, f.runtime, f.version, f.is_active, ${isSuspended(sql`f.project_id`)} as is_suspended,
  ${config}, v.files, v.entry, v.packages, v.source_map,
  (
    select coalesce(jsonb_object_agg(s.name, encode(s.sealed, 'base64')), '{}')
    from zerodb_secrets s
    where s.project_id = f.project_id and ${isUsed}
  ) as secrets,
  (
    select coalesce(jsonb_agg(jsonb_build_object('env', e.env, 'secrets', e.secrets) order by wanted.position), '[]')
    from jsonb_array_elements_text(coalesce(v.config -> 'env_from', '[]')) with ordinality wanted (name, position)
    join zerodb_env_sets e on e.project_id = f.project_id and e.name = wanted.name
  ) as env_sets,
  ${stamp} as stamp`

const version = sql`v.version, v.runtime, v.hash, v.entry, v.packages, ${config}, v.created_at`

export function functions(context: StoreContext) {
  const { db } = context
  return {
    /** Returns the functions of a project, ordered by name. Throws `not_found` if the project does not belong to the user. */
    async list(scope: Scope): Promise<StoredFunction[]> {
      found(await db.query(userProject(scope)), 'Project')
      return db.query<StoredFunction>(sql`
        select ${columns} from ${source}
        where f.project_id = ${scope.project_id}::uuid and f.user_id = ${scope.user_id}::uuid
        order by f.name`)
    },

    async get(scope: Scope, name: string): Promise<StoredFunction> {
      const rows = await db.query<StoredFunction>(sql`
        select ${columns} from ${source}
        where f.project_id = ${scope.project_id}::uuid and f.user_id = ${scope.user_id}::uuid and f.name = ${name}`)
      return found(rows, 'Function')
    },

    /**
     * Returns the function, or null, and locks it until the transaction ends. Throws `not_found` if the project does not belong to the
     * user.
     */
    async lock(scope: Scope, name: string): Promise<StoredFunction | null> {
      // Locks the project, because two concurrent first deployments would find no function to lock.
      found(await db.query(sql`${userProject(scope)} for update`), 'Project')
      const [row] = await db.query<StoredFunction>(sql`
        select ${columns} from ${source}
        where f.project_id = ${scope.project_id}::uuid and f.user_id = ${scope.user_id}::uuid and f.name = ${name}`)
      return row ?? null
    },

    /** Returns the function for a call, or null. Does not check the owner: the caller must. */
    async live(projectId: string, name: string): Promise<LiveFunction | null> {
      const [row] = await db.query<LiveFunction>(sql`
        select ${live} from ${source}
        where f.project_id = ${projectId}::uuid and f.name = ${name}`)
      return row ?? null
    },

    async liveById(id: string): Promise<LiveFunction | null> {
      const [row] = await db.query<LiveFunction>(sql`select ${live} from ${source} where f.id = ${id}::uuid`)
      return row ?? null
    },

    /** Returns the current value of `LiveFunction.stamp`; null if the function was deleted. */
    async stamp(id: string): Promise<string | null> {
      const [row] = await db.query<{ stamp: string }>(
        sql`select ${stamp} as stamp from ${source} where f.id = ${id}::uuid`,
      )
      return row?.stamp ?? null
    },

    /** Returns whether any function exists, and therefore whether a sandbox is needed. */
    async any(): Promise<boolean> {
      const [row] = await db.query<{ any: boolean }>(sql`select exists (select from zerodb_functions) as any`)
      return row!.any
    },

    /** Stores a version and makes it live. Must run in a transaction that has called `lock`. */
    async addVersion(scope: Scope, name: string, added: NewVersion): Promise<StoredFunction> {
      const [row] = await db.query<StoredFunction>(sql`
        with f as (
          insert into zerodb_functions (user_id, project_id, name, runtime, version, retry, concurrency)
          values (${scope.user_id}::uuid, ${scope.project_id}::uuid, ${name}, ${added.runtime}, 1, ${retryOf(added.config)}::jsonb,
            ${added.config.concurrency}::int)
          on conflict (project_id, name) do update set
            runtime = excluded.runtime,
            version = (select max(v.version) + 1 from zerodb_function_versions v where v.function_id = zerodb_functions.id),
            retry = excluded.retry,
            concurrency = excluded.concurrency,
            updated_at = clock_timestamp()
          returning *
        ),
        v as (
          insert into zerodb_function_versions (function_id, version, runtime, hash, sources, files, entry, source_map, config, config_text, packages)
          select
            f.id, f.version, ${added.runtime}, ${added.hash}, ${json(added.sources)}::jsonb, ${json(added.files)}::jsonb, ${added.entry},
            ${added.source_map}, ${json(added.config)}::jsonb, ${json(added.config)}::text,
            ${json(added.packages)}::jsonb
          from f
          returning *
        )
        select ${columns} from f join v on v.function_id = f.id`)
      return row!
    },

    /**
     * Makes an earlier version live. Throws `not_found` if the version does not exist. Must run in a transaction that has called `lock`.
     */
    async setLive(id: string, number: number): Promise<StoredFunction> {
      const rows = await db.query<StoredFunction>(sql`
        with f as (
          update zerodb_functions f set
            version = v.version, runtime = v.runtime, retry = nullif(v.config -> 'retry', 'null'),
            concurrency = (v.config ->> 'concurrency')::int, updated_at = clock_timestamp()
          from zerodb_function_versions v
          where f.id = ${id}::uuid and v.function_id = f.id and v.version = ${number}::int
          returning f.*
        )
        select ${columns} from f join zerodb_function_versions v on v.function_id = f.id and v.version = f.version`)
      return found(rows, 'Version')
    },

    async setActive(id: string, isActive: boolean): Promise<void> {
      await db.query(sql`
        update zerodb_functions set is_active = ${isActive}::bool, updated_at = clock_timestamp()
        where id = ${id}::uuid and is_active <> ${isActive}::bool`)
    },

    /** Returns all versions, newest first. */
    async versions(id: string): Promise<FunctionVersion[]> {
      return db.query<FunctionVersion>(sql`
        select ${version} from zerodb_function_versions v where v.function_id = ${id}::uuid order by v.version desc`)
    },

    /** Returns one version with the uploaded files. */
    async version(id: string, number: number): Promise<FunctionVersion & { files: Record<string, StoredFile> }> {
      const rows = await db.query<FunctionVersion & { files: Record<string, StoredFile> }>(sql`
        select ${version}, v.sources as files from zerodb_function_versions v
        where v.function_id = ${id}::uuid and v.version = ${number}::int`)
      return found(rows, 'Version')
    },

    /** Returns the number of the previous version; null for the first. */
    async before(id: string, number: number): Promise<number | null> {
      const [row] = await db.query<{ version: number | null }>(sql`
        select max(version) as version from zerodb_function_versions where function_id = ${id}::uuid and version < ${number}::int`)
      return row?.version ?? null
    },

    /** Deletes a function with its versions, schedules and results of `once`. Also cancels its queued runs that belong to no hook. */
    async remove(id: string): Promise<void> {
      await db.query(sql`
        with gone as (
          delete from zerodb_functions where id = ${id}::uuid returning id
        )
        ${cancelQueued({ from: sql`gone`, where: sql`r.function_id = gone.id and r.hook_id = gone.id` })}`)
    },

    /** Returns the stored result of `once` for this key; undefined if there is none. */
    async doneOnce(id: string, key: string): Promise<{ value: unknown } | undefined> {
      const [row] = await db.query<{ value: unknown }>(sql`
        select value from zerodb_once where function_id = ${id}::uuid and key = ${key}`)
      return row
    },

    /** Stores a result of `once`. If a concurrent call stored one first, keeps and returns that one. */
    async keepOnce(id: string, key: string, value: unknown): Promise<unknown> {
      const [row] = await db.query<{ value: unknown }>(sql`
        insert into zerodb_once (function_id, key, value) values (${id}::uuid, ${key}, ${json(value)}::jsonb)
        on conflict (function_id, key) do update set key = excluded.key
        returning value`)
      return row!.value
    },
  }
}

function retryOf(config: FunctionConfig) {
  const retry: RetryPolicy | undefined = config.retry
  return retry ? json(retry) : null
}
