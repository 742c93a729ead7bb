import fc from 'fast-check'
import { json, sql } from '../src/db/sql.ts'
import { compileHookFilter } from '../src/store/filters/hook-filter.ts'
import { anyPattern, HARD_PATTERNS } from '../test/support/patterns.ts'
import { type Backend, type Bench, log, type Measurement, median, milliseconds, openBench } from './support.ts'

// The slowest pattern that a filter accepts, found among many, and the effect of a query with it on another tenant: the embedded database
// executes one statement at a time.

const CANDIDATES = 600
const ROUNDS = 15
const TEXTS = ['a'.repeat(400), 'ab'.repeat(200), `${'a'.repeat(399)}!`, 'abc é x A '.repeat(40)]
/** The most common pattern, which the slowest is compared with. */
const PLAIN = '^ab'

export async function patterns(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  try {
    const accepted = [
      ...HARD_PATTERNS,
      ...fc.sample(anyPattern({ isPlain: true }), { numRuns: CANDIDATES, seed: 42 }),
    ].filter(isAccepted)
    log(`patterns: searching for the slowest of ${accepted.length} accepted patterns`)
    const plain = await slowestText(bench, PLAIN)
    let slowest = { pattern: PLAIN, ...plain }
    for (const pattern of accepted) {
      const found = await slowestText(bench, pattern)
      if (found.ms > slowest.ms) slowest = { pattern, ...found }
    }
    // A single measurement may be an outlier.
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) times.push(await timeOf(bench, slowest.pattern, slowest.text))
    const { beside, alone } = await neighbour(bench, slowest.pattern, slowest.text)
    return [
      {
        row: 'patterns.slowest',
        value: median(times),
        ours: `${milliseconds(median(times))}: ${slowest.pattern}`,
        baseline: `${PLAIN} ${milliseconds(plain.ms)}`,
      },
      {
        row: 'patterns.neighbour',
        value: beside - alone,
        ours: `read of another tenant ${milliseconds(beside)}`,
        baseline: `without that query ${milliseconds(alone)}`,
      },
    ]
  } finally {
    await bench.close()
  }
}

function isAccepted(pattern: string): boolean {
  try {
    compileHookFilter({ 'row.text': { $regex: pattern } })
    return true
  } catch {
    return false
  }
}

/** Returns the milliseconds of a statement that compiles the pattern and matches one text. 0 if the database rejects the pattern. */
async function timeOf(bench: Bench, pattern: string, text: string): Promise<number> {
  // Changes the pattern each time: the database caches compiled patterns.
  const unique = `${pattern}|\u4e00${Math.random().toString(36).slice(2)}`
  const path = `exists($."text" ? (@ like_regex ${JSON.stringify(unique)} flag "s"))`
  const start = performance.now()
  try {
    await bench.database.query(sql`select ${json({ text })}::jsonb @@ ${path}::jsonpath as matches`)
  } catch {
    return 0
  }
  return performance.now() - start
}

async function slowestText(bench: Bench, pattern: string): Promise<{ ms: number; text: string }> {
  let slowest = { ms: 0, text: TEXTS[0]! }
  for (const text of TEXTS) {
    const ms = await timeOf(bench, pattern, text)
    if (ms > slowest.ms) slowest = { ms, text }
  }
  return slowest
}

/** Returns the milliseconds of one tenant's read, sent directly after another tenant's query with the pattern, and alone. */
async function neighbour(bench: Bench, pattern: string, text: string): Promise<{ beside: number; alone: number }> {
  const [one, other] = [await bench.newScope(), await bench.newScope()]
  for (const scope of [one, other]) await bench.store.tables.create(scope, { name: 't' })
  await bench.store.tables.insertRows(one, 't', [{ text }])
  const [row] = await bench.store.tables.insertRows(other, 't', [{ text: 'other' }])
  const { id } = await bench.store.tables.get(one, 't')
  const read = async () => {
    const start = performance.now()
    await bench.store.tables.getRow(other, 't', row!.row_id)
    return performance.now() - start
  }
  const [beside, alone]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await read())
    const unique = `${pattern}|${String.fromCodePoint(0x4e00 + round)}`
    const filter = { text: { $regex: unique } }
    const query = bench.store.rowPages.list(one, id, { filter, sort: {}, limit: 10, offset: 0, after: null })
    beside.push(await read())
    await query.catch(() => undefined)
  }
  return { beside: median(beside), alone: median(alone) }
}
