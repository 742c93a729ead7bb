import { type Statement, sql } from '../../db/sql.ts'
import { bounded, type StoreContext } from '../context.ts'

export interface RelevanceQuery {
  text: string
  /** The embedded query; null for a search by words only. */
  vector: Float32Array | null
  /** The model that made `vector`. Vectors of other models are not compared with it. */
  model: string
}

/**
 * Different words of a query that are looked for, the first of them. Each is compared with each text: among 5,000 memories of 100 words, a
 * hundred take PGlite 0.1 s and a thousand 1.2 s.
 */
export const MAX_WORDS = 100

/** How near a text is to a query. */
export interface Relevance {
  /** Share of the query's words that the text has, 0 to 1. */
  coverage: number
  /** How often and how near they stand, 0 to 1. */
  rank: number
  /** Null when the text has no vector of the query's model. */
  cosine: number | null
}

export function relevance({ db }: StoreContext) {
  return {
    /** Counts the different words of a query as the search does: inflected forms count once, and words like "the" do not count. */
    async countWords(query: string): Promise<number> {
      const [row] = await bounded(db).query<{ words: number }>(
        sql`select length(to_tsvector('english', ${query}))::int as words`,
      )
      return row!.words
    },
  }
}

/**
 * A `with` that ends in `candidate`: those rows of `scope` that share a word with the query or are near its vector, at most `limit` by each
 * of the two, with their `Relevance`. `scope` must have `id`, `words`, `embedding`, `dims` and `model`.
 */
export function candidates(query: RelevanceQuery, scope: Statement, limit: number): Statement {
  const comparable = sql`model = ${query.model} and dims = vector_dims(${query.vector}::vector)`
  return sql`
    with term as (
      select lexeme from unnest(to_tsvector('english', ${query.text})) order by positions[1] limit ${MAX_WORDS}::int
    ),
    wanted as (
      select to_tsquery('simple', string_agg(quote_literal(lexeme), ' | ')) as query, count(*) as terms from term
    ),
    scoped as not materialized (${scope}),
    by_words as (
      select id from scoped
      where words @@ (select query from wanted)
      order by ts_rank(words, (select query from wanted)) desc
      limit ${limit}::int
    ),
    by_vector as (
      select id from scoped
      where ${query.vector}::vector is not null and ${comparable}
      order by embedding <=> ${query.vector}::vector
      limit ${limit}::int
    ),
    candidate as (
      select
        scoped.*,
        coalesce(
          (select count(*) from term where words @@ to_tsquery('simple', quote_literal(lexeme)))::float8 / nullif(wanted.terms, 0), 0
        ) as coverage,
        coalesce(ts_rank(words, wanted.query, 32), 0)::float8 as rank,
        case when ${comparable} then 1 - (embedding <=> ${query.vector}::vector) end as cosine
      from scoped, wanted
      where id in (select id from by_words union select id from by_vector)
    )`
}
