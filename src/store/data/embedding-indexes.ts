import { Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import type { StoreContext } from '../context.ts'

/** Maximum number of dimensions that an HNSW index of pgvector can have, with full precision and with half precision. */
export const MAX_FULL_INDEX_DIMS = 2_000
export const MAX_HALF_INDEX_DIMS = 4_000

/** Builds the HNSW indexes of the embeddings of a table: one index for each number of dimensions. */
export function embeddingIndexes({ db, asyncCommit }: StoreContext, table: 'zerodb_memories' | 'zerodb_vectors') {
  const rows = new Sql(table, [])
  const prefix = `idx_${table}_hnsw_`
  return {
    /** Returns the numbers of dimensions, up to `maxDims`, that at least `atLeast` embeddings have and no index. */
    async dimsWithoutIndex(atLeast: number, maxDims = MAX_FULL_INDEX_DIMS): Promise<number[]> {
      const found = await asyncCommit.query<{ dims: number }>(sql`
        select dims from ${rows} v
        where dims <= ${maxDims}::int
          and not exists (
            select from pg_class c join pg_index i on i.indexrelid = c.oid
            where c.relname = ${prefix} || v.dims
              and (i.indisvalid or exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid))
          )
        group by dims
        having count(*) >= ${atLeast}::int`)
      return found.map((row) => row.dims)
    },

    /** Builds the index for one number of dimensions. With `concurrently`, a server does not block writers. */
    async buildIndex(dims: number, concurrently: boolean): Promise<void> {
      const n = literalDims(dims)
      const name = new Sql(`${prefix}${dims}`, [])
      const left = await db.query(sql`
        select from pg_class c join pg_index i on i.indexrelid = c.oid
        where c.relname = ${prefix} || ${dims}::int and not i.indisvalid`)
      // An interrupted build leaves an invalid index that PostgreSQL neither uses nor repairs.
      if (left.length > 0) await db.query(sql`drop index if exists ${name}`)
      await db.query(
        sql`
        create index ${concurrently ? sql`concurrently` : sql``} if not exists ${name}
        on ${rows} using hnsw ((${indexed(dims)}) ${isHalf(dims) ? sql`halfvec_cosine_ops` : sql`vector_cosine_ops`}) where dims = ${n}`,
        { timeoutSeconds: 3600 },
      )
    },
  }
}

const isHalf = (dims: number) => dims > MAX_FULL_INDEX_DIMS && dims <= MAX_HALF_INDEX_DIMS

/**
 * The expression that the index of a number of dimensions has. Above `MAX_FULL_INDEX_DIMS` numbers have half precision, and vectors length 1: the
 * angle stays, and a large number would be out of range.
 */
export function indexed(dims: number, vector = sql`embedding`): Statement {
  const n = literalDims(dims)
  return isHalf(dims) ? sql`l2_normalize(${vector})::halfvec(${n})` : sql`${vector}::vector(${n})`
}

/** Inserts the number as a constant, because the planner matches a partial index only with a constant. */
export function literalDims(dims: number): Statement {
  if (!Number.isInteger(dims) || dims < 1 || dims > 16_000)
    throw new RangeError(`${dims} is not a valid number of dimensions`)
  return new Sql(String(dims), [])
}
