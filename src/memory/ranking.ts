import type { RecallChannel } from '../schema/memory.ts'
import { NEIGHBOURS, type RecallRow, type RecallWords } from '../store/data/recall-rows.ts'

/** What each channel has added to a score. `importance` and `recency` are shares of the sum of the others. */
export type Contributions = Record<RecallChannel, number>

export interface Ranked {
  row: RecallRow
  score: number
  contributions: Contributions
}

export interface RankingInput {
  rows: readonly RecallRow[]
  words: RecallWords
  /** Number of rows in `rows`, from the first, that words are counted in. */
  sampled: number
  /** Neighbours in sessions that are known from the database, by row: the ids and the number of places between them. */
  links: ReadonlyMap<string, readonly { id: string; distance: number }[]>
  isNamed(row: RecallRow): boolean
  isMentioned(row: RecallRow): boolean
  isInPeriod(row: RecallRow): boolean
  /** The time that recency counts from, in milliseconds since 1970. */
  now: number
  isOn(channel: RecallChannel): boolean
}

/** The usual constants of BM25. */
const K1 = 1.2
const B = 0.75
/** Weights of the rows at these distances in the same session: an answer often has none of the words of its question. */
const NEAR = [0, 0.5, 0.2]
const SESSION = 0.1
/** Number of rows of a session that support its other rows. */
const BEST_OF_SESSION = 3
/** Unrelated texts have cosines up to about this value, so smaller ones do not count. */
const COSINE_FLOOR = 0.2
/** Weights beside that of the words, which is 1. Set on three conversations of LoCoMo; small changes matter little (docs/quality.md). */
const WEIGHTS = { exact: 0.05, meaning: 0.35, names: 0.14, graph: 0.14, time: 0.21 }
/** Share of the cosines of both neighbours that counts. */
const MEANING_NEAR = 0.15
/** Largest share that importance and recency each add. */
const BOOST = 0.1
/** How steeply a score approaches 1: a text with every word of the query has about 0.86. */
const STEEPNESS = 2
const DAY_MS = 86_400_000
/** After this time, a memory is half as recent. Facts and instructions do not age. */
const HALF_LIFE_DAYS: Record<string, number> = { working: 1, episodic: 30 }

/** Scores the rows, best first. A row without any relation to the query has the score 0. */
export function rank(input: RankingInput): Ranked[] {
  const { rows, isOn } = input
  const words = isOn('words') ? wordScores(input) : new Map<string, number>()
  const meanings = new Map(rows.map((row) => [row.id, isOn('meaning') ? meaningOf(row) : 0]))
  const near = isOn('neighbours') ? neighboursOf(input) : new Map<string, never>()
  const sessions = isOn('neighbours') ? bestOfSessions(rows, words) : new Map<string, number>()
  const around = (scores: ReadonlyMap<string, number>, id: string, weights: readonly number[]) =>
    (near.get(id) ?? []).reduce((sum, other) => sum + (weights[other.distance] ?? 0) * (scores.get(other.id) ?? 0), 0)
  return rows
    .map((row) => {
      const contributions: Contributions = {
        words: words.get(row.id) ?? 0,
        neighbours: around(words, row.id, NEAR) + SESSION * (sessions.get(row.session_id ?? '') ?? 0),
        meaning: WEIGHTS.meaning * (meanings.get(row.id)! + around(meanings, row.id, [0, MEANING_NEAR])),
        names: isOn('names') && input.isNamed(row) ? WEIGHTS.names : 0,
        graph: isOn('graph') && input.isMentioned(row) ? WEIGHTS.graph : 0,
        time: isOn('time') && input.isInPeriod(row) ? WEIGHTS.time : 0,
        importance: isOn('importance') ? BOOST * row.importance : 0,
        recency: isOn('recency') ? BOOST * recencyOf(row, input.now) : 0,
      }
      return { row, contributions, score: scoreOf(contributions) }
    })
    .sort((a, b) => b.score - a.score || (a.row.created_at < b.row.created_at ? 1 : -1))
}

/** Returns a score from 0 to 1. It rises with the sum and never reaches 1, so that equal scores are equal sums. */
function scoreOf({ importance, recency, ...relevant }: Contributions): number {
  const relevance = Object.values(relevant).reduce((sum, part) => sum + part, 0)
  return Math.round((1 - Math.exp(-STEEPNESS * relevance * (1 + importance + recency))) * 1e6) / 1e6
}

/**
 * Returns BM25 as a share of what a text of mean length with every word has, times the share of the query's words that occur. Words as they are
 * written count a little more than their stems.
 */
function wordScores({ rows, words, sampled }: RankingInput): Map<string, number> {
  const counted = rows.slice(0, sampled)
  const mean = counted.reduce((sum, { length }) => sum + length, 0) / counted.length || 1
  const size = words.main.length
  const weights = [...words.main, ...words.exact].map((_, i) => {
    const having = counted.filter(({ counts }) => counts[i]! > 0).length
    return Math.log(1 + (counted.length - having + 0.5) / (having + 0.5))
  })
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
  const most = sum(weights.slice(0, size)) || 1
  const mostExact = sum(weights.slice(size)) || 1
  return new Map(
    rows.map(({ id, counts, length }) => {
      const weighted = counts.map((count, i) =>
        i < size
          ? (weights[i]! * count * (K1 + 1)) / (count + K1 * (1 - B + (B * length) / mean))
          : count > 0
            ? weights[i]!
            : 0,
      )
      const coverage = counts.slice(0, size).filter((count) => count > 0).length / Math.max(1, size)
      return [
        id,
        (coverage * sum(weighted.slice(0, size))) / most + (WEIGHTS.exact * sum(weighted.slice(size))) / mostExact,
      ]
    }),
  )
}

function meaningOf({ cosine }: RecallRow): number {
  return cosine === null ? 0 : Math.max(0, (cosine - COSINE_FLOOR) / (1 - COSINE_FLOOR))
}

/** Returns the neighbours of each row in its session: the rows before and after it, and those of `links`. */
function neighboursOf({ rows, sampled, links }: RankingInput): Map<string, { id: string; distance: number }[]> {
  const near = new Map<string, { id: string; distance: number }[]>()
  const sessions = groupBy(rows.slice(0, sampled), ({ session_id }) => session_id)
  for (const [session, members] of sessions) {
    if (session === null) continue
    // The sample is sorted by creation, newest first.
    for (const [at, { id }] of members.entries()) {
      const around = []
      for (let distance = 1; distance <= NEIGHBOURS; distance++)
        for (const other of [members[at - distance], members[at + distance]])
          if (other) around.push({ id: other.id, distance })
      near.set(id, around)
    }
  }
  for (const [id, known] of links)
    near.set(
      id,
      known.map((link) => ({ id: link.id, distance: Math.abs(link.distance) })),
    )
  return near
}

function bestOfSessions(rows: readonly RecallRow[], scores: ReadonlyMap<string, number>): Map<string, number> {
  const best = new Map<string, number>()
  for (const [session, members] of groupBy(rows, ({ session_id }) => session_id)) {
    if (session === null) continue
    const top = members
      .map(({ id }) => scores.get(id) ?? 0)
      .sort((a, b) => b - a)
      .slice(0, BEST_OF_SESSION)
    best.set(
      session,
      top.reduce((sum, score) => sum + score, 0),
    )
  }
  return best
}

function recencyOf({ happened_at, memory_type }: RecallRow, now: number): number {
  const halfLife = HALF_LIFE_DAYS[memory_type]
  if (halfLife === undefined) return 0
  return 0.5 ** (Math.max(0, now - Date.parse(happened_at)) / DAY_MS / halfLife)
}

function groupBy<Value, Key>(values: readonly Value[], keyOf: (value: Value) => Key): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>()
  for (const value of values) {
    const group = groups.get(keyOf(value))
    if (group) group.push(value)
    else groups.set(keyOf(value), [value])
  }
  return groups
}
