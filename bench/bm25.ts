import { sql } from '../src/db/sql.ts'
import type { Bench } from './support.ts'

const K1 = 1.2
const B = 0.75

interface Texts {
  turnOf: ReadonlyMap<string, string>
  conversation: { turns: readonly { id: string; text: string }[] }
}

/** Returns a search by plain BM25 over stemmed words without stop words, as a baseline. */
export async function bm25<Project extends Texts>(
  bench: Bench,
  projects: readonly Project[],
): Promise<(project: Project, question: { text: string }) => Promise<string[]>> {
  const stems = async (texts: readonly string[]) => {
    const rows = await bench.database.query<{ n: number; word: string; count: number }>(sql`
      select n::int, lexeme as word, cardinality(positions) as count
      from unnest(${texts}::text[]) with ordinality as t (text, n)
      cross join lateral unnest(to_tsvector('english', text))`)
    const bags = texts.map(() => new Map<string, number>())
    for (const { n, word, count } of rows) bags[n - 1]!.set(word, count)
    return bags
  }
  const indexes = new Map<Project, Map<string, number>[]>()
  for (const project of projects) indexes.set(project, await stems(project.conversation.turns.map(({ text }) => text)))
  return async (project, { text }) => {
    const bags = indexes.get(project)!
    const [query] = await stems([text])
    const lengths = bags.map((bag) => [...bag.values()].reduce((sum, count) => sum + count, 0))
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
    const weights = [...query!.keys()].map((word) => {
      const having = bags.filter((bag) => bag.has(word)).length
      return { word, weight: Math.log(1 + (bags.length - having + 0.5) / (having + 0.5)) }
    })
    const scores = bags.map((bag, i) =>
      weights.reduce((sum, { word, weight }) => {
        const count = bag.get(word) ?? 0
        return sum + (weight * count * (K1 + 1)) / (count + K1 * (1 - B + (B * lengths[i]!) / mean))
      }, 0),
    )
    return scores
      .map((score, i) => ({ score, id: project.conversation.turns[i]!.id }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, 10)
      .map(({ id }) => id)
  }
}
