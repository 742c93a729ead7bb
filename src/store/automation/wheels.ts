import { sql } from '../../db/sql.ts'
import { found, now, type Scope, type StoreContext, userProject } from '../context.ts'

/** An uploaded wheel of a Python package. */
export interface StoredWheel {
  /** SHA-256 of the content, and its name in the blob driver. */
  blob: string
  file_name: string
  size_bytes: number
}

/** Deletes this many unused wheels at once. */
const UNUSED_AT_ONCE = 1_000

export function wheels(context: StoreContext) {
  const { db, asyncCommit } = context
  return {
    /** Stores a wheel in a project. A wheel that is uploaded again counts as new. Throws `not_found` if the project does not belong to the user. */
    async add(scope: Scope, { blob, file_name, size_bytes }: StoredWheel): Promise<void> {
      const rows = await db.query(sql`
        insert into zerodb_wheels (project_id, blob, file_name, size_bytes)
        select project_id, ${blob}, ${file_name}, ${size_bytes}::bigint
        from (${userProject(scope)}) owner
        on conflict (project_id, blob) do update set file_name = excluded.file_name, created_at = clock_timestamp()
        returning project_id`)
      found(rows, 'Project')
    },

    /** Returns the wheels of a project with one of these hashes or file names. */
    async find(scope: Scope, blobs: readonly string[], fileNames: readonly string[]): Promise<StoredWheel[]> {
      return db.query<StoredWheel>(sql`
        select blob, file_name, size_bytes
        from zerodb_wheels
        where project_id = (select project_id from (${userProject(scope)}) owner)
          and (blob = any(${blobs}::text[]) or file_name = any(${fileNames}::text[]))
        order by blob
        limit 1000`)
    },

    /**
     * Lets these wheels count as new, so that a concurrent `removeUnused` keeps them. Returns the hashes of those that exist. Must run in a
     * transaction that has locked the project.
     */
    async renew(scope: Scope, blobs: readonly string[]): Promise<string[]> {
      const rows = await db.query<{ blob: string }>(sql`
        update zerodb_wheels set created_at = clock_timestamp()
        where project_id = ${scope.project_id}::uuid and blob = any(${blobs}::text[])
        returning blob`)
      return rows.map(({ blob }) => blob)
    },

    /** Deletes wheels that were uploaded more than `seconds` ago and that no version uses, in batches. */
    async removeUnused(seconds: number): Promise<void> {
      for (let removed = UNUSED_AT_ONCE; removed === UNUSED_AT_ONCE; )
        removed = (
          await asyncCommit.query(sql`
            delete from zerodb_wheels
            where (project_id, blob) in (
              select w.project_id, w.blob
              from zerodb_wheels w
              where w.created_at < ${now(context)} - make_interval(secs => ${seconds}::int)
                and not exists (
                  select from zerodb_functions f
                  join zerodb_function_versions v on v.function_id = f.id
                  where f.project_id = w.project_id
                    and v.packages @> jsonb_build_array(jsonb_build_object('sha256', w.blob))
                )
              order by w.created_at
              limit ${UNUSED_AT_ONCE}::int
              for update of w skip locked
            )
            returning blob`)
        ).length
    },
  }
}
