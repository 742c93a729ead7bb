import { sql } from '../../db/sql.ts'
import type { StoreContext } from '../context.ts'
import { literalDims } from './vector-search.ts'

/** Embeddings that the engine computes for remembered texts without a hook. */
export function memoryEmbeddings({ db, asyncCommit }: StoreContext) {
  return {
    /** Returns memories without an embedding, oldest first. Several processes may get the same ones; the first embedding stays. */
    async missing(limit: number): Promise<{ id: string; content: string }[]> {
      return asyncCommit.query<{ id: string; content: string }>(sql`
        select id, content from zerodb_memories
        where kind = 'remembered' and embedding is null and not_embedded_by is null
        order by created_at
        limit ${limit}::int`)
    },

    /** Stores embeddings of memories that have none. */
    async keep(ids: readonly string[], embeddings: readonly Float32Array[], model: string): Promise<void> {
      await db.query(sql`
        update zerodb_memories m set embedding = item.embedding, model = ${model}, requested_model = ${model}
        from unnest(${ids}::uuid[], ${embeddings}::vector[]) as item (id, embedding)
        where m.id = item.id and m.embedding is null`)
    },

    /** Records that the model cannot embed these memories, so that they are not tried again. */
    async markUnreadable(ids: readonly string[], model: string): Promise<void> {
      await db.query(sql`
        update zerodb_memories set not_embedded_by = ${model} where id = any(${ids}::uuid[]) and embedding is null`)
    },

    /** Lets the memories that another model could not embed be tried again. */
    async retryOthers(model: string): Promise<void> {
      await db.query(
        sql`
        update zerodb_memories set not_embedded_by = null
        where kind = 'remembered' and embedding is null and not_embedded_by <> ${model}`,
        { timeoutSeconds: 600 },
      )
    },

    /** Returns the numbers of dimensions, up to `maxDims`, that at least `atLeast` memories have and no index. */
    async dimsWithoutIndex(atLeast: number, maxDims: number): Promise<number[]> {
      const rows = await asyncCommit.query<{ dims: number }>(sql`
        select dims from zerodb_memories m
        where dims <= ${maxDims}::int
          and not exists (
            select from pg_class c join pg_index i on i.indexrelid = c.oid
            where c.relname = 'idx_zerodb_memories_hnsw_' || m.dims
              and (i.indisvalid or exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid))
          )
        group by dims
        having count(*) >= ${atLeast}::int`)
      return rows.map((row) => row.dims)
    },

    /** Builds the index of the embeddings with one number of dimensions. With `concurrently`, a server does not block writers. */
    async buildIndex(dims: number, concurrently: boolean): Promise<void> {
      const n = literalDims(dims)
      const left = await db.query(sql`
        select from pg_class c join pg_index i on i.indexrelid = c.oid
        where c.relname = 'idx_zerodb_memories_hnsw_' || ${dims}::int and not i.indisvalid`)
      // An interrupted build leaves an invalid index that PostgreSQL neither uses nor repairs.
      if (left.length > 0) await db.query(sql`drop index if exists idx_zerodb_memories_hnsw_${n}`)
      await db.query(
        sql`
        create index ${concurrently ? sql`concurrently` : sql``} if not exists idx_zerodb_memories_hnsw_${n}
        on zerodb_memories using hnsw ((embedding::vector(${n})) vector_cosine_ops) where dims = ${n}`,
        { timeoutSeconds: 3600 },
      )
    },
  }
}
