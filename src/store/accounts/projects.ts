import { join, json, Statement as Sql, sql } from '../../db/sql.ts'
import { MAX_COUNTED_OBJECTS, type Project } from '../../schema/project.ts'
import { found, given, isAfter, isUserProject, type Place, type Scope, type StoreContext } from '../context.ts'
import { cancelQueued } from '../queue/cancel-queued.ts'

const columns = sql`id, name, description, user_id, case when suspended_at is null then 'ACTIVE' else 'SUSPENDED' end as status, metadata, settings, created_at, updated_at`

/** The objects of project `p`, by kind. */
const COUNTED = {
  tables: sql`zerodb_tables where project_id = p.id`,
  rows: sql`zerodb_tables t join zerodb_rows r on r.table_id = t.id where t.project_id = p.id`,
  vectors: sql`zerodb_vectors where project_id = p.id`,
  memories: sql`zerodb_memories where project_id = p.id`,
  entities: sql`zerodb_entities where project_id = p.id`,
  files: sql`zerodb_files where project_id = p.id`,
  events: sql`zerodb_published_events where project_id = p.id`,
  hooks: sql`zerodb_hooks where user_id = p.user_id and project_id = p.id`,
  functions: sql`zerodb_functions where project_id = p.id`,
  schedules: sql`
    (
      select s.id from zerodb_schedules s join zerodb_functions f on f.id = s.function_id where f.project_id = p.id
      union all
      select id from zerodb_schedules where project_id = p.id
    ) s`,
}

export interface ProjectFields {
  name: string
  description?: string | null | undefined
  metadata: Record<string, unknown>
  settings: Record<string, unknown>
}

export function projects({ db }: StoreContext) {
  return {
    async create(userId: string, fields: ProjectFields): Promise<Project> {
      const [row] = await db.query<Project>(sql`
        insert into zerodb_projects (user_id, name, description, metadata, settings)
        values (${userId}::uuid, ${fields.name}, ${fields.description}, ${json(fields.metadata)}::jsonb, ${json(fields.settings)}::jsonb)
        returning ${columns}`)
      return row!
    },

    /** Returns the user's projects, oldest first. `only` is the project that the caller's key is bound to. */
    async list(
      userId: string,
      only: string | null,
      page: { status?: Project['status'] | undefined; limit: number; offset: number; after: Place | null },
    ): Promise<Project[]> {
      return db.query<Project>(sql`
        select ${columns} from zerodb_projects
        where user_id = ${userId}::uuid
          and (${only}::uuid is null or id = ${only}::uuid)
          ${given(page.status, sql`and (suspended_at is not null) = (${page.status} = 'SUSPENDED')`)}
          ${isAfter(page.after, 'oldest first')}
        order by created_at, id
        limit ${page.limit}::int offset ${page.offset}::int`)
    },

    async get(scope: Scope): Promise<Project> {
      const rows = await db.query<Project>(sql`
        select ${columns} from zerodb_projects where ${isUserProject(scope)}`)
      return found(rows, 'Project')
    },

    async isSuspended({ user_id, project_id }: Scope): Promise<boolean> {
      const rows = await db.query(sql`
        select from zerodb_projects
        where id = ${project_id}::uuid and user_id = ${user_id}::uuid and suspended_at is not null`)
      return rows.length > 0
    },

    /**
     * Suspends or activates a project. A project that already is in this state does not change. Its schedules are written even if they have
     * this state, because a change at the same time may not be visible yet.
     */
    async setSuspended(scope: Scope, suspended: boolean): Promise<Project> {
      const rows = await db.query<Project>(sql`
        with project as (
          update zerodb_projects set
            suspended_at = case when ${suspended}::bool then coalesce(suspended_at, now()) end,
            updated_at = case when ${suspended}::bool = (suspended_at is not null) then updated_at else now() end
          where id = ${scope.project_id}::uuid and user_id = ${scope.user_id}::uuid
          returning *
        ),
        marked as (
          update zerodb_schedules set is_suspended = ${suspended}::bool
          where project_id = (select id from project)
            or function_id in (select id from zerodb_functions where project_id = (select id from project))
        )
        select ${columns} from project`)
      return found(rows, 'Project')
    },

    /** Updates the given fields of a project. Other fields keep their values. */
    async update(
      scope: Scope,
      fields: { [Field in keyof ProjectFields]?: ProjectFields[Field] | undefined },
    ): Promise<Project> {
      const rows = await db.query<Project>(sql`
        update zerodb_projects set
          name = coalesce(${fields.name}, name),
          description = case when ${fields.description !== undefined}::bool then ${fields.description} else description end,
          metadata = coalesce(${fields.metadata ? json(fields.metadata) : null}::jsonb, metadata),
          settings = coalesce(${fields.settings ? json(fields.settings) : null}::jsonb, settings),
          updated_at = now()
        where id = ${scope.project_id}::uuid and user_id = ${scope.user_id}::uuid
        returning ${columns}`)
      return found(rows, 'Project')
    },

    /**
     * Deletes a project with its data and before-images. Its events and finished runs stay in the user's log. Returns false for the default project, and for
     * one of another user.
     */
    async remove(scope: Scope): Promise<boolean> {
      const rows = await db.query(sql`
        with project as (
          delete from zerodb_projects
          where id = ${scope.project_id}::uuid and user_id = ${scope.user_id}::uuid and not is_default
          returning id
        ),
        cancelled as (
          ${cancelQueued({ where: sql`r.project_id = (select id from project)` })}
        ),
        changes as (
          delete from zerodb_changes
          where seq in (
            select seq from zerodb_events where user_id = ${scope.user_id}::uuid and project_id = (select id from project)
          )
        ),
        functions as (delete from zerodb_functions where project_id = (select id from project)),
        secrets as (delete from zerodb_secrets where project_id = (select id from project)),
        secret_changes as (delete from zerodb_secret_changes where project_id = (select id from project)),
        env_sets as (delete from zerodb_env_sets where project_id = (select id from project)),
        env_set_changes as (delete from zerodb_env_set_changes where project_id = (select id from project)),
        hooks as (delete from zerodb_hooks where project_id = (select id from project)),
        vectors as (delete from zerodb_vectors where project_id = (select id from project)),
        memories as (delete from zerodb_memories where project_id = (select id from project)),
        files as (delete from zerodb_files where project_id = (select id from project)),
        rows as (delete from zerodb_rows where project_id = (select id from project)),
        tables as (delete from zerodb_tables where project_id = (select id from project)),
        published as (delete from zerodb_published_events where project_id = (select id from project)),
        entities as (delete from zerodb_entities where project_id = (select id from project))
        select id from project`)
      return rows.length > 0
    },

    /**
     * Counts the objects of each kind, up to `MAX_COUNTED_OBJECTS` of each: counting all would cost more with each stored row. `counts_are_exact` is
     * false if there are more of a kind.
     */
    async counts<Kind extends keyof typeof COUNTED>(
      scope: Scope,
      kinds: readonly Kind[],
    ): Promise<Record<Kind, number> & { counts_are_exact: boolean }> {
      const counts = kinds.map(
        (kind) =>
          sql`(select count(*) from (select from ${COUNTED[kind]} limit ${MAX_COUNTED_OBJECTS + 1}::int) counted) as ${new Sql(kind, [])}`,
      )
      const rows = await db.query<Record<Kind, number>>(sql`
        select ${join(counts, ', ')} from zerodb_projects p
        where id = ${scope.project_id}::uuid and user_id = ${scope.user_id}::uuid`)
      const counted = Object.entries<number>(found(rows, 'Project'))
      const bounded = counted.map(([kind, count]) => [kind, Math.min(count, MAX_COUNTED_OBJECTS)])
      return {
        ...(Object.fromEntries(bounded) as Record<Kind, number>),
        counts_are_exact: counted.every(([, count]) => count <= MAX_COUNTED_OBJECTS),
      }
    },
  }
}
