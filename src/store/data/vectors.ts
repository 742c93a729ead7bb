import { randomUUID } from 'node:crypto'
import { DbError, json, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { stringifyJson } from '../../exact-json.ts'
import { vectorBatchStored, vectorDeleted, vectorStored, vectorUpdated } from '../../schema/events.ts'
import { MAX_DELETED_VECTORS, type VectorInput } from '../../schema/vector.ts'
import { beforeImage, deleteLocked, updateLocked } from '../before-images.ts'
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
import { withFilter } from '../filters/filter.ts'
import { emit, emitChanges, NEXT_SEQ } from '../outbox.ts'
import { type Page, pageOf, type Total, totalOf } from './count.ts'
import { columns, filteredVectors, oldestFirst, type StoredVector, type VectorsOf } from './vector-filters.ts'

export interface VectorToEmbed {
  id: string
  document: string
}

// A document without an embedding keeps the stored one if the text is the same; the embedding of another text would be wrong.
const onConflict = sql`
  on conflict (project_id, namespace, vector_id) do update set
    embedding = case
      when excluded.embedding is null and zerodb_vectors.document is not distinct from excluded.document then zerodb_vectors.embedding
      else excluded.embedding
    end,
    model = case
      when excluded.embedding is null and zerodb_vectors.document is not distinct from excluded.document then zerodb_vectors.model
      else excluded.model
    end,
    requested_model = null,
    next_embedding = null,
    next_model = null,
    summary = case when zerodb_vectors.document is not distinct from excluded.document then zerodb_vectors.summary end,
    document = excluded.document,
    metadata = excluded.metadata,
    source = excluded.source,
    batch_id = excluded.batch_id,
    updated_at = now()`

/** New values of a vector. Undefined keeps the old value. */
export interface VectorChange {
  metadata?: Record<string, unknown> | undefined
  source?: string | undefined
}

const EVENT_DATA = {
  vector_id: sql`stored.vector_id`,
  project_id: sql`stored.project_id`,
  namespace: sql`stored.namespace`,
  source: sql`stored.source`,
  user_id: sql`stored.user_id`,
}

/** Selects the id of the vector; without a namespace prefers the one in `default`, and otherwise takes the oldest with that id. */
const named = (scope: Scope, vectorId: string, namespace: string | null) => sql`
  select id from zerodb_vectors
  where project_id = (select project_id from (${userProject(scope)}) owner)
    and vector_id = ${vectorId}
    and (${namespace}::text is null or namespace = ${namespace})
  order by namespace = 'default' desc, created_at
  limit 1`

/** Makes the upsert wait for `old`: a row that a statement has updated itself can no longer be read as it was before. */
const afterOld = sql`cross join (select count(*) from old) locked`

/** Ends a selection from `upserted`: the before-image of each row. A row that another statement inserted after this one began has none. */
const imageOf = sql`
  case when u.is_replaced and o.before is null then zerodb_raise_race() else o.before end as before, o.before_vectors
  from upserted u
  left join (select old.id, ${beforeImage('zerodb_vectors', 'old')} from old) o on o.id = u.id`

/** Maximum number of attempts of a statement that lost a race. */
const MAX_ATTEMPTS = 10

/** Executes `attempt` again if another statement inserted one of its rows at the same time. */
async function retryRaces<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof DbError) || error.code !== 'ZD002' || attempts === MAX_ATTEMPTS) throw error
    }
  }
}

export function vectors(context: StoreContext) {
  const { db, asyncCommit } = context
  const reads = bounded(db)
  const vectorFilters = filteredVectors(context)
  return {
    /** Stores one vector, or replaces the vector with this id in its namespace. */
    async upsert(scope: Scope, vector: VectorInput): Promise<StoredVector> {
      const embedding = vector.vector_embedding ? Float32Array.from(vector.vector_embedding) : null
      const vectorId = vector.vector_id ?? randomUUID()
      const [{ event_seq: _, ...row }] = await retryRaces(() =>
        write<StoredVector & { event_seq: number }>(
          context,
          sql`
          with owner as (${userProject(scope)}),
          old as materialized (
            select v.* from zerodb_vectors v
            where v.project_id = (select project_id from owner) and v.namespace = ${vector.namespace} and v.vector_id = ${vectorId}
            for update
          ),
          upserted as (
            insert into zerodb_vectors (project_id, namespace, vector_id, embedding, document, metadata, source)
            select
              project_id, ${vector.namespace}, ${vectorId}, ${embedding}::vector, ${vector.document}, ${json(vector.vector_metadata)}::jsonb,
              ${vector.source}
            from owner
            ${afterOld}
            ${onConflict}
            returning zerodb_vectors.*, zerodb_vectors.xmax <> 0 as is_replaced
          ),
          stored as materialized (
            select ${NEXT_SEQ} as seq, u.*, u.id::text as ref, ${scope.user_id}::uuid as user_id, ${imageOf}
          ),
          ${emitChanges(scope, vectorStored, EVENT_DATA)}
          select
            vector_id, project_id, namespace, dims as dimension, model, metadata as vector_metadata, metadata, document, summary, source,
            created_at, updated_at, case when ${embedding === null}::bool then embedding end as vector_embedding, seq as event_seq
          from stored`,
        ),
      )
      return { ...row, vector_embedding: embedding ?? row.vector_embedding }
    },

    /**
     * Stores all vectors or none, with one event for the batch. If two have the same id, the last one is stored. `model` is the model that
     * made the embeddings; null if they come from the client.
     */
    async upsertBatch(
      scope: Scope,
      batch: readonly VectorInput[],
      model: string | null = null,
    ): Promise<{ vector_ids: string[]; count: number }> {
      const batchId = randomUUID()
      const byId = new Map<string, VectorInput & { vector_id: string }>()
      const ids = batch.map((vector) => {
        const vector_id = vector.vector_id ?? randomUUID()
        byId.set(JSON.stringify([vector.namespace, vector_id]), { ...vector, vector_id })
        return vector_id
      })
      // Sorted by key, so that concurrent batches with the same vectors wait for each other and cannot deadlock.
      const rows = [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, vector]) => vector)
      const [row] = await retryRaces(() =>
        write<{ count: number; event_seq: number }>(
          context,
          sql`
          with owner as (${userProject(scope)}),
          item as materialized (
            select * from unnest(
              ${rows.map((item) => item.namespace)}::text[],
              ${rows.map((item) => item.vector_id)}::text[],
              ${rows.map((item) => (item.vector_embedding ? Float32Array.from(item.vector_embedding) : null))}::vector[],
              ${rows.map((item) => item.document ?? null)}::text[],
              ${rows.map((item) => stringifyJson(item.vector_metadata))}::text[],
              ${rows.map((item) => item.source)}::text[]
            ) with ordinality as item (namespace, vector_id, embedding, document, metadata, source, n)
          ),
          old as materialized (
            select found.*
            from item
            cross join lateral (
              select v.* from zerodb_vectors v
              where v.project_id = (select project_id from owner) and v.namespace = item.namespace and v.vector_id = item.vector_id
              for update
            ) found
            order by item.n
          ),
          upserted as (
            insert into zerodb_vectors (project_id, namespace, vector_id, embedding, model, document, metadata, source, batch_id)
            select
              owner.project_id, item.namespace, item.vector_id, item.embedding, ${model}, item.document, item.metadata::jsonb, item.source,
              ${batchId}::uuid
            from owner
            ${afterOld}
            cross join item
            order by item.n
            ${onConflict}
            returning zerodb_vectors.id, zerodb_vectors.xmax <> 0 as is_replaced
          ),
          imaged as materialized (
            select u.id, ${imageOf}
          ),
          stored as (
            select owner.project_id, owner.user_id, ${batchId}::text as ref, (select count(*)::int from imaged) as count
            from owner
          ),
          ${emit(scope, vectorBatchStored, {
            project_id: sql`stored.project_id`,
            count: sql`stored.count`,
            user_id: sql`stored.user_id`,
          })},
          change as (
            insert into zerodb_changes (seq, n, row_id, before, before_vectors)
            select event.seq, row_number() over (order by imaged.id) - 1, imaged.id, imaged.before, imaged.before_vectors
            from event cross join imaged
            where imaged.before is not null
          )
          select stored.count, event.seq as event_seq from stored, event`,
        ),
      )
      return { vector_ids: ids, count: row.count }
    },

    /**
     * Changes the given fields of the vector that `get` returns, and returns it. A vector that already has these values is not written and
     * emits no event. Throws `not_found`.
     */
    async update(
      scope: Scope,
      vectorId: string,
      namespace: string | null,
      fields: VectorChange,
    ): Promise<StoredVector> {
      const { metadata, source } = fields
      const [{ event_seq: _, ...row }] = await write<StoredVector & { event_seq: number | null }>(
        context,
        sql`
        with ${updateLocked('zerodb_vectors', {
          userId: scope.user_id,
          old: sql`select * from zerodb_vectors where id = (${named(scope, vectorId, namespace)}) for update`,
          set: {
            metadata: sql`coalesce(${metadata ? json(metadata) : null}::jsonb, old.metadata)`,
            source: sql`coalesce(${source}, old.source)`,
            updated_at: sql`now()`,
          },
          compared: { vector_metadata: 'metadata', source: 'source' },
        })},
        ${emitChanges(scope, vectorUpdated, { ...EVENT_DATA, changed: sql`stored.changed` })}
        select ${columns}, event_seq
        from (
          select
            vector_id, project_id, namespace, embedding, dims, model, metadata, document, summary, source, created_at, updated_at,
            seq as event_seq
          from stored
          union all
          select vector_id, project_id, namespace, embedding, dims, model, metadata, document, summary, source, created_at, updated_at, null
          from old where not exists (select from stored)
        ) v`,
        'Vector not found',
      )
      return row
    },

    /** Returns a page of the selected vectors, oldest first. `last` is the end of a page that is not the last. */
    async list(
      scope: Scope,
      selection: VectorsOf,
      { limit, offset, after }: { limit: number; offset: number; after: Place | null },
    ): Promise<Page<StoredVector> & { last: Place | null }> {
      const { where, indexed, walked } = await vectorFilters.plan(scope, selection, { limit, offset, after })
      const stored =
        walked ??
        (await withFilter(
          'metadata_filter',
          reads.query<StoredVector & { id?: string }>(sql`
            select ${columns}, id from zerodb_vectors
            where ${where} ${isAfter(after, 'oldest first')}
            order by ${oldestFirst(indexed)}
            limit ${limit + 1}::int offset ${offset}::int`),
        ))
      const end = stored.length > limit ? stored[limit - 1]! : null
      const last = end && { created_at: end.created_at, id: end.id! }
      for (const row of stored) delete row.id
      const page = await pageOf<StoredVector>(stored, { limit, offset }, (most) => countUpTo(most, where))
      return { ...page, ...(after ? await totalOf((most) => countUpTo(most, where)) : {}), last }
    },

    async count(scope: Scope, selection: VectorsOf): Promise<Total> {
      const { where } = await vectorFilters.plan(scope, selection)
      return withFilter(
        'metadata_filter',
        totalOf((most) => countUpTo(most, where)),
      )
    },

    /** Returns a vector. Without a namespace, prefers the one in `default`, and otherwise takes the oldest with that id. */
    async get(scope: Scope, vectorId: string, namespace: string | null): Promise<StoredVector> {
      const rows = await db.query<StoredVector>(sql`
        select ${columns} from zerodb_vectors where id = (${named(scope, vectorId, namespace)})`)
      return found(rows, 'Vector')
    },

    /** Deletes the vector that `get` returns. Returns false if there is none. */
    async remove(scope: Scope, vectorId: string, namespace: string | null): Promise<boolean> {
      const old = sql`select * from zerodb_vectors where id = (${named(scope, vectorId, namespace)}) for update`
      const [{ vector_id }] = await removeLocked(scope, old)
      return vector_id !== null
    },

    /**
     * Deletes vectors of one namespace, oldest first: those with the given ids, or those of the filter. Null selects all. Without a limit, deletes
     * all or none, and throws `invalid` if there are more than `MAX_DELETED_VECTORS`. Throws `not_found` for an unknown project.
     */
    async removeMany(
      scope: Scope,
      { ids, limit, ...selection }: VectorsOf & { ids: readonly string[] | null; limit: number | null },
    ): Promise<{ vector_ids: string[]; has_more: boolean }> {
      const most = limit ?? MAX_DELETED_VECTORS
      const { where: isSelected, indexed } = await vectorFilters.plan(scope, selection)
      const old = sql`
        select * from zerodb_vectors
        where ${isSelected} ${given(ids, sql`and vector_id = any(${ids}::text[])`)}
        order by ${oldestFirst(indexed)}
        limit ${most + 1}::int
        for update`
      // Only the last row of old can be beyond the limit. A list of those within it would be compared with each row.
      const where =
        limit === null
          ? sql`(select count(*) from old) <= ${most}::int`
          : sql`old.id is distinct from (select id from old order by created_at, id offset ${most}::int limit 1)`
      const rows = await withFilter('metadata_filter', removeLocked(scope, old, where))
      const { matched } = rows[0]
      if (limit === null && matched > most)
        throw new ZeroError(
          'invalid',
          `More than ${most} vectors match: send a limit of at most ${most}, and repeat the request while has_more is true`,
        )
      const vector_ids = rows.flatMap((row) => (row.vector_id === null ? [] : [row.vector_id]))
      return { vector_ids, has_more: matched > most }
    },

    /** Returns vectors with a document but no embedding: one vector, or those of a batch. */
    async toEmbed(projectId: string, ref: { id: string } | { batch_id: string }): Promise<VectorToEmbed[]> {
      const which = 'id' in ref ? sql`id = ${ref.id}::uuid` : sql`batch_id = ${ref.batch_id}::uuid`
      return asyncCommit.query<VectorToEmbed>(sql`
        select id, document from zerodb_vectors
        where ${which} and project_id = ${projectId}::uuid and embedding is null and document is not null and document <> ''`)
    },

    /** Stores embeddings, each only if its document has not changed. Returns how many were stored. */
    async setEmbeddings(
      items: readonly VectorToEmbed[],
      embeddings: readonly Float32Array[],
      model: { used: string; requested: string },
    ): Promise<number> {
      const rows = await db.query(sql`
        update zerodb_vectors v set embedding = item.embedding, model = ${model.used}, requested_model = ${model.requested}
        from unnest(
          ${items.map((item) => item.id)}::uuid[], ${items.map((item) => item.document)}::text[], ${embeddings}::vector[]
        ) as item (id, document, embedding)
        where v.id = item.id and v.document = item.document and v.embedding is null
        returning v.id`)
      return rows.length
    },

    /** Returns the document of the vector of an event's `ref`; null if it has no document or was deleted. */
    async document(projectId: string, id: string): Promise<string | null> {
      const [row] = await asyncCommit.query<{ document: string | null }>(sql`
        select document from zerodb_vectors where id = ${id}::uuid and project_id = ${projectId}::uuid`)
      return row?.document ?? null
    },

    /** Stores a summary. Returns false if the document has changed since it was summarized. */
    async setSummary(id: string, document: string, summary: string): Promise<boolean> {
      const rows = await db.query(sql`
        update zerodb_vectors set summary = ${summary} where id = ${id}::uuid and document = ${document} returning id`)
      return rows.length > 0
    },
  }

  /**
   * Deletes the vectors that `old` selects and locks, if they meet `where`. Returns their ids in the order of creation, or one row without an id if
   * none is deleted. Throws `not_found` for an unknown project.
   */
  function removeLocked(scope: Scope, old: Statement, where?: Statement) {
    return write<{ vector_id: string | null; matched: number }>(
      context,
      sql`
      with owner as (${userProject(scope)}),
      ${deleteLocked('zerodb_vectors', { userId: scope.user_id, old, where: where ?? sql`true`, order: 'created_at' })},
      ${emitChanges(scope, vectorDeleted, EVENT_DATA)}
      select stored.seq as event_seq, stored.vector_id, (select count(*)::int from old) as matched
      from owner left join stored on true
      order by stored.seq`,
    )
  }

  async function countUpTo(most: number, where: Statement): Promise<number> {
    const [count] = await reads.query<{ total: number }>(
      sql`select count(*) as total from (select 1 from zerodb_vectors where ${where} limit ${most}::int) counted`,
    )
    return count!.total
  }
}
