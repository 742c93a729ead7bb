import type { App } from '../app.ts'
import type { RecallChannel, Recalled } from '../schema/memory.ts'
import type { Scope } from '../store/context.ts'
import type { RecallFilter } from '../store/data/memories.ts'
import type { RecallRow, RecallWords } from '../store/data/recall-rows.ts'
import { normalizeName } from './names.ts'
import { isDuring, periodsOf, timesIn } from './query-dates.ts'
import { namesIn } from './query-names.ts'
import { type Contributions, type Ranked, type RankingInput, rank } from './ranking.ts'
import { relevanceQuery } from './relevance.ts'

/** The query that every memory matches. */
const MATCH_ALL = '*'
/** Number of the best rows of a large scope whose neighbours are read. */
const ANCHORS = 50
/** A memory with none of these in its score does not match. */
const MATCHING: readonly RecallChannel[] = ['words', 'neighbours', 'meaning', 'graph', 'time', 'names']

export interface RecallOptions {
  limit: number
  threshold: number
  /** Channels that are switched off. */
  off?: ReadonlySet<RecallChannel> | undefined
  /** The time that recency and words like "yesterday" count from. */
  at?: Date | undefined
}

/** A memory that recall found, with the parts of its score. */
export type Found = Omit<Recalled, 'explain' | 'context'> & { contributions: Contributions | null }

/** Returns the filter of a request. */
export function recallFilterOf({
  allow_cross_namespace,
  memory_type,
  ...filter
}: Omit<RecallFilter, 'memory_type'> & {
  allow_cross_namespace?: boolean | null | undefined
  memory_type?: string | readonly string[] | null | undefined
}): RecallFilter {
  return {
    ...filter,
    ...(allow_cross_namespace ? { namespace: null } : {}),
    memory_type: typeof memory_type === 'string' ? [memory_type] : memory_type,
  }
}

/**
 * Returns memories that match `query`, best first. A filter by entity, session or namespace names a set of memories: those that do not match follow,
 * newest first, with the score 0.
 */
export async function recall(
  app: App,
  scope: Scope,
  query: string,
  filter: RecallFilter,
  options: RecallOptions,
): Promise<Found[]> {
  const { limit, threshold } = options
  const isAll = query.trim() === MATCH_ALL
  const ranked = isAll ? [] : (await candidates(app, scope, query, filter, options)).slice(0, limit)
  const memories = await app.store.recallRows.fetch(
    scope,
    filter,
    ranked.map(({ row }) => row.id),
  )
  const byId = new Map(memories.map((memory) => [memory.id, memory]))
  const matches = ranked.flatMap(({ row, score, contributions }) => {
    const memory = byId.get(row.id)
    return memory ? [{ ...memory, score, similarity: score, contributions }] : []
  })
  const isScoped = [filter.entity_id, filter.session_id, filter.namespace].some((value) => value != null)
  const others =
    isAll || (isScoped && matches.length < limit) ? await app.store.remembered.newest(scope, filter, limit) : []
  const rest = others
    .filter(({ id }) => !byId.has(id))
    .map((memory) => ({ ...memory, score: 0, similarity: 0, contributions: null }))
  return [...matches, ...rest].slice(0, limit).filter(({ score }) => score >= threshold)
}

/** Finds and ranks the memories that have any relation to the query. */
async function candidates(
  app: App,
  scope: Scope,
  text: string,
  filter: RecallFilter,
  { off = new Set(), at = new Date(app.clock.now()) }: RecallOptions,
): Promise<Ranked[]> {
  const isOn = (channel: RecallChannel) => !off.has(channel)
  const { recallRows } = app.store
  const query = isOn('meaning')
    ? await relevanceQuery(app, scope, 'memories', text)
    : { text, vector: null, model: app.embedder.model }
  const found = await recallRows.words(text)
  const words = isOn('words') ? found : { main: [], exact: [] }
  const names = namesIn(text)
  const times = isOn('time') ? timesIn(text, at) : []
  const mentioning = isOn('graph') ? await recallRows.mentioning(scope, [...names]) : []
  const sample = await recallRows.sample(scope, filter, words, query)
  const rows = new Map(sample.rows.map((row) => [row.id, row]))
  const links = new Map<string, { id: string; distance: number }[]>()
  const mentioned = new Set(mentioning)
  const input: Omit<RankingInput, 'rows'> = {
    words,
    sampled: sample.rows.length,
    links,
    isNamed: ({ entity_id, label }) =>
      [entity_id, label].some((name) => name !== null && names.has(normalizeName(name))),
    isMentioned: ({ id }) => mentioned.has(id),
    isInPeriod: ({ happened_at }) => times.some((time) => isDuring(time, happened_at)),
    now: at.getTime(),
    isOn,
  }
  if (sample.has_more) {
    const matches = await recallRows.matches(scope, filter, words, query, {
      rarest: rarest(words, sample.rows),
      periods: times.flatMap((time) => periodsOf(time, at)),
      mentioning,
    })
    for (const row of matches) if (!rows.has(row.id)) rows.set(row.id, row)
    if (isOn('neighbours')) {
      const known = new Set(sample.rows.map(({ id }) => id))
      const anchors = rank({ ...input, rows: [...rows.values()] })
        .slice(0, ANCHORS)
        .filter(({ row }) => row.session_id !== null && !known.has(row.id))
        .map(({ row }) => row.id)
      const near = await recallRows.neighbours(scope, filter, words, query, anchors)
      for (const row of near.rows) if (!rows.has(row.id)) rows.set(row.id, row)
      for (const { id, of, distance } of near.links) {
        // Each is the neighbour of the other.
        add(links, of, { id, distance })
        if (!known.has(id)) add(links, id, { id: of, distance })
      }
    }
  }
  return rank({ ...input, rows: [...rows.values()] }).filter(({ contributions }) =>
    MATCHING.some((channel) => contributions[channel] > 0),
  )
}

function add<Value extends { id: string }>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key) ?? []
  if (!values.some(({ id }) => id === value.id)) map.set(key, [...values, value])
}

/** Returns the main words of a query, the rarest in the sample first. */
function rarest({ main }: RecallWords, rows: readonly RecallRow[]): string[] {
  const frequency = main.map((_, i) => rows.filter(({ counts }) => counts[i]! > 0).length)
  return main
    .map((word, i) => ({ word, frequency: frequency[i]! }))
    .sort((a, b) => a.frequency - b.frequency)
    .map(({ word }) => word)
}
