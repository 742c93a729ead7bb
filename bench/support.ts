import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { z } from 'zod'
import type { App } from '../src/app.ts'
import { createThrottle } from '../src/auth/throttle.ts'
import { BLOBS } from '../src/blobs/index.ts'
import { readConfig } from '../src/config.ts'
import type { Database } from '../src/db/sql.ts'
import { EMBEDDERS } from '../src/embedding/index.ts'
import { type Engine, startEngine } from '../src/engine/index.ts'
import { createFunctionCache } from '../src/functions/cache.ts'
import { createConcurrencyLimiter } from '../src/functions/concurrency-limiter.ts'
import type { Handler, HandlerRun } from '../src/handlers/handler.ts'
import { HANDLER_NAMES, HANDLERS, RESERVED_NAMES } from '../src/handlers/index.ts'
import { LANGUAGES } from '../src/language/index.ts'
import { openDatabase } from '../src/main.ts'
import { createMetrics } from '../src/metrics.ts'
import { createOutgoing } from '../src/net/outgoing.ts'
import { callOperation } from '../src/operations/lib/call.ts'
import { packageRoot } from '../src/platform/package.ts'
import { openSandbox } from '../src/sandbox/open.ts'
import { EVENT_NAMES, type EventName, eventPublished } from '../src/schema/events.ts'
import type { Scope } from '../src/store/context.ts'
import { openStore, type Store } from '../src/store/index.ts'
import { createTextExtractor } from '../src/text/index.ts'
import { freshDatabaseUrl } from '../test/support/database.ts'

export type Backend = Database['kind']

/** One row of the table. `value` is compared with the row's floor and goal. */
export interface Measurement {
  /** The row's id in targets.json. */
  row: string
  value: number
  /** Text for our result, and for the system that it is compared with. */
  ours: string
  baseline?: string
}

/** Measures its rows on one backend and logs its progress to stderr. */
export type Suite = (backend: Backend) => Promise<Measurement[]>

/** Thrown by a suite that cannot run here; the message says why. */
export class NotMeasured extends Error {}

/** Number of concurrent callers. */
export const CALLERS = 16

/** The program in this process, without HTTP, on a new database. The engine runs only between `startEngine` and `stopEngine`. */
export interface Bench {
  readonly app: App
  readonly store: Store
  readonly database: Database
  /** Creates a user with a project. */
  newScope(): Promise<Scope>
  startEngine(): Promise<Engine>
  stopEngine(): Promise<void>
  close(): Promise<void>
}

/** Opens the program on a new database, unless `given` has one. */
export async function openBench(backend: Backend, given?: Place): Promise<Bench> {
  const place = given ?? (await newPlace(backend))
  // As many connections as callers, so that the benchmark does not measure a queue for connections.
  const config = readConfig({ ZERODB_PG_POOL: String(CALLERS), ...place.env })
  const blobs = BLOBS.disk(join(config.dataDir, 'blobs'))
  const log = pino({ level: 'error' }, pino.destination(2))
  const database = await openDatabase(config)
  let engine: Engine | undefined
  const store = openStore(database, {
    onCommitted: (seqs) => engine?.wake(seqs),
    skewSeconds: () => 0,
  })
  await store.events.ensureKey()
  const clock = { now: Date.now, skewSeconds: () => 0 }
  const encryptionKey = new Uint8Array(32)
  const embedder = EMBEDDERS['use-lite']()
  const language = LANGUAGES.builtin()
  const app: App = {
    config,
    store,
    embedder,
    embedders: [embedder],
    language,
    blobs,
    clock,
    log,
    metrics: createMetrics('bench'),
    text: createTextExtractor(),
    sandbox: openSandbox(config, log),
    jwtSecret: new Uint8Array(32),
    encryptionKey,
    outgoing: createOutgoing(config),
    eventStreams: new Map(),
    instantDatabases: createThrottle(clock, 5, 3600),
    logins: { byEmail: createThrottle(clock, 10, 600), byClient: createThrottle(clock, 100, 600) },
    runs: {
      runsDrained: (...args) => engine!.runsDrained(...args),
      queued: () => engine?.queued(),
      cancelled: (id) => engine?.cancelled(id),
      logLate: (...args) => engine?.logLate(...args),
      logOf: (id) => engine?.logOf(id) ?? null,
      changed: (...args) => engine!.changed(...args),
      draining: () => false,
      invoke: (invocation) => engine!.invoke(invocation),
    },
    functions: createFunctionCache({ store, encryptionKey, clock, config, blobs }),
    concurrencyLimiter: createConcurrencyLimiter(config),
    reservedNames: RESERVED_NAMES,
    call: (...args) => callOperation(app, ...args),
  }
  async function stopEngine(): Promise<void> {
    const stopping = engine
    engine = undefined
    await stopping?.stop(10)
  }
  return {
    app,
    store,
    database,
    newScope: () => store.users.create(null),
    async startEngine() {
      engine = await startEngine(app, database)
      return engine
    },
    stopEngine,
    async close() {
      await stopEngine()
      await Promise.all([embedder.close(), language.close(), app.sandbox.close()])
      await database.close()
      await place.remove()
    },
  }
}

export interface Place {
  env: Record<string, string>
  remove(): Promise<void>
}

/** Creates a new, empty database of `backend` and returns it as settings of the program. */
export async function newPlace(backend: Backend): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'zerodb-bench-'))
  const server = backend === 'postgres' ? await freshDatabaseUrl() : null
  return {
    env: { ZERODB_DATA_DIR: directory, ...(server ? { DATABASE_URL: server.url } : {}) },
    async remove() {
      await server?.drop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Body of a benchmark's handler. */
type Work = (run: HandlerRun) => unknown

/** Registers `count` handlers with the body `work` in this process. */
export function addHandlers(count: number, work: Work): string[] {
  const list = HANDLERS as Record<string, Handler>
  return Array.from({ length: count }, (_, n) => {
    const name = `bench_${n}`
    if (!list[name]) HANDLER_NAMES.push(name)
    const run = async (_: App, run: HandlerRun) => void (await work(run))
    list[name] = { name, on: EVENT_NAMES, config: z.looseObject({}), run }
    return name
  })
}

/** Fields of a hook other than handler and event. */
type Delivery = Pick<Parameters<Store['hooks']['create']>[1], 'paused' | 'ordering_key'>

/** Registers handlers and creates a hook of one user for each, on published or other events. Returns the ids of the hooks. */
export async function addHooks(
  bench: Bench,
  scope: Scope,
  count: number,
  work: Work,
  { event_type = eventPublished.name, ...delivery }: { event_type?: EventName } & Delivery = {},
): Promise<string[]> {
  const ids: string[] = []
  for (const hook_name of addHandlers(count, work)) {
    const fields = { project_id: null, hook_type: 'first_party', hook_name, hook_config: {}, event_type, ...delivery }
    ids.push((await bench.store.hooks.create(scope.user_id, fields))!.id)
  }
  return ids
}

/** The event that most benchmarks publish: about 200 bytes. */
export const PUBLISHED = {
  topic: 'order.paid',
  event_payload: { order: 4711, customer: 'Ada Lovelace', total: 99.5, items: ['book', 'pen'], note: 'x'.repeat(100) },
  source: 'bench',
  correlation_id: null,
}

const ROWS_AT_ONCE = 10_000

/** Inserts `count` rows into a table, each with an event, in few statements. */
export async function insertRows(bench: Bench, scope: Scope, count: number): Promise<void> {
  const name = `t${count}`
  await bench.store.tables.create(scope, { name }).catch(() => undefined)
  for (let left = count; left > 0; left -= ROWS_AT_ONCE)
    await bench.store.tables.insertRows(
      scope,
      name,
      Array(Math.min(left, ROWS_AT_ONCE)).fill({ note: 'x'.repeat(100) }),
    )
}

/** Runs `work` `count` times with `callers` concurrent callers; returns the total milliseconds. */
export async function hammer(callers: number, count: number, work: () => Promise<unknown>): Promise<number> {
  let left = count
  const start = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) await work()
    }),
  )
  return performance.now() - start
}

/** The built program in a separate process. */
export interface Program {
  process: ChildProcess
  /** Milliseconds from its start to the line that says it is ready. */
  readyMs: number
  stop(): Promise<void>
}

export async function startProgram(env: Record<string, string>): Promise<Program> {
  const { ZERODB_TEST_DATABASE_URL: _, DATABASE_URL: __, ...inherited } = process.env
  const start = performance.now()
  const child = spawn(process.execPath, [join(packageRoot(), 'dist', 'zerodb.js'), 'start'], {
    // The rate limit is per user, and a benchmark has only one user.
    env: { ...inherited, ZERODB_PORT: '0', ZERODB_LOG_LEVEL: 'error', ZERODB_RATE_LIMIT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('Ready on')) resolve()
    })
    child.once('exit', (code) =>
      reject(new Error(`the program ended with code ${code} before it was ready\n${output}`)),
    )
  })
  return {
    process: child,
    readyMs: performance.now() - start,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

export const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`
export const perSecond = (value: number): string => `${Math.round(value)}/s`

export function log(line: string): void {
  console.error(`bench: ${line}`)
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
