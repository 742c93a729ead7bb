import { json, sql } from '../../db/sql.ts'
import { fileDeleted, fileUpdated, fileUploaded } from '../../schema/events.ts'
import type { File } from '../../schema/file.ts'
import { deleteLocked, newText, updateLocked } from '../before-images.ts'
import {
  bounded,
  found,
  given,
  isAfter,
  type Place,
  type Scope,
  type StoreContext,
  userProject,
  write,
} from '../context.ts'
import { emit, emitChanges } from '../outbox.ts'
import { candidates, type Relevance, type RelevanceQuery } from './relevance.ts'

const columns = sql`
  id as file_id, id, project_id, file_key, file_name, content_type, size_bytes, folder, metadata as file_metadata, metadata,
  blob is not null as has_content, summary, created_at, updated_at`

export interface FileFields {
  file_key: string | null
  file_name: string
  content_type: string | null
  size_bytes: number | null
  folder: string | null
  metadata: Record<string, unknown>
  /** The content's name in the blob driver; null for metadata only. */
  blob: string | null
}

/** New values of a file's metadata. Undefined keeps the old value; null removes it. */
export interface FileChange {
  file_key?: string | undefined
  file_name?: string | undefined
  content_type?: string | null | undefined
  folder?: string | null | undefined
  metadata?: Record<string, unknown> | undefined
}

const EVENT_DATA = {
  file_id: sql`stored.id`,
  project_id: sql`stored.project_id`,
  file_name: sql`stored.file_name`,
  content_type: sql`stored.content_type`,
  size_bytes: sql`stored.size_bytes`,
  user_id: sql`stored.user_id`,
}

/** Selects and locks a file. */
const lockedFile = (scope: Scope, id: string) => sql`
  select * from zerodb_files
  where id = ${id}::uuid and project_id = (select project_id from (${userProject(scope)}) owner)
  for update`

export function files(context: StoreContext) {
  const { db, asyncCommit } = context
  return {
    /**
     * Stores a file. With `uploadId`, the file gets this id and the permission for it is used up. Throws `not_found` for a project of another
     * user, or an upload that is not permitted, for example because it is done.
     */
    async create(scope: Scope, file: FileFields, uploadId: string | null = null): Promise<File> {
      const [{ event_seq: _, ...row }] = await write<File & { event_seq: number }>(
        context,
        sql`
        with ${given(
          uploadId,
          sql`
          used as (
            delete from zerodb_uploads
            where id = ${uploadId}::uuid and project_id = (select project_id from (${userProject(scope)}) owner)
            returning id
          ),`,
        )}
        stored as (
          insert into zerodb_files (${given(uploadId, sql`id,`)} project_id, file_key, file_name, content_type, size_bytes, folder, metadata, blob)
          select
            ${given(uploadId, sql`used.id,`)}
            project_id, coalesce(${file.file_key}, gen_random_uuid()::text), ${file.file_name}, ${file.content_type}, ${file.size_bytes}::bigint,
            ${file.folder}, ${json(file.metadata)}::jsonb, ${file.blob}
          from (${userProject(scope)}) owner ${given(uploadId, sql`cross join used`)}
          returning *, id::text as ref, ${scope.user_id}::uuid as user_id
        ),
        ${emit(scope, fileUploaded, EVENT_DATA)}
        select ${columns}, event.seq as event_seq from stored, event`,
      )
      return row
    },

    /** Returns whether the project belongs to the user. Called before a large body is read. */
    async mayUpload(scope: Scope): Promise<boolean> {
      return (await db.query(userProject(scope))).length > 0
    },

    async list(
      scope: Scope,
      page: { folder?: string | undefined; limit: number; offset: number; after: Place | null },
    ): Promise<File[]> {
      return bounded(db).query<File>(sql`
        select ${columns} from zerodb_files
        where project_id = (select project_id from (${userProject(scope)}) owner)
          ${given(page.folder, sql`and folder = ${page.folder}`)}
          ${isAfter(page.after, 'newest first')}
        order by created_at desc, id desc
        limit ${page.limit}::int offset ${page.offset}::int`)
    },

    async get(scope: Scope, id: string): Promise<File & { blob: string | null }> {
      const rows = await db.query<File & { blob: string | null }>(sql`
        select ${columns}, blob from zerodb_files
        where id = ${id}::uuid and project_id = (select project_id from (${userProject(scope)}) owner)`)
      return found(rows, 'File')
    },

    /** Returns the file of an event's `ref`; null if it was deleted. */
    async content(projectId: string, id: string) {
      const [row] = await asyncCommit.query<{
        id: string
        file_name: string
        content_type: string | null
        size_bytes: number | null
        blob: string | null
      }>(
        sql`
        select id, file_name, content_type, size_bytes, blob from zerodb_files
        where id = ${id}::uuid and project_id = ${projectId}::uuid`,
      )
      return row ?? null
    },

    /**
     * Stores the summary of the content `blob`, its model and its embedding. Returns false if the file was deleted or has other content.
     */
    async setSummary(
      id: string,
      blob: string,
      summary: { text: string; model: string; embedding: Float32Array | null; embedding_model: string },
    ): Promise<boolean> {
      const rows = await db.query(sql`
        update zerodb_files set
          summary = ${summary.text}, summary_model = ${summary.model},
          embedding = ${summary.embedding}::vector, model = ${summary.embedding_model}
        where id = ${id}::uuid and blob = ${blob}
        returning id`)
      return rows.length > 0
    },

    /** Returns files whose name or summary share a word with the query or are near its vector. Unordered. */
    async search(
      scope: Scope,
      query: RelevanceQuery,
      folder: string | null,
      limit: number,
    ): Promise<(File & Relevance)[]> {
      const scoped = sql`
        select * from zerodb_files
        where project_id = (select project_id from (${userProject(scope)}) owner)
          ${given(folder, sql`and folder = ${folder}`)}`
      return bounded(db).query<File & Relevance>(sql`
        ${candidates(query, scoped, limit)}
        select ${columns}, coverage, rank, cosine from candidate`)
    },

    /**
     * Changes the given fields of a file's metadata and returns the file. A file that already has these values is not written and emits no
     * event. Throws `not_found`.
     */
    async update(scope: Scope, id: string, fields: FileChange): Promise<File> {
      const [{ event_seq: _, ...row }] = await write<File & { event_seq: number | null }>(
        context,
        sql`
        with ${updateLocked('zerodb_files', {
          userId: scope.user_id,
          old: lockedFile(scope, id),
          set: {
            file_key: sql`coalesce(${fields.file_key}, old.file_key)`,
            file_name: sql`coalesce(${fields.file_name}, old.file_name)`,
            content_type: newText(fields.content_type, 'content_type'),
            folder: newText(fields.folder, 'folder'),
            metadata: sql`coalesce(${fields.metadata ? json(fields.metadata) : null}::jsonb, old.metadata)`,
            updated_at: sql`now()`,
          },
          compared: {
            file_key: 'file_key',
            file_name: 'file_name',
            content_type: 'content_type',
            folder: 'folder',
            file_metadata: 'metadata',
          },
        })},
        ${emitChanges(scope, fileUpdated, { ...EVENT_DATA, changed: sql`stored.changed` })}
        select ${columns}, event_seq
        from (
          select
            id, project_id, file_key, file_name, content_type, size_bytes, folder, metadata, blob, summary, created_at, updated_at, seq as event_seq
          from stored
          union all
          select id, project_id, file_key, file_name, content_type, size_bytes, folder, metadata, blob, summary, created_at, updated_at, null
          from old where not exists (select from stored)
        ) r`,
        'File not found',
      )
      return row
    },

    /** Adds the content of a permitted upload to a registered file. Throws `not_found` if the upload is done, or the file has content. */
    async fill(
      scope: Scope,
      id: string,
      { blob, size_bytes, content_type }: Pick<FileFields, 'blob' | 'size_bytes' | 'content_type'>,
    ): Promise<File> {
      const [{ event_seq: _, ...row }] = await write<File & { event_seq: number }>(
        context,
        sql`
        with used as (
          delete from zerodb_uploads
          where id = ${id}::uuid and project_id = (select project_id from (${userProject(scope)}) owner)
          returning id
        ),
        ${updateLocked('zerodb_files', {
          userId: scope.user_id,
          old: sql`select * from zerodb_files where id = (select id from used) and blob is null for update`,
          set: {
            blob: sql`${blob}::text`,
            size_bytes: sql`${size_bytes}::bigint`,
            content_type: sql`coalesce(${content_type}, old.content_type)`,
            updated_at: sql`now()`,
          },
          compared: { content: 'blob', size_bytes: 'size_bytes', content_type: 'content_type' },
        })},
        ${emitChanges(scope, fileUpdated, { ...EVENT_DATA, changed: sql`stored.changed` })}
        select ${columns}, event_seq
        from (
          select
            id, project_id, file_key, file_name, content_type, size_bytes, folder, metadata, blob, summary, created_at, updated_at, seq as event_seq
          from stored
        ) r`,
        'File not found',
      )
      return row
    },

    async remove(scope: Scope, id: string): Promise<boolean> {
      const rows = await context.commit<{ event_seq: number }>(sql`
        with revoked as (
          delete from zerodb_uploads
          where id = ${id}::uuid and project_id = (select project_id from (${userProject(scope)}) owner)
        ),
        ${deleteLocked('zerodb_files', { userId: scope.user_id, old: lockedFile(scope, id) })},
        ${emitChanges(scope, fileDeleted, EVENT_DATA)}
        select stored.seq as event_seq from stored`)
      return rows.length > 0
    },

    /** Returns those of `blobs` that are the content of a file, of a before-image, or of a wheel. */
    async blobsInUse(blobs: readonly string[]): Promise<Set<string>> {
      const rows = await asyncCommit.query<{ blob: string }>(
        sql`
        select blob from zerodb_files where blob = any(${blobs}::text[])
        union
        select blob from zerodb_wheels where blob = any(${blobs}::text[])
        union
        select before ->> 'blob' from zerodb_changes where before ->> 'blob' = any(${blobs}::text[])`,
      )
      return new Set(rows.map((row) => row.blob))
    },
  }
}
