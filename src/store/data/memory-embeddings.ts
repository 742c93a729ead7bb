import { sql } from '../../db/sql.ts'
import type { StoreContext } from '../context.ts'
import { embeddingIndexes } from './embedding-indexes.ts'

/** Embeddings that the engine computes for remembered texts without a hook. */
export function memoryEmbeddings(context: StoreContext) {
  const { db, asyncCommit } = context
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

    ...embeddingIndexes(context, 'zerodb_memories'),
  }
}
