import { json, type Statement, sql } from '../../db/sql.ts'
import type { EnvSet, EnvSetChange } from '../../schema/env-set.ts'
import { found, isAfter, type Place, type Scope, type StoreContext, userProject } from '../context.ts'
import { MAX_CHANGES } from './secrets.ts'

/** Maximum number of functions that a set names. */
const MAX_USERS = 100

const columns = sql`
  e.name, e.env, e.secrets,
  (
    select coalesce(jsonb_agg(used.name), '[]')
    from (
      select f.name
      from zerodb_functions f
      join zerodb_function_versions v on v.function_id = f.id and v.version = f.version
      where f.project_id = e.project_id and v.config -> 'env_from' ? e.name
      order by f.name
      limit ${MAX_USERS}::int
    ) used
  ) as used_by,
  e.created_at, e.updated_at`

export function envSets({ db }: StoreContext) {
  async function get(scope: Scope, name: string): Promise<EnvSet> {
    const rows = await db.query<EnvSet>(sql`
      select ${columns}
      from zerodb_env_sets e
      join (${userProject(scope)}) project using (project_id)
      where e.name = ${name}`)
    return found(rows, 'Env set')
  }

  return {
    get,

    /** Stores a set, and replaces an earlier one. `runId` is the run that asked for it. */
    async set(
      scope: Scope,
      name: string,
      { env, secrets }: Pick<EnvSet, 'env' | 'secrets'>,
      runId: string | undefined,
    ): Promise<EnvSet> {
      const rows = await db.query<EnvSet>(sql`
        with project as (${userProject(scope)}),
        earlier as (
          select s.env, s.secrets from zerodb_env_sets s join project using (project_id) where s.name = ${name}
        ),
        e as (
          insert into zerodb_env_sets (project_id, name, env, secrets)
          select project_id, ${name}, ${json(env)}::jsonb, ${json(secrets)}::jsonb from project
          on conflict (project_id, name) do update set
            env = excluded.env, secrets = excluded.secrets, updated_at = clock_timestamp()
          returning *
        ),
        ${recorded(
          sql`
            select
              project_id, name, case when created_at = updated_at then 'created' else 'replaced' end,
              ${changedVariables(sql`e.env`, sql`e.secrets`)}
            from e`,
          runId,
        )}
        select ${columns} from e`)
      return found(rows, 'Project')
    },

    /** Returns the sets of a project, ordered by name. */
    async list(scope: Scope): Promise<EnvSet[]> {
      found(await db.query(userProject(scope)), 'Project')
      return db.query<EnvSet>(sql`
        select ${columns}
        from zerodb_env_sets e
        join (${userProject(scope)}) project using (project_id)
        order by e.name`)
    },

    /** Deletes a set. `runId` is the run that asked for it. */
    async remove(scope: Scope, name: string, runId: string | undefined): Promise<void> {
      const rows = await db.query(sql`
        with earlier as (
          delete from zerodb_env_sets e
          using (${userProject(scope)}) project
          where e.project_id = project.project_id and e.name = ${name}
          returning e.project_id, e.name, e.env, e.secrets
        ),
        ${recorded(
          sql`select project_id, name, 'deleted', ${changedVariables(sql`'{}'::jsonb`, sql`'[]'::jsonb`)} from earlier`,
          runId,
        )}
        select name from earlier`)
      found(rows, 'Env set')
    },

    /** Returns changes of a set, newest first, also after it was deleted. Throws `not_found` for a set that was never stored. */
    async history(
      scope: Scope,
      name: string,
      filter: { before: Place | null; limit: number },
    ): Promise<EnvSetChange[]> {
      found(await db.query(userProject(scope)), 'Project')
      const rows = await db.query<EnvSetChange>(sql`
        select id, name, change, variables, run_id, created_at
        from zerodb_env_set_changes
        where project_id = (select project_id from (${userProject(scope)}) project) and name = ${name}
          ${isAfter(filter.before, 'newest first')}
        order by created_at desc, id desc
        limit ${filter.limit}::int`)
      // An imported set has no history.
      if (rows.length === 0 && filter.before === null) await get(scope, name)
      return rows
    },
  }
}

/** Returns the names of the variables in which `env` and `secrets` differ from the row of `earlier`, if there is one, in alphabetical order. */
function changedVariables(env: Statement, secrets: Statement): Statement {
  const variables = (values: Statement, names: Statement) => sql`
    select key as name, value as value from jsonb_each(${values})
    union all
    select value #>> '{}', 'null'::jsonb from jsonb_array_elements(${names})`
  const before = variables(
    sql`coalesce((select env from earlier), '{}')`,
    sql`coalesce((select secrets from earlier), '[]')`,
  )
  const after = variables(env, secrets)
  return sql`(
    select coalesce(jsonb_agg(distinct name order by name), '[]')
    from (
      ((${before}) except (${after}))
      union
      ((${after}) except (${before}))
    ) different
  )`
}

/** Records the changes that `changes` selects (`project_id`, `name`, the change and its variables), and deletes the oldest ones of the project. */
function recorded(changes: Statement, runId: string | undefined): Statement {
  return sql`
    changes (project_id, name, change, variables) as (${changes}),
    recorded as (
      insert into zerodb_env_set_changes (project_id, name, change, variables, run_id)
      select project_id, name, change, variables, ${runId ?? null}::uuid from changes
    ),
    expired as (
      delete from zerodb_env_set_changes
      where id in (
        select id from zerodb_env_set_changes
        where project_id = (select project_id from changes)
        order by created_at desc, id desc
        offset ${MAX_CHANGES - 1}::int
      )
    )`
}
