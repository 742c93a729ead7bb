import { Statement, sql } from '../src/db/sql.ts'
import { vectorsSearch } from '../src/operations/vectors.ts'
import type { Scope } from '../src/store/context.ts'
import { type Backend, type Bench, log, type Measurement, median, milliseconds, openBench } from './support.ts'

// The operation vectors.search, without HTTP, compared with a hand-written SQL query.

const ROUNDS = 9
const QUERIES = 40
const VECTORS = 6_000
const DIMS = 384
const CLUSTERS = 100
const NAMESPACE = 'default'

export async function vectors(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  try {
    const scope = await bench.newScope()
    log(`vectors: storing ${VECTORS} vectors of ${DIMS} dimensions and building their index`)
    await fill(bench, scope)
    await bench.store.vectorSearch.buildIndex(DIMS, false)
    await bench.database.exec('analyze zerodb_vectors')
    log(`vectors: ${ROUNDS} rounds of ${QUERIES} queries, alternating between the sides`)

    const caller = { ...scope, key_id: '', bound: null, permissions: ['*'] }
    const input = { namespace: NAMESPACE, project_id: scope.project_id, limit: 10 }
    async function search(query: Float32Array): Promise<unknown> {
      if (vectorsSearch.kind !== 'json') throw new Error('vectors.search must return JSON')
      return vectorsSearch.run(bench.app, caller, { ...input, query_vector: Array.from(query) })
    }
    const space = { namespace: NAMESPACE, dims: DIMS, model: null }
    const options = { limit: 10, threshold: null, filter: null }
    const sides: Record<string, (query: Float32Array) => Promise<unknown>> = {
      raw: (query) => bench.database.query(rawSearch(scope, query)),
      operation: search,
      statement: (query) => bench.store.vectorSearch.search(scope, space, query, options),
    }

    const times: Record<string, number[]> = { raw: [], operation: [], statement: [] }
    for (let round = 0; round <= ROUNDS; round++) {
      const queries = Array.from({ length: QUERIES }, () => clustered())
      for (const [name, work] of Object.entries(sides)) {
        const each: number[] = []
        for (const query of queries) {
          const start = performance.now()
          await work(query)
          each.push(performance.now() - start)
        }
        if (round > 0) times[name]!.push(median(each))
      }
    }
    const baseline = `raw SQL ${milliseconds(median(times['raw']!))}`
    return ['operation', 'statement'].map((name) => ({
      row: `vectors.${name}`,
      value: median(times[name]!.map((time, round) => time / times['raw']![round]!)),
      ours: milliseconds(median(times[name]!)),
      baseline,
    }))
  } finally {
    await bench.close()
  }
}

/** The query that an expert for the schema would write. */
function rawSearch({ project_id }: Scope, query: Float32Array): Statement {
  const dims = new Statement(String(DIMS), [])
  return sql`
    select vector_id, embedding, metadata, document, created_at, 1 - (embedding::vector(${dims}) <=> ${query}::vector(${dims})) as similarity
    from zerodb_vectors
    where project_id = ${project_id}::uuid and namespace = ${NAMESPACE} and dims = ${dims}
    order by embedding::vector(${dims}) <=> ${query}::vector(${dims})
    limit 10`
}

async function fill(bench: Bench, scope: Scope): Promise<void> {
  for (let stored = 0; stored < VECTORS; stored += 100) {
    const batch = Array.from({ length: 100 }, (_, n) => ({
      vector_id: `v${stored + n}`,
      vector_embedding: Array.from(clustered()),
      namespace: NAMESPACE,
      vector_metadata: { n: stored + n },
      document: null,
      source: 'bench',
    }))
    await bench.store.vectors.upsertBatch(scope, batch)
  }
}

// Deterministic random numbers, so that results of different machines are about the same data.
let seed = 42
function random(): number {
  seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296
  return seed / 4_294_967_296
}
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const centres = Array.from({ length: CLUSTERS }, () => Float32Array.from({ length: DIMS }, normal))

/** Returns a vector near one of the centres, like an embedding of real text. Uniformly random vectors have no near neighbours. */
function clustered(): Float32Array {
  return centres[Math.floor(random() * CLUSTERS)]!.map((value) => value + 0.5 * normal())
}
