import { parseJson, stringifyJson } from '../src/exact-json.ts'
import { log, type Measurement, median } from './support.ts'

// Cost of exact numbers: parseJson and stringifyJson compared with JSON.parse and JSON.stringify. Both alternate and always get a new
// body, so that V8 has not cached the text of its numbers.

const ROUNDS = 15
const BODIES = 200

const random = () => Math.random() * 2 - 1

const TYPICAL = (n: number) => ({
  row_data: {
    name: `Customer ${n}`,
    email: `customer-${n}@example.com`,
    orders: n,
    total: Math.round(random() * 10_000) / 100,
    tags: ['new', 'north', 'paper'],
    since: '2026-06-10T08:00:00.123456Z',
    id: crypto.randomUUID(),
    address: { street: 'Karl-Johans gate 1', city: 'Oslo', position: [59.91, 10.75] },
  },
})
const EMBEDDING = () => ({ vector_embedding: Array.from({ length: 1_024 }, random), document: 'a text' })

/** Returns a typical body with a number that a double cannot represent. */
const exact = (n: number) => JSON.stringify(TYPICAL(n)).replace('"orders":', '"orders":9007199254740993,"more":')

const CASES: Record<string, (n: number) => string> = {
  typical: (n) => JSON.stringify(TYPICAL(n)),
  embedding: () => JSON.stringify(EMBEDDING()),
  exact,
}

export async function exactJson(): Promise<Measurement[]> {
  log(`json: ${ROUNDS} rounds of ${BODIES} bodies of each kind, read and written`)
  return Object.entries(CASES).map(([name, body]) => {
    const times = { ours: [] as number[], plain: [] as number[] }
    for (let round = 0; round <= ROUNDS; round++) {
      for (const side of ['ours', 'plain'] as const) {
        const bodies = Array.from({ length: BODIES }, (_, n) => body(round * BODIES + n))
        const begin = performance.now()
        if (side === 'ours') for (const text of bodies) stringifyJson(parseJson(text))
        else for (const text of bodies) JSON.stringify(JSON.parse(text))
        // The first round is the warm-up.
        if (round > 0) times[side].push(((performance.now() - begin) * 1_000) / BODIES)
      }
    }
    const [ours, plain] = [median(times.ours), median(times.plain)]
    const show = (microseconds: number) => `${microseconds.toFixed(1)} µs per body`
    return { row: `json.${name}`, value: ours / plain, ours: show(ours), baseline: `JSON.parse: ${show(plain)}` }
  })
}
