import { type Statement, sql } from '../../db/sql.ts'
import { bounded, given, type Scope, type StoreContext, userProject } from '../context.ts'
import { compileFilter, withFilter } from '../filters/filter.ts'
import { type Page, pageOf } from './count.ts'
import { embeddingIndexes, indexed, literalDims } from './embedding-indexes.ts'
import { columns, filteredVectors, type StoredVector } from './vector-filters.ts'

/**
 * Maximum number of matches that a search counts in addition to its results. With a threshold, counting must compute the distance of each
 * vector.
 */
const MAX_MATCHES = 1_000

/** The vectors that one search covers: they have the same dimensions and the same model (null for vectors from clients). */
export interface VectorSpace {
  dims: number
  model: string | null
}

/** A vector that a search found. `id` is that of its row. */
export type FoundVector = StoredVector & { id: string; similarity: number }

/** Condition: the id of a row is not among `seen`. A hash table, because a list would be compared with each row. */
export const isUnseen = (seen: readonly string[]): Statement => sql`and id not in (select unnest(${seen}::uuid[]))`

export function vectorSearch(context: StoreContext) {
  const { db } = context
  const reads = bounded(db)
  const vectorFilters = filteredVectors(context)
  return {
    /** Returns the spaces of a namespace. Reads one index entry per space, so that the cost does not depend on the number of vectors. */
    async spaces(scope: Scope, namespace: string): Promise<VectorSpace[]> {
      const vectors = sql`
        select dims, coalesce(model, '') as model
        from zerodb_vectors
        where project_id = (select project_id from (${userProject(scope)}) owner)
          and namespace = ${namespace}
          and dims is not null`
      return db.query<VectorSpace>(sql`
        with recursive space as (
          (${vectors} order by dims, coalesce(model, '') limit 1)
          union all
          select next.dims, next.model
          from space
          cross join lateral (
            ${vectors} and (dims, coalesce(model, '')) > (space.dims, space.model)
            order by dims, coalesce(model, '')
            limit 1
          ) next
        )
        select dims, nullif(model, '') as model from space`)
    },

    /**
     * Returns the nearest vectors by cosine similarity that are not `seen`, nearest first. Exact until the space has an index. A place in the order
     * could not take the place of `seen`: an index returns vectors in an order that is only roughly that of their distance.
     */
    async search(
      scope: Scope,
      space: { namespace: string; dims: number; model: string | null },
      query: Float32Array,
      options: {
        limit: number
        threshold: number | null
        filter: Record<string, unknown> | null
        /** Ids of vectors that earlier pages had. */
        seen?: readonly string[]
        /** Whether vectors with more than `MAX_FULL_INDEX_DIMS` dimensions can have an index, which orders them by half precision. */
        canBeHalf?: boolean
      },
    ): Promise<Page<FoundVector>> {
      const dims = literalDims(space.dims)
      const distance = sql`(embedding::vector(${dims}) <=> ${query}::vector(${dims}))`
      // Not "is not distinct from": the planner estimates one row for that, and then sorts instead of using the index.
      const model = space.model === null ? sql`model is null` : sql`model = ${space.model}`
      const filter = options.filter ? compileFilter(options.filter, sql`metadata`, 'metadata_filter') : sql`true`
      const rare = options.filter ? await vectorFilters.rareMatches(scope, space.namespace, options.filter) : null
      const candidates = sql`
        from zerodb_vectors
        where project_id = (select project_id from (${userProject(scope)}) owner)
          and namespace = ${space.namespace}
          and dims = ${dims}
          and ${model}
          and ${filter}
          ${given(rare, sql`and ${rare ?? sql``}`)}`
      // Few matches are sorted. The order by distance alone would let the planner choose the index of embeddings.
      const byDistance = sql`
        ${options.canBeHalf ? indexed(space.dims) : sql`embedding::vector(${dims})`} <=> ${
          options.canBeHalf ? indexed(space.dims, sql`${query}::vector`) : sql`${query}::vector(${dims})`
        }`
      const nearest = (most: number, seen?: readonly string[]) => sql`
        from (
          select *, ${distance} as distance
          ${candidates} ${given(seen?.length, isUnseen(seen ?? []))}
          order by ${rare ? sql`${distance} + 0` : byDistance}
          limit ${most}::int
        ) nearest
        where ${options.threshold}::float8 is null or (distance <> 'NaN' and 1 - distance >= ${options.threshold}::float8)`
      const rows = await withFilter(
        'metadata_filter',
        reads.query<FoundVector>(sql`
          select ${columns}, id, 1 - distance as similarity
          ${nearest(options.limit + 1, options.seen)}
          order by distance`),
      )
      // A zero vector has no direction: pgvector returns NaN, which JSON cannot represent.
      const finite = rows.map((row) => ({ ...row, similarity: Number.isNaN(row.similarity) ? 0 : row.similarity }))
      return pageOf(
        finite,
        { limit: options.limit, offset: options.seen?.length ?? 0, max: MAX_MATCHES },
        async (most) => {
          const counted =
            options.threshold === null ? sql`from (select 1 ${candidates} limit ${most}::int) c` : nearest(most)
          const [count] = await reads.query<{ total: number }>(sql`select count(*) as total ${counted}`)
          return count!.total
        },
      )
    },

    ...embeddingIndexes(context, 'zerodb_vectors'),
  }
}
