import { type Statement, sql } from '../../db/sql.ts'
import { bounded, type StoreContext } from '../context.ts'

export interface RelevanceQuery {
  text: string
  /** The embedding of the query; null for a search by words only. */
  vector: Float32Array | null
  /** The model that made `vector`. Vectors of other models are not compared with it. */
  model: string
}

/**
 * Maximum number of different words of a query that are searched; further words are ignored. Each word is compared with each text: for
 * 5,000 memories of 100 words, PGlite needs 0.1 s for 100 words and 1.2 s for 1,000.
 */
export const MAX_WORDS = 100

/** How well a text matches a query. */
export interface Relevance {
  /** Share of the query's words that the text contains, 0 to 1. */
  coverage: number
  /** Frequency and proximity of the query's words in the text, 0 to 1. */
  rank: number
  /** Null if the text has no vector of the query's model. */
  cosine: number | null
}

/** Condition on a row of `unnest(tsvector)`: a stem, or a pair of characters of a script without blanks. */
export const isMain = sql`(case when positions is null then length(lexeme) > 1 else 'D' = any(weights) end)`

export function relevance({ db }: StoreContext) {
  return {
    /** Counts the different words of a query as the search does: inflected forms count once, and words like "the" do not count. */
    async countWords(query: string): Promise<number> {
      const [row] = await bounded(db).query<{ words: number }>(
        sql`select count(*)::int as words from unnest(zerodb_words(${query})) where ${isMain}`,
      )
      return row!.words
    },
  }
}

/**
 * Builds a `with` clause that ends in `candidate`: the rows of `scope` that share a word with the query or are near its vector. At most
 * `limit` rows come from each of the two searches. Each has its `Relevance`. `scope` must have `id`, `words`, `embedding`, `dims` and
 * `model`.
 */
export function candidates(query: RelevanceQuery, scope: Statement, limit: number): Statement {
  const comparable = sql`model = ${query.model} and dims = vector_dims(${query.vector}::vector)`
  return sql`
    with term as (
      select ('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''')::tsquery as word
      from unnest(zerodb_words(${query.text}))
      where ${isMain}
      order by positions[1], lexeme
      limit ${MAX_WORDS}::int
    ),
    wanted as (
      select string_agg(word::text, ' | ')::tsquery as query, count(*) as terms from term
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
          (select count(*) from term where words @@ word)::float8 / nullif(wanted.terms, 0), 0
        ) as coverage,
        coalesce(ts_rank(words, wanted.query, 32), 0)::float8 as rank,
        case when ${comparable} then 1 - (embedding <=> ${query.vector}::vector) end as cosine
      from scoped, wanted
      where id in (select id from by_words union select id from by_vector)
    )`
}
