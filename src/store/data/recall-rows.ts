import { type Statement, sql } from '../../db/sql.ts'
import type { RememberedMemory } from '../../schema/memory.ts'
import { bounded, type Scope, type StoreContext } from '../context.ts'
import { withFilter } from '../filters/filter.ts'
import { literalDims } from './embedding-indexes.ts'
import { isRecallable, memoryColumns, type RecallFilter } from './memories.ts'
import { isMain, MAX_WORDS, type RelevanceQuery } from './relevance.ts'

/**
 * Number of the newest memories of a scope that each recall reads. They are scored completely, and the frequencies of words are counted in them: no
 * statistics have to be kept when a memory is written. A scope with fewer memories is searched exactly.
 */
export const MAX_SAMPLE = 1_000
/** Maximum number of older memories that one combination of words adds. */
const MAX_BY_WORDS = 100
/** Maximum number of words, the rarest first, of which each alone and each pair of the first `MAX_PAIRED` add older memories. */
const MAX_SEARCHED = 8
const MAX_PAIRED = 4
const MAX_BY_VECTOR = 100
const MAX_BY_TIME = 100
const MAX_BY_GRAPH = 100
/** How many memories before and after one in its session are its neighbours. */
export const NEIGHBOURS = 2

/** A memory as recall scores it. */
export interface RecallRow {
  id: string
  session_id: string | null
  entity_id: string | null
  /** The text before the first colon: the speaker of a line of a conversation. */
  label: string | null
  memory_type: string
  importance: number
  happened_at: string
  created_at: string
  /** Number of different words. */
  length: number
  /** How often each word of the query occurs, in the order of `RecallWords`: main words, then exact words. */
  counts: number[]
  /** Null if the text has no vector of the query's model. */
  cosine: number | null
}

/** The words of a query. */
export interface RecallWords {
  /** Stems, and pairs of characters of scripts without blanks. */
  main: string[]
  /** Words as they are written, words like "not", and single characters. */
  exact: string[]
}

/** A condition on the time at which something happened. */
export interface Period {
  from: string
  to: string
}

export function recallRows({ db }: StoreContext) {
  const reads = bounded(db)

  /** Selects the rows of `source` as `RecallRow`s. */
  function scored(words: RecallWords, query: RelevanceQuery, source: Statement): Statement {
    const literals = [...words.main, ...words.exact].map(
      (word) => `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    )
    return sql`
      select
        id, session_id, entity_id, case when position(':' in left(content, 61)) > 1 then split_part(left(content, 61), ':', 1) end as label, memory_type, importance,
        coalesce(event_at, created_at) as happened_at, created_at, length(words) as length,
        array_to_string(array(
          select case when words @@ word then ts_rank('{1, 0.001, 0, 0}', words, word) else 0 end
          from unnest(${literals}::tsquery[]) as word
        ), ',') as ranks,
        case when model = ${query.model} and dims = vector_dims(${query.vector}::vector) then 1 - (embedding <=> ${query.vector}::vector) end as cosine
      from (${source}) source`
  }

  const rowsOf = (found: (Omit<RecallRow, 'counts'> & { ranks: string })[]): RecallRow[] =>
    found.map(({ ranks, cosine, ...row }) => ({
      ...row,
      cosine: Number.isNaN(cosine) ? null : cosine,
      counts: ranks === '' ? [] : ranks.split(',').map((rank) => countOf(Number(rank))),
    }))

  return {
    /** Returns the words of a query, at most `MAX_WORDS`. A query of words like "who" and "not" alone is searched by these. */
    async words(text: string): Promise<RecallWords> {
      const found = await reads.query<{ word: string; is_main: boolean }>(sql`
        select
          lexeme as word, ${isMain} as is_main
        from unnest(zerodb_words(${text}))
        order by positions[1], lexeme
        limit ${2 * MAX_WORDS}::int`)
      const main = found.filter(({ is_main }) => is_main).map(({ word }) => word)
      const exact = found.filter(({ is_main }) => !is_main).map(({ word }) => word)
      return main.length > 0
        ? { main: main.slice(0, MAX_WORDS), exact: exact.slice(0, Math.max(0, MAX_WORDS - main.length)) }
        : { main: exact.slice(0, MAX_WORDS), exact: [] }
    },

    /** Returns the newest memories of the scope, newest first, at most `MAX_SAMPLE`, and whether there are older ones. */
    async sample(
      scope: Scope,
      filter: RecallFilter,
      words: RecallWords,
      query: RelevanceQuery,
    ): Promise<{ rows: RecallRow[]; has_more: boolean }> {
      const newest = sql`
        select * from zerodb_memories where ${isRecallable(scope, filter)} order by created_at desc, id desc limit ${MAX_SAMPLE + 1}::int`
      const rows = await withFilter(
        'metadata_filter',
        reads.query<RecallRow & { ranks: string }>(scored(words, query, newest)),
      )
      return { rows: rowsOf(rows.slice(0, MAX_SAMPLE)), has_more: rows.length > MAX_SAMPLE }
    },

    /**
     * Returns memories of a large scope, of any age: that have one or two of `rarest`, are near the vector, happened in a period, or mention an
     * entity. The number from each is bounded.
     */
    async matches(
      scope: Scope,
      filter: RecallFilter,
      words: RecallWords,
      query: RelevanceQuery,
      {
        rarest,
        periods,
        mentioning,
      }: { rarest: readonly string[]; periods: readonly Period[]; mentioning: readonly string[] },
    ): Promise<RecallRow[]> {
      const key = (word: string) => `${scope.project_id.slice(0, 8)}rem${word}`
      const searched = rarest.slice(0, MAX_SEARCHED).map(key)
      const paired = searched.slice(0, MAX_PAIRED)
      const sets = [
        ...searched.map((word) => [word]),
        ...paired.flatMap((first, i) => paired.slice(i + 1).map((second) => [first, second])),
        ...(paired.length > 2 ? [paired] : []),
      ]
      const isSelected = isRecallable(scope, filter)
      // Each index is the only one that its subquery can use: with the filter beside it, the planner could read all memories of the project.
      const byWords = sets.map(
        (set) => sql`
          (
            select id from (
              select * from zerodb_memories where zerodb_word_keys(project_id, kind, words) @> ${set}::text[] offset 0
            ) m
            where ${isSelected}
            limit ${MAX_BY_WORDS}::int
          )`,
      )
      const byTime = periods.map(
        ({ from, to }) => sql`
          (
            select id from zerodb_memories
            where ${isSelected} and coalesce(event_at, created_at) >= ${from}::timestamptz and coalesce(event_at, created_at) < ${to}::timestamptz
            limit ${MAX_BY_TIME}::int
          )`,
      )
      const byGraph =
        mentioning.length === 0
          ? []
          : [
              sql`(select id from zerodb_memories where id = any(${mentioning.slice(0, MAX_BY_GRAPH)}::uuid[]) and ${isSelected})`,
            ]
      const byVector = query.vector === null ? [] : [sql`(${nearest(query, isSelected)})`]
      const parts = [...byWords, ...byTime, ...byGraph, ...byVector]
      if (parts.length === 0) return []
      const ids = parts.reduce((all, part) => sql`${all} union ${part}`)
      const source = sql`select * from zerodb_memories where id = any(array(${ids}))`
      return rowsOf(
        await withFilter('metadata_filter', reads.query<RecallRow & { ranks: string }>(scored(words, query, source))),
      )
    },

    /** Returns the neighbours of memories in their sessions that the filter selects, with the number of places between them: below 0 before it. */
    async neighbours(
      scope: Scope,
      filter: RecallFilter,
      words: RecallWords,
      query: RelevanceQuery,
      ids: readonly string[],
    ): Promise<{ links: { id: string; of: string; distance: number }[]; rows: RecallRow[] }> {
      const side = (isBefore: boolean) => sql`
        select id, (${isBefore ? -1 : 1}::int * row_number() over (order by created_at ${isBefore ? sql`desc` : sql``}, id ${isBefore ? sql`desc` : sql``}))::int as distance
        from (
          select id, created_at from zerodb_memories
          where ${isRecallable(scope, filter)} and session_id = anchor.session_id
            and (created_at, id) ${isBefore ? sql`<` : sql`>`} (anchor.created_at, anchor.id)
          order by created_at ${isBefore ? sql`desc` : sql``}, id ${isBefore ? sql`desc` : sql``}
          limit ${NEIGHBOURS}::int
        ) side`
      const links = await withFilter(
        'metadata_filter',
        reads.query<{ id: string; of: string; distance: number }>(sql`
          select found.id, anchor.id as of, found.distance
          from (
            select id, session_id, created_at from zerodb_memories where id = any(${ids}::uuid[]) and session_id is not null
          ) anchor
          cross join lateral (${side(true)} union all ${side(false)}) found`),
      )
      const source = sql`select * from zerodb_memories where id = any(${[...new Set(links.map(({ id }) => id))]}::uuid[])`
      const rows =
        links.length === 0 ? [] : await reads.query<RecallRow & { ranks: string }>(scored(words, query, source))
      return { links, rows: rowsOf(rows) }
    },

    /** Returns each memory with those around it in its session that the filter selects, at most `count` on each side, oldest first. */
    async around(
      scope: Scope,
      filter: RecallFilter,
      ids: readonly string[],
      count: number,
    ): Promise<Map<string, RememberedMemory[]>> {
      const side = (isBefore: boolean) => {
        const direction = isBefore ? sql`desc` : sql``
        return sql`
          select * from (
            select * from zerodb_memories
            where ${isRecallable(scope, filter)} and session_id = anchor.session
              and (created_at, id) ${isBefore ? sql`<=` : sql`>`} (anchor.at, anchor.of)
            order by created_at ${direction}, id ${direction}
            limit ${count + (isBefore ? 1 : 0)}::int
          ) side`
      }
      const rows = await withFilter(
        'metadata_filter',
        reads.query<RememberedMemory & { of: string }>(sql`
          select ${memoryColumns}, of
          from (
            select id as of, session_id as session, created_at as at from zerodb_memories
            where id = any(${ids}::uuid[]) and session_id is not null
          ) anchor
          cross join lateral (${side(true)} union all ${side(false)}) found
          order by created_at, id`),
      )
      const found = new Map<string, RememberedMemory[]>()
      for (const { of, ...memory } of rows) found.set(of, [...(found.get(of) ?? []), memory])
      return found
    },

    /** Returns the ids of memories that mention one of the entities with these names. */
    async mentioning(scope: Scope, norms: readonly string[]): Promise<string[]> {
      const rows = await reads.query<{ memory_id: string }>(sql`
        select distinct m.memory_id
        from zerodb_entity_aliases a
        join zerodb_mentions m on m.entity_id = a.entity_id
        where a.project_id = ${scope.project_id}::uuid and a.norm = any(${norms}::text[])
        limit ${MAX_BY_GRAPH}::int`)
      return rows.map(({ memory_id }) => memory_id)
    },

    /** Returns memories by their ids, unordered. */
    async fetch(scope: Scope, filter: RecallFilter, ids: readonly string[]): Promise<RememberedMemory[]> {
      return reads.query<RememberedMemory>(sql`
        select ${memoryColumns} from zerodb_memories where id = any(${ids}::uuid[]) and ${isRecallable(scope, filter)}`)
    },
  }
}

/** Selects the ids of the memories nearest to the query. An index serves it once there are enough embeddings. */
function nearest(query: RelevanceQuery, isSelected: Statement): Statement {
  const dims = literalDims(query.vector!.length)
  return sql`
    select id from (
      select id from zerodb_memories
      where dims = ${dims} and model = ${query.model} and ${isSelected}
      order by embedding::vector(${dims}) <=> ${query.vector}::vector(${dims})
      limit ${MAX_BY_VECTOR}::int
    ) nearest`
}

/**
 * Returns how often a word occurs in a text from its `ts_rank`, which is the sum of 1/k² for the occurrences k = 1, 2, …, divided by that of
 * infinitely many. A word that occurs only as it is written counts once.
 */
function countOf(rank: number): number {
  if (rank === 0) return 0
  let sum = rank * (Math.PI ** 2 / 6)
  let count = 0
  while (count < MAX_COUNT && sum > 0.5 / (count + 1) ** 2) sum -= 1 / (++count) ** 2
  return Math.max(count, 1)
}
/** More occurrences hardly change a score. */
const MAX_COUNT = 10
