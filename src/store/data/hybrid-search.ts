import { sql } from '../../db/sql.ts'
import type { HybridRanks } from '../../schema/vector.ts'
import { bounded, type Scope, type StoreContext, userProject } from '../context.ts'
import { compileFilter, withFilter } from '../filters/filter.ts'
import type { Page } from './count.ts'
import { literalDims } from './embedding-indexes.ts'
import { MAX_WORDS } from './relevance.ts'
import { columns } from './vector-filters.ts'
import { type FoundVector, isUnseen } from './vector-search.ts'

/** Minimum number of vectors that each of the two searches ranks. */
const MIN_CANDIDATES = 200
/** The constant of reciprocal rank fusion, as in the paper of Cormack, Clarke and Büttcher: the difference of first ranks counts less with it. */
const RRF_K = 60

/** The words of a document, as the index has them. */
const words = sql`to_tsvector('english', left(document, 100000))`

export type HybridMatch = FoundVector & { score: number } & HybridRanks

export function hybridSearch({ db }: StoreContext) {
  return {
    /**
     * Returns the vectors of a space that are near to `query` or share a word with `text`, best first by reciprocal rank fusion of the two orders.
     * Leaves out the vectors that are `seen`. `total` is the number of vectors that one of the searches ranked.
     */
    async find(
      scope: Scope,
      space: { namespace: string; dims: number; model: string | null },
      { query, text }: { query: Float32Array; text: string },
      options: {
        limit: number
        threshold: number | null
        filter: Record<string, unknown> | null
        seen?: readonly string[]
      },
    ): Promise<Page<HybridMatch>> {
      const dims = literalDims(space.dims)
      const seen = options.seen ?? []
      const most = Math.max(seen.length + options.limit + 1, MIN_CANDIDATES)
      const model = space.model === null ? sql`model is null` : sql`model = ${space.model}`
      const filter = options.filter ? compileFilter(options.filter, sql`metadata`, 'metadata_filter') : sql`true`
      const inSpace = sql`
        project_id = (select project_id from (${userProject(scope)}) owner) and namespace = ${space.namespace} and dims = ${dims} and ${model}
        and ${filter}`
      const rows = await withFilter(
        'metadata_filter',
        bounded(db).query<HybridMatch & { total: number; is_cut: boolean }>(sql`
        with wanted as materialized (
          select to_tsquery('simple', string_agg(quote_literal(lexeme), ' | ')) as query
          from (
            select lexeme from unnest(to_tsvector('english', ${text})) order by positions[1] limit ${MAX_WORDS}::int
          ) term
        ),
        by_vector as materialized (
          select id, (row_number() over (order by distance, id))::int as vector_rank
          from (
            select id, embedding::vector(${dims}) <=> ${query}::vector(${dims}) as distance
            from zerodb_vectors
            where ${inSpace}
            order by embedding::vector(${dims}) <=> ${query}::vector(${dims})
            limit ${most}::int
          ) nearest
        ),
        by_words as materialized (
          select id, (row_number() over (order by rank desc, id))::int as word_rank
          from (
            select id, ts_rank(${words}, (select query from wanted)) as rank
            from zerodb_vectors
            where ${inSpace} and document is not null and ${words} @@ (select query from wanted)
            order by rank desc, id
            limit ${most}::int
          ) worded
        ),
        fused as (
          select
            v.*, 1 - (v.embedding <=> ${query}::vector) as similarity, ranked.vector_rank, ranked.word_rank,
            coalesce(1.0 / (${RRF_K}::int + vector_rank), 0) + coalesce(1.0 / (${RRF_K}::int + word_rank), 0) as fused
          from (select * from by_vector full join by_words using (id)) ranked
          join zerodb_vectors v on v.id = ranked.id
        ),
        passed as (
          select * from fused
          where ${options.threshold}::float8 is null or (similarity <> 'NaN' and similarity >= ${options.threshold}::float8)
        )
        select
          ${columns}, id, similarity, (fused * ${RRF_K + 1}::int / 2)::float8 as score, vector_rank, word_rank,
          (select count(*)::int from passed) as total,
          greatest((select count(*) from by_vector), (select count(*) from by_words)) >= ${most}::int as is_cut
        from passed
        where true ${isUnseen(seen)}
        order by fused desc, vector_rank, word_rank
        limit ${options.limit + 1}::int`),
      )
      return {
        has_more: rows.length > options.limit,
        rows: rows.slice(0, options.limit).map(({ total: _, is_cut: __, ...row }) => ({
          ...row,
          similarity: Number.isNaN(row.similarity) ? 0 : row.similarity,
        })),
        total: rows[0]?.total ?? 0,
        total_is_exact: !(rows[0]?.is_cut ?? false),
      }
    },
  }
}
