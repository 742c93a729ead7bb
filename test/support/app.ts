import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import type { Clock } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { hashApiKey, newApiKey } from '../../src/crypto.ts'
import { sql } from '../../src/db/sql.ts'
import type { Embedder } from '../../src/embedding/index.ts'
import { createSurfaces, openSystem, type System } from '../../src/main.ts'
import type { LoggedEvent } from '../../src/schema/event-log.ts'
import type { Run } from '../../src/schema/run.ts'
import { freshDatabaseUrl } from './database.ts'
import { SANDBOX } from './sandbox.ts'

export interface Reply {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
  body: any
  headers: Record<string, string | undefined>
  raw: Buffer
}

export interface RequestOptions {
  body?: unknown
  headers?: Record<string, string>
  /** Raw payload that is sent instead of `body`. */
  payload?: string | Buffer
}

/** A user with a key and a default project. Each test has its own user, so that tests do not see each other's data. */
export interface TestUser {
  key: string
  user_id: string
  project_id: string
  /** `/api/v1/projects/{project_id}/database` */
  database: string
  request(method: string, url: string, options?: RequestOptions): Promise<Reply>
  get(url: string, headers?: Record<string, string>): Promise<Reply>
  post(url: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
  patch(url: string, body?: unknown): Promise<Reply>
  delete(url: string): Promise<Reply>
  /** Creates a hook. Fails the test if the hook is not created. */
  hook(
    event_type: string,
    hook_name: string,
    rest?: Record<string, unknown>,
  ): Promise<{ id: string; [field: string]: unknown }>
  /** Creates another project of this user. */
  project(name?: string): Promise<string>
  /** Returns all events of the user so far, oldest first. */
  events(): Promise<LoggedEvent[]>
  /** Executes all due runs and returns all runs of the user, oldest first. */
  runs(): Promise<Run[]>
  /** Returns the names of all events in order, and `handler status` of all runs, sorted. */
  trail(): Promise<{ events: string[]; runs: string[] }>
}

export interface TestApp {
  readonly system: System
  readonly server: FastifyInstance
  readonly clock: { advance(seconds: number): void }
  request(method: string, url: string, options?: RequestOptions): Promise<Reply>
  newUser(): Promise<TestUser>
  /** Creates another key of a user, bound to one project. */
  boundKey(user: TestUser, projectId: string): Promise<string>
  /** Dispatches all events and executes all due runs. */
  drained(): Promise<void>
  /** Runs `body` with `embed` as embedder. Every pause before a retry has its maximum length. */
  withEmbedder<R>(embed: Embedder['embed'], body: () => Promise<R>): Promise<R>
  close(): Promise<void>
}

/** Reads a body: completely, or only the beginning of an endless event stream. */
async function bodyOf(stream: Readable, isEvents: boolean): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) {
    chunks.push(chunk)
    if (isEvents && /\nevent: open\n|"type":"connection"/.test(String(chunk))) break
  }
  return Buffer.concat(chunks)
}

/** Opens the real program without a port, on PGlite in a new directory or a new database of `ZERODB_TEST_DATABASE_URL`. */
export async function openTestApp(
  settings: Record<string, string> = {},
  { log = pino({ level: process.env['TEST_LOG'] ?? 'silent' }) }: { log?: Logger } = {},
): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
  const database = await freshDatabaseUrl()
  const config: Config = readConfig({
    ZERODB_DATA_DIR: dataDir,
    // Results of recall would depend on how far the embedding of memories is.
    ZERODB_MEMORY_EMBED: 'off',
    ...SANDBOX,
    ...(database ? { DATABASE_URL: database.url } : {}),
    ...settings,
  })
  let skew = 0
  const clock: Clock = { now: () => Date.now() + skew * 1000, skewSeconds: () => skew }
  const system = await openSystem(config, { clock, log })
  const server = await createSurfaces(system.app)

  async function request(
    method: string,
    url: string,
    { body, headers = {}, payload }: RequestOptions = {},
  ): Promise<Reply> {
    const response = await server.inject({
      method: method as 'GET',
      url,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(payload !== undefined ? { payload } : body === undefined ? {} : { payload: JSON.stringify(body) }),
      payloadAsStream: true,
    })
    const type = String(response.headers['content-type'])
    const raw = await bodyOf(response.stream(), type.startsWith('text/event-stream'))
    const text = raw.toString()
    const isJson = /\/(\w+\+)?json\b/.test(type)
    return {
      status: response.statusCode,
      body: isJson && raw.length > 0 ? JSON.parse(text) : text,
      headers: response.headers as Record<string, string>,
      raw,
    }
  }

  async function keyFor(user_id: string, project_id: string | null): Promise<string> {
    const key = newApiKey()
    await system.app.store.keys.create({
      user_id,
      project_id,
      name: 'test',
      hash: hashApiKey(key),
      last4: key.slice(-4),
    })
    return key
  }

  async function drained(): Promise<void> {
    for (let busy = true; busy; ) {
      await system.engine.drained()
      // A slot that has become free can take the next run after the engine has reported that it is drained.
      const [row] = await system.database.query<{ busy: boolean }>(sql`
        select
          exists (select from zerodb_outbox)
          or exists (select from zerodb_runs where status = 'running')
          or exists (
            select from zerodb_runs r
            left join zerodb_hooks h on h.id = r.hook_id
            where r.status = 'queued'
              and r.run_at <= now() + make_interval(secs => ${skew}::float8)
              and h.paused_at is null
              and not exists (select from zerodb_projects p where p.id = r.project_id and p.suspended_at is not null)
              and not exists (
                select from zerodb_runs b
                where b.status = 'queued' and b.hook_id = r.hook_id and b.ordering_key = r.ordering_key and b.event_seq < r.event_seq
              )
          ) as busy`)
      busy = row!.busy
    }
  }

  async function newUser(): Promise<TestUser> {
    const { user_id, project_id } = await system.app.store.users.create(`${randomUUID()}@example.test`)
    const key = await keyFor(user_id, null)
    const asUser = (method: string, url: string, options: RequestOptions = {}) =>
      request(method, url, { ...options, headers: { authorization: `Bearer ${key}`, ...options.headers } })
    const get: TestUser['get'] = (url, headers = {}) => asUser('GET', url, { headers })
    const post: TestUser['post'] = (url, body, headers = {}) => asUser('POST', url, { body, headers })

    async function all<Item>(url: string): Promise<Item[]> {
      const items: Item[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: Reply = await get(`${url}?limit=1000${cursor ? `&cursor=${cursor}` : ''}`)
        items.push(...page.body.items)
        cursor = page.body.next_cursor
      }
      return items.reverse()
    }

    async function runs(): Promise<Run[]> {
      await drained()
      return all<Run>('/api/v1/runs')
    }

    return {
      key,
      user_id,
      project_id,
      database: `/api/v1/projects/${project_id}/database`,
      request: asUser,
      get,
      post,
      patch: (url, body) => asUser('PATCH', url, { body }),
      delete: (url) => asUser('DELETE', url),
      async hook(event_type, hook_name, rest = {}) {
        const created = await post('/api/v1/hooks', { event_type, hook_name, ...rest })
        if (created.status !== 201)
          throw new Error(`the hook was not created: ${created.status} ${JSON.stringify(created.body)}`)
        return created.body
      },
      async project(name = 'another') {
        return (await post('/api/v1/projects', { name })).body.id
      },
      events: () => all<LoggedEvent>('/api/v1/event-log'),
      runs,
      async trail() {
        const done = await runs()
        const events = await all<LoggedEvent>('/api/v1/event-log')
        return {
          events: events.map(({ event }) => event),
          runs: done.map(({ handler, status }) => `${handler} ${status}`).sort(),
        }
      },
    }
  }

  return {
    system,
    server,
    clock: {
      advance(seconds) {
        skew += seconds
      },
    },
    request,
    newUser,
    boundKey: (user, projectId) => keyFor(user.user_id, projectId),
    drained,
    async withEmbedder(embed, body) {
      const { embedder } = system.app
      const usual = { embed: embedder.embed, random: Math.random }
      embedder.embed = embed
      Math.random = () => 1 - Number.EPSILON
      try {
        return await body()
      } finally {
        embedder.embed = usual.embed
        Math.random = usual.random
      }
    },
    async close() {
      await server.close()
      await system.close(0)
      await database?.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
