import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import type { App, Clock, RunsPort } from './app.ts'
import { createThrottle } from './auth/throttle.ts'
import { BLOBS, type Blobs } from './blobs/index.ts'
import { encryptionKeyOf, ensureOwner, keptSecret, type Owner } from './bootstrap.ts'
import type { Config } from './config.ts'
import { migrate } from './db/migrate.ts'
import { hasPgliteDatabase } from './db/pglite/directory.ts'
import { openPglite } from './db/pglite/pglite.ts'
import { openPostgres } from './db/postgres/postgres.ts'
import type { Database } from './db/sql.ts'
import { EMBEDDERS, type Embedder } from './embedding/index.ts'
import { type Engine, startEngine } from './engine/index.ts'
import { StartError } from './errors.ts'
import { createFunctionCache } from './functions/cache.ts'
import { createConcurrencyLimiter } from './functions/concurrency-limiter.ts'
import { RESERVED_NAMES } from './handlers/index.ts'
import { createServer, type ServerOptions } from './http/server.ts'
import { LANGUAGES, type Language } from './language/index.ts'
import { readableLine } from './log-lines.ts'
import { createMcp } from './mcp/index.ts'
import { createMetrics } from './metrics.ts'
import { createOutgoing } from './net/outgoing.ts'
import { callOperation } from './operations/lib/call.ts'
import { packageVersion } from './platform/package.ts'
import { openSandbox } from './sandbox/open.ts'
import { openStore, type Store } from './store/index.ts'
import { createTextExtractor } from './text/index.ts'

/** Called with each step of the start, as text for a person. */
export type OnStep = (step: string) => void

export interface System {
  readonly app: App
  readonly engine: Engine
  readonly database: Database
  readonly owner: Owner
  /** Takes no more runs, and lets running handlers finish for `graceSeconds`. Requests are answered still. */
  drain(graceSeconds?: number): Promise<void>
  /** Drains, then closes everything. */
  close(graceSeconds?: number): Promise<void>
}

export interface SystemOptions {
  log?: Logger
  clock?: Clock
  onStep?: OnStep
}

const realClock: Clock = { now: Date.now, skewSeconds: () => 0 }

/** Creates the log on standard error, one line per entry: readable text on a terminal, JSON elsewhere. */
export function createLog({ logLevel: level, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>): Logger {
  const isForPeople = logFormat === 'text' || (logFormat === 'auto' && process.stderr.isTTY)
  return pino(
    { level, base: null, errorKey: 'error', redact: ['headers.authorization', 'headers["x-api-key"]'] },
    isForPeople ? { write: (entry) => process.stderr.write(`${readableLine(entry)}\n`) } : pino.destination(2),
  )
}

/** Opens the configured database and brings its schema up to date. */
export async function openDatabase(config: Config, onStep: OnStep = () => {}): Promise<Database> {
  if (config.databaseUrl === undefined) {
    try {
      await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new StartError(
        `Cannot create the data directory ${config.dataDir} (${code}): choose another with ZERODB_DATA_DIR`,
        { cause: error },
      )
    }
    onStep(`Data: ${config.dataDir} (${hasPgliteDatabase(config.dataDir) ? 'existing' : 'new'})`)
  } else {
    onStep(`Data: PostgreSQL at ${new URL(config.databaseUrl).host}, files in ${config.dataDir}`)
  }
  const database =
    config.databaseUrl === undefined
      ? await openPglite({ directory: config.dataDir, durability: config.durability })
      : await openPostgres({ url: config.databaseUrl, poolSize: config.pgPool })
  try {
    const applied = await migrate(database)
    onStep(`Database: ${await database.version()}${applied.length > 0 ? `, schema brought to ${applied.at(-1)}` : ''}`)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/** Database and blobs without the rest of the system, for commands that work on the data while no server is running. */
export interface Storage {
  database: Database
  store: Store
  blobs: Blobs
  close(): Promise<void>
}

export async function openStorage(config: Config, onStep?: OnStep): Promise<Storage> {
  const database = await openDatabase(config, onStep)
  return {
    database,
    store: openStore(database, { onCommitted: () => {}, skewSeconds: () => 0 }),
    blobs: openBlobs(config),
    close: () => database.close(),
  }
}

function openBlobs(config: Config): Blobs {
  return BLOBS.disk(join(config.dataDir, 'blobs'))
}

/** Opens the configured models, else the built-in ones. Throws `StartError` for an invalid URL or key. Sends no request. */
export function openModels(config: Config): { embedders: [Embedder, ...Embedder[]]; language: Language } {
  const builtIn = EMBEDDERS['use-lite']()
  return {
    // The built-in embedder starts at its first call. It serves the embeddings that it made before another was configured.
    embedders: config.embedding ? [EMBEDDERS['openai-compatible'](config.embedding), builtIn] : [builtIn],
    language: config.language ? LANGUAGES['openai-compatible'](config.language) : LANGUAGES.builtin(),
  }
}

/** Opens everything except the HTTP server: database, drivers, App and the running engine. */
export async function openSystem(config: Config, options: SystemOptions = {}): Promise<System> {
  const { log = createLog(config), clock = realClock, onStep = () => {} } = options
  for (const name of config.unknown) log.warn({ name }, 'unknown setting: check its spelling')
  const { embedders, language } = openModels(config)
  const text = createTextExtractor()
  const outgoing = createOutgoing(config)
  const sandbox = openSandbox(config, log)
  const database = await openDatabase(config, onStep)

  async function closeDrivers(): Promise<void> {
    await Promise.all([
      ...embedders.map((embedder) => embedder.close()),
      language.close(),
      text.close(),
      outgoing.close(),
      sandbox.close(),
    ])
    await database.close()
  }

  try {
    // Engine and App need each other: events committed before the engine exists are dispatched by its first sweep.
    let engine: Engine | undefined
    const store = openStore(database, {
      onCommitted: (eventSeqs) => engine?.wake(eventSeqs),
      skewSeconds: clock.skewSeconds,
      projectLimit: config.projectLimit,
      quotas: config.quotas,
    })
    const runs: RunsPort = {
      runsDrained: (...args) => engine!.runsDrained(...args),
      queued: () => engine!.queued(),
      cancelled: (id) => engine!.cancelled(id),
      logLate: (...args) => engine?.logLate(...args),
      logOf: (id) => engine!.logOf(id),
      changed: (...args) => engine!.changed(...args),
      draining: () => engine?.draining() ?? false,
      invoke: (invocation) => engine!.invoke(invocation),
    }
    const blobs = openBlobs(config)
    const jwtSecret =
      config.jwtSecret === undefined ? await keptSecret(config, 'jwt-secret') : Buffer.from(config.jwtSecret)
    const encryptionKey = await encryptionKeyOf(config)
    const metrics = createMetrics(packageVersion())
    const logins = { byEmail: createThrottle(clock, 10, 600), byClient: createThrottle(clock, 100, 600) }
    const instantDatabases = createThrottle(clock, 5, 3600)
    const eventStreams = new Map<string, number>()
    const [embedder] = embedders
    const drivers = { store, embedder, embedders, language, blobs, text, sandbox, outgoing }
    const functions = createFunctionCache({ store, encryptionKey, clock, config, blobs })
    const concurrencyLimiter = createConcurrencyLimiter(config)
    const call: App['call'] = (...args) => callOperation(app, ...args)
    const keys = { jwtSecret, encryptionKey }
    const app: App = {
      config,
      ...drivers,
      clock,
      log,
      metrics,
      ...keys,
      logins,
      instantDatabases,
      eventStreams,
      runs,
      functions,
      concurrencyLimiter,
      reservedNames: RESERVED_NAMES,
      call,
    }
    const owner = await ensureOwner(store, config)
    engine = await startEngine(app, database)
    const started = engine
    let draining: Promise<void> | undefined
    const drain = (graceSeconds = 10) => {
      draining ??= started.stop(graceSeconds)
      return draining
    }
    return {
      app,
      engine: started,
      database,
      owner,
      drain,
      async close(graceSeconds) {
        await drain(graceSeconds)
        await closeDrivers()
      },
    }
  } catch (error) {
    await closeDrivers()
    throw error
  }
}

export interface Serving {
  /** Base URL, for example `http://127.0.0.1:8000`. */
  url: string
  system: System
  /** Reports not ready, waits for running handlers, then for open requests, and closes everything. */
  close(): Promise<void>
}

/** Delay, so that the sandbox check does not slow the start down. */
const TRY_SANDBOX_MS = 1_000

/** Checks the sandbox in the background, so that the first call need not wait for it, and logs warnings. */
export function trySandboxSoon({ sandbox, log }: App): void {
  setTimeout(async () => {
    const { driver, runtimes, warnings } = await sandbox.ready()
    for (const [runtime, found] of Object.entries(runtimes))
      if (!found.available && driver !== 'off') log.warn({ runtime, ...found }, 'cannot run user code of this runtime')
    for (const warning of warnings) log.warn({ driver }, warning)
  }, TRY_SANDBOX_MS).unref()
}

/** Creates the HTTP server with the API and all other surfaces. Does not listen yet. */
export function createSurfaces(app: App, options?: ServerOptions): ReturnType<typeof createServer> {
  return createServer(app, [createMcp(app)], options)
}

export interface ServeOptions extends SystemOptions {
  /** Names of the settings for port and host, for messages. */
  portSetting?: string
  hostSetting?: string
}

/** Starts the whole server. Throws `StartError` when the port is in use, before it opens the database. */
export async function serve(config: Config, options: ServeOptions = {}): Promise<Serving> {
  const probe = createNetServer()
  await listening(config, options, () => probe.listen(config.port, config.host) && once(probe, 'listening'))
  await new Promise((resolve) => probe.close(resolve))
  const system = await openSystem(config, options)
  try {
    const server = await createSurfaces(system.app)
    await listening(config, options, () => server.listen({ host: config.host, port: config.port }))
    const { port } = server.server.address() as AddressInfo
    trySandboxSoon(system.app)
    const host = config.host.includes(':') ? `[${config.host}]` : config.host
    return {
      url: `http://${host}:${port}`,
      system,
      async close() {
        await system.drain()
        await server.close()
        await system.close()
      },
    }
  } catch (error) {
    await system.close(0)
    throw error
  }
}

/** Listens. Throws `StartError` with the setting to change if that fails. */
async function listening(
  { host, port }: Config,
  { portSetting = 'ZERODB_PORT', hostSetting = 'ZERODB_HOST' }: ServeOptions,
  listen: () => Promise<unknown>,
): Promise<void> {
  await listen().catch((error: NodeJS.ErrnoException) => {
    const { code } = error
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL' && code !== 'ENOTFOUND') throw error
    const remedy =
      code === 'EADDRINUSE' || code === 'EACCES' ? `port with ${portSetting}` : `address with ${hostSetting}`
    throw new StartError(`Cannot listen on ${host}:${port} (${code}): choose another ${remedy}`, { cause: error })
  })
}
