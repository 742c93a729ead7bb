import { json, sql } from '../../db/sql.ts'
import { found, now, type Scope, type StoreContext, timeIn, userProject } from '../context.ts'
import type { FileFields } from './files.ts'

export type UploadFields = Omit<FileFields, 'size_bytes' | 'blob'> & { max_bytes: number }

/** An upload that its presigned URL permits. */
export interface PermittedUpload extends UploadFields {
  user_id: string
  is_suspended: boolean
  /** Whether the file exists, without content. */
  is_registered: boolean
}

/** Deletes this many expired rows at once. */
const EXPIRED_AT_ONCE = 1_000

export function uploads(context: StoreContext) {
  const { db, asyncCommit } = context
  return {
    /** Returns whether the project has fewer than `max` uploads that are permitted and not done. */
    async hasRoom(scope: Scope, max: number): Promise<boolean> {
      const [row] = await db.query<{ open: number }>(sql`
        select count(*) as open
        from (
          select from zerodb_uploads
          where project_id = (select project_id from (${userProject(scope)}) owner) and expires_at > ${now(context)}
          limit ${max}::int
        ) counted`)
      return row!.open < max
    },

    /**
     * Permits one upload for this number of seconds, and returns its id. `fileId` is the id of a registered file, whose last permission holds;
     * null for a new file.
     */
    async permit(scope: Scope, fields: UploadFields, seconds: number, fileId: string | null): Promise<string> {
      const rows = await db.query<{ id: string }>(sql`
        insert into zerodb_uploads (id, project_id, file_key, file_name, content_type, folder, metadata, max_bytes, expires_at)
        select
          coalesce(${fileId}::uuid, gen_random_uuid()), project_id, ${fields.file_key}, ${fields.file_name}, ${fields.content_type}, ${fields.folder}, ${json(fields.metadata)}::jsonb,
          ${fields.max_bytes}::bigint, ${timeIn(context, seconds)}
        from (${userProject(scope)}) owner
        on conflict (id) do update set
          content_type = excluded.content_type, max_bytes = excluded.max_bytes, expires_at = excluded.expires_at
        where zerodb_uploads.project_id = excluded.project_id
        returning id`)
      return found(rows, 'Project').id
    },

    /** Returns an upload that is permitted and not done; null if there is none. */
    async get(projectId: string, id: string): Promise<PermittedUpload | null> {
      const [row] = await db.query<PermittedUpload>(sql`
        select
          u.file_key, u.file_name, u.content_type, u.folder, u.metadata, u.max_bytes, p.user_id, p.suspended_at is not null as is_suspended,
          exists (select from zerodb_files f where f.id = u.id) as is_registered
        from zerodb_uploads u
        join zerodb_projects p on p.id = u.project_id
        where u.id = ${id}::uuid and u.project_id = ${projectId}::uuid and u.expires_at > ${now(context)}`)
      return row ?? null
    },

    /** Deletes expired uploads in batches. */
    async removeExpired(): Promise<void> {
      for (let removed = EXPIRED_AT_ONCE; removed === EXPIRED_AT_ONCE; )
        removed = (
          await asyncCommit.query(sql`
            delete from zerodb_uploads
            where id = any(array(
              select id from zerodb_uploads where expires_at <= ${now(context)} order by expires_at limit ${EXPIRED_AT_ONCE}::int
            ))
            returning id`)
        ).length
    },
  }
}
