import { json, sql } from '../../db/sql.ts'
import type { Project } from '../../schema/project.ts'
import { found, type Scope, type StoreContext } from '../context.ts'
import { cancelQueued } from '../queue/cancel-queued.ts'

const columns = sql`id, name, description, user_id, 'ACTIVE' as status, metadata, settings, created_at, updated_at`

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
    async list(userId: string, only: string | null, limit: number, offset: number): Promise<Project[]> {
      return db.query<Project>(sql`
        select ${columns} from zerodb_projects
        where user_id = ${userId}::uuid
          and (${only}::uuid is null or id = ${only}::uuid)
        order by created_at, id
        limit ${limit}::int offset ${offset}::int`)
    },

    async get(scope: Scope): Promise<Project> {
      const rows = await db.query<Project>(sql`
        select ${columns} from zerodb_projects
        where id = ${scope.project_id}::uuid and user_id = ${scope.user_id}::uuid`)
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
     * Deletes a project with its data. Its events and finished runs stay in the user's log. Returns false for the default project, and for
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
        functions as (delete from zerodb_functions where project_id = (select id from project)),
        secrets as (delete from zerodb_secrets where project_id = (select id from project)),
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

    async counts(scope: Scope): Promise<Record<'tables' | 'vectors' | 'memories' | 'events' | 'files', number>> {
      const rows = await db.query<Record<'tables' | 'vectors' | 'memories' | 'events' | 'files', number>>(sql`
        select
          (select count(*) from zerodb_tables where project_id = p.id) as tables,
          (select count(*) from zerodb_vectors where project_id = p.id) as vectors,
          (select count(*) from zerodb_memories where project_id = p.id) as memories,
          (select count(*) from zerodb_published_events where project_id = p.id) as events,
          (select count(*) from zerodb_files where project_id = p.id) as files
        from zerodb_projects p
        where id = ${scope.project_id}::uuid and user_id = ${scope.user_id}::uuid`)
      return found(rows, 'Project')
    },
  }
}
