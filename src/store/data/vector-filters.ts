import { type Statement, sql } from '../../db/sql.ts'
import type { Vector } from '../../schema/vector.ts'
import { bounded, given, isAfter, type Place, type Scope, type StoreContext, userProject } from '../context.ts'
import { compileFilter, compileIndexCondition, withFilter } from '../filters/filter.ts'

/**
 * Number of vectors that a query with a filter reads in the order of creation before it turns to the index of metadata. A frequent value fills
 * a page by then; for such a value the index would read and sort all its vectors.
 */
const WALKED_VECTORS = 2_000
/** Number of matches among the walked vectors from which reading in the order of creation takes less time than the index. */
const FREQUENT_HITS = WALKED_VECTORS / 5
/** Number of matches among the walked vectors from which a search finds enough matches by the index of embeddings. */
const SEARCHABLE_HITS = WALKED_VECTORS / 100

export type StoredVector = Omit<Vector, 'vector_embedding'> & { vector_embedding: Float32Array | null }

export const columns = sql`
  vector_id, project_id, namespace, embedding as vector_embedding, dims as dimension, model, metadata as vector_metadata, metadata,
  document, summary, source, created_at, updated_at`

/** The vectors of a namespace whose metadata match a filter. Null: of all namespaces, and any metadata. */
export interface VectorsOf {
  namespace: string | null
  filter: Record<string, unknown> | null
}

interface PageOf {
  limit: number
  offset: number
  after: Place | null
}

interface Plan {
  /** Condition: a vector is selected. */
  where: Statement
  /** Whether `where` uses the index of metadata. */
  indexed: boolean
  /** The page, with one vector more than its limit if there are more; null if the walked vectors may not have all of it. */
  walked: (StoredVector & { id?: string })[] | null
}

/** The order of creation. With the index of metadata, matches are sorted: the order alone would let the planner walk all vectors for a few. */
export const oldestFirst = (indexed: boolean): Statement =>
  indexed ? sql`created_at + interval '0', id` : sql`created_at, id`

export function filteredVectors({ db }: StoreContext) {
  const reads = bounded(db)

  async function walk(
    scope: Scope,
    { namespace }: VectorsOf,
    matches: Statement,
    { limit, offset, after }: PageOf,
  ): Promise<{ rows: (StoredVector & { id?: string })[] | null; isEnd: boolean; hits: number }> {
    const found = await withFilter(
      'metadata_filter',
      reads.query<StoredVector & { id: string; is_end: boolean; hits: number }>(sql`
        with walked as materialized (
          select id, created_at, metadata from zerodb_vectors
          where ${isOf(scope, namespace)} ${isAfter(after, 'oldest first')}
          order by created_at, id
          limit ${WALKED_VECTORS}::int
        ),
        hits as materialized (
          select id, created_at from walked where ${matches}
        )
        select walk.is_end, walk.hits, hit.*
        from (select count(*) < ${WALKED_VECTORS}::int as is_end, (select count(*) from hits) as hits from walked) walk
        left join (
          select ${columns}, id from zerodb_vectors
          where id = any(array(select id from hits order by created_at, id limit ${limit + 1}::int offset ${offset}::int))
        ) hit on true
        order by hit.created_at, hit.id`),
    )
    const { is_end, hits } = found[0]!
    const rows = found.filter(({ id }) => id !== null).map(({ is_end: _, hits: __, ...row }) => row)
    return { rows: is_end || rows.length > limit ? rows : null, isEnd: is_end, hits }
  }

  return {
    /** Chooses how to read the selected vectors. For a page, reads it at once if it is among the first vectors. */
    async plan(scope: Scope, selection: VectorsOf, page?: PageOf): Promise<Plan> {
      const { namespace, filter } = selection
      const ofNamespace = isOf(scope, namespace)
      if (filter === null) return { where: ofNamespace, indexed: false, walked: null }
      const matches = compileFilter(filter, sql`metadata`, 'metadata_filter')
      const where = sql`${ofNamespace} and ${matches}`
      const condition = indexCondition(scope, filter)
      if (condition === null) return { where, indexed: false, walked: null }
      const { rows, isEnd, hits } = await walk(scope, selection, matches, page ?? { limit: 0, offset: 0, after: null })
      const walked = page ? rows : null
      if ((isEnd && !page?.after) || hits >= FREQUENT_HITS) return { where, indexed: false, walked }
      return { where: sql`${where} and ${condition}`, indexed: true, walked }
    },

    /**
     * Condition on the index of metadata for a search whose filter few vectors match; null if the index of embeddings finds enough matches,
     * and for small namespaces. The index of embeddings gives up after 20,000 vectors, whether it has found a match or not.
     */
    async rareMatches(scope: Scope, namespace: string, filter: Record<string, unknown>): Promise<Statement | null> {
      const condition = indexCondition(scope, filter)
      if (condition === null) return null
      const matches = compileFilter(filter, sql`metadata`, 'metadata_filter')
      const { isEnd, hits } = await walk(scope, { namespace, filter }, matches, { limit: 0, offset: 0, after: null })
      return isEnd || hits >= SEARCHABLE_HITS ? null : condition
    },
  }
}

/** Condition: a vector belongs to the project and, unless it is null, to the namespace. */
function isOf(scope: Scope, namespace: string | null): Statement {
  return sql`
    project_id = (select project_id from (${userProject(scope)}) owner)
    ${given(namespace, sql`and namespace = ${namespace}`)}`
}

/** Condition that the index of metadata supports, and that each match meets; null if the filter has no equality. */
function indexCondition(scope: Scope, filter: Record<string, unknown>): Statement | null {
  const document = sql`jsonb_set('{}', array[project_id::text], metadata)`
  return compileIndexCondition(filter, { document, key: scope.project_id.toLowerCase() }, 'metadata_filter')
}
