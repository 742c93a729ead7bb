import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DatabaseUnavailable, sql } from '../../../src/db/sql.ts'
import type { Embedder } from '../../../src/embedding/index.ts'
import { DEFAULT_RETRY } from '../../../src/engine/retry.ts'
import type { Run } from '../../../src/schema/run.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { undispatched } from '../../support/undispatched.ts'

const STORED = 'zerodb.vector.stored'
const { max_attempts: MAX_ATTEMPTS } = DEFAULT_RETRY

async function store(user: TestUser, document: string): Promise<void> {
  const reply = await user.post(`${user.database}/vectors/upsert`, { vector_id: document, document })
  expect(reply.status).toBe(200)
}

async function withHook(app: TestApp, hook_name = 'auto_embed'): Promise<TestUser> {
  const user = await app.newUser()
  await user.hook(STORED, hook_name)
  return user
}

/** Returns the user's runs as they are, without waiting for any. */
async function runsNow(user: TestUser): Promise<Run[]> {
  return (await user.get('/api/v1/runs?limit=1000')).body.items
}

const down = async () => {
  throw new Error('model down')
}

const instant: Embedder['embed'] = async (texts) => texts.map(() => new Float32Array([1]))

/** An embedder that waits: reports which texts arrived, and lets each of them continue. */
function gated() {
  const started: string[] = []
  const open = new Map<string, () => void>()
  const embed: Embedder['embed'] = async (texts, signal) => {
    started.push(...texts)
    await new Promise<void>((resolve, reject) => {
      for (const text of texts) open.set(text, resolve)
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
    })
    return instant(texts)
  }
  return { embed, started, open: (text: string) => open.get(text)!() }
}

describe('a handler that fails', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await openTestApp()
  })
  afterAll(() => app.close())

  test('does not fail the write, and is retried until it succeeds', async () => {
    const user = await withHook(app)
    await app.withEmbedder(down, async () => {
      await store(user, 'a')
      expect(await user.runs()).toMatchObject([
        {
          status: 'queued',
          attempts: 1,
          result: null,
          error: { code: 'handler_failed', message: 'model down' },
          finished_at: null,
        },
      ])
    })
    expect((await user.get(`${user.database}/vectors/a`)).body.vector_embedding).toBeNull()
    app.clock.advance(10)
    expect(await user.runs()).toMatchObject([
      { status: 'succeeded', attempts: 2, error: null, result: { embedded: 1 } },
    ])
    expect((await user.get(`${user.database}/vectors/a`)).body.dimension).toBe(512)
    expect((await user.events()).map(({ event }) => event)).toEqual([STORED])
  })

  test('is retried after pauses that double, and is dead after the last attempt with its error', async () => {
    const user = await withHook(app)
    await app.withEmbedder(down, async () => {
      await store(user, 'a')
      for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
        const [run] = await user.runs()
        expect(run).toMatchObject({ status: 'queued', attempts: attempt })
        // Half of the pause is too short. This is also checked as soon as the pause is long enough to measure.
        const seconds = Math.min(300, 2 ** attempt)
        app.clock.advance(seconds / 2)
        if (seconds >= 32) expect(await user.runs()).toMatchObject([{ attempts: attempt }])
        app.clock.advance(seconds / 2)
      }
      expect(await user.runs()).toMatchObject([
        { status: 'dead', attempts: MAX_ATTEMPTS, error: { code: 'handler_failed', message: 'model down' } },
      ])
      app.clock.advance(100_000)
      const [run] = await user.runs()
      expect(run).toMatchObject({ status: 'dead', attempts: MAX_ATTEMPTS })
      expect(run!.finished_at).not.toBeNull()
      expect(await user.get(`/api/v1/runs/${run!.id}`)).toMatchObject({ status: 200, body: run })
    })
    expect((await user.events()).map(({ event }) => event)).toEqual([STORED, 'zerodb.run.dead'])
  })

  test('is dead immediately if it says that no attempt can succeed', async () => {
    const user = await app.newUser()
    await user.hook('zerodb.file.uploaded', 'auto_summarize')
    await user.post(`${user.database}/files`, { file_name: 'a.png', content_type: 'image/png', file_content: 'aGk=' })
    expect(await user.runs()).toMatchObject([
      { status: 'dead', attempts: 1, error: { message: expect.stringContaining('image/png') } },
    ])
  })

  test('because the database became unavailable does not count as a failure, whatever the retry policy', async () => {
    const user = await app.newUser()
    const policy = { retry: { max_attempts: 1 }, ordering_key: { path: 'data.namespace', policy: 'skip' } }
    await user.hook(STORED, 'auto_embed', policy)
    const away = async (): Promise<never> => {
      throw new DatabaseUnavailable('The database cannot be reached at the moment: try again')
    }
    await app.withEmbedder(away, async () => {
      await store(user, 'a')
      expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1, error: { code: 'unavailable' } }])
    })
    app.clock.advance(10)
    expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 2 }])
  })

  test('does not block other runs', async () => {
    const broken = await withHook(app)
    const working = await app.newUser()
    await working.hook('zeromemory.remembered', 'auto_graph')
    await app.withEmbedder(down, async () => {
      await store(broken, 'a')
      await working.post('/api/v1/public/memory/v2/remember', { content: 'Alice met Bob' })
      expect(await working.runs()).toMatchObject([{ status: 'succeeded' }])
      expect(await broken.runs()).toMatchObject([{ status: 'queued' }])
    })
  })
})

describe('a run', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await openTestApp()
  })
  afterAll(() => app.close())

  /** Starts a run that waits in its handler until `finish` is called. */
  async function running() {
    const user = await withHook(app)
    const gate = gated()
    const { embed } = app.system.app.embedder
    app.system.app.embedder.embed = gate.embed
    await store(user, 'a')
    await eventually(() => expect(gate.started).toEqual(['a']))
    app.system.app.embedder.embed = embed
    const [row] = await app.system.database.query<{ id: string; owner: number }>(sql`
      select id, owner from zerodb_runs where user_id = ${user.user_id}::uuid`)
    return { user, ...row!, finish: () => gate.open('a') }
  }

  const ending = (id: string, attempts: number) => ({
    id,
    attempts,
    status: 'dead' as const,
    result: null,
    error: { code: 'late', message: 'a late answer' },
    logs: [],
    retry_in: null,
  })

  test('whose handler does not support its event type is skipped, with the reason', async () => {
    const user = await withHook(app, 'auto_graph')
    await store(user, 'a')
    expect(await user.runs()).toMatchObject([
      {
        status: 'skipped',
        attempts: 1,
        error: { code: 'not_applicable', message: `auto_graph has nothing to do on ${STORED}` },
      },
    ])
  })

  test('has its event, hook, times, result and log lines', async () => {
    const user = await app.newUser()
    const hook = await user.hook(STORED, 'auto_embed', { hook_config: { model: 'bge-m3' } })
    await store(user, 'a')
    const [run] = await user.runs()
    const [event] = await user.events()
    expect(run).toEqual({
      id: expect.any(String),
      trigger: 'event',
      function_id: null,
      function_version: null,
      schedule_id: null,
      handler: 'auto_embed',
      hook_id: hook.id,
      event_id: event!.id,
      event_type: STORED,
      project_id: user.project_id,
      status: 'succeeded',
      attempts: 1,
      run_at: expect.any(String),
      result: { requested: 'bge-m3', used: 'use-lite', dimensions: 512, embedded: 1 },
      error: null,
      logs: [{ at: expect.any(String), message: expect.stringContaining('"bge-m3" is not configured') }],
      requests: [],
      requests_omitted: 0,
      created_at: expect.any(String),
      started_at: expect.any(String),
      finished_at: expect.any(String),
      ordering_key: null,
      replay_id: null,
      chain_id: event!.id,
      depth: 0,
      waiting_for: null,
    })
    expect((await user.get(`/api/v1/runs?event_id=${event!.id}`)).body.items).toEqual([run])
    expect((await user.get(`/api/v1/event-log/${event!.id}`)).body).toEqual(event)
  })

  test('accepts a result from its current owner and attempt only', async () => {
    const { user, id, owner, finish } = await running()
    const { runs } = app.system.app.store
    expect(await runs.finish(owner, [ending(id, 0)])).toEqual([])
    expect(await runs.finish(owner, [ending(id, 2)])).toEqual([])
    expect(await runs.finish(owner + 1, [ending(id, 1)])).toEqual([])
    expect(await runsNow(user)).toMatchObject([{ status: 'running', attempts: 1, error: null }])
    finish()
    const done = await user.runs()
    expect(done).toMatchObject([{ status: 'succeeded', attempts: 1, error: null }])
    expect(await runs.finish(owner, [ending(id, 1)])).toEqual([])
    expect(await user.runs()).toEqual(done)
  })

  test('whose owner has died is queued again, and dead after three deaths', async () => {
    const user = await withHook(app)
    await store(user, 'a')
    await app.drained()
    /** Simulates that another process claimed the run and died. */
    const claimedByTheDead = () =>
      app.system.database.query(sql`
        update zerodb_runs set status = 'running', owner = -1, finished_at = null where user_id = ${user.user_id}::uuid`)
    for (const attempts of [2, 3]) {
      await claimedByTheDead()
      await app.system.app.store.runs.recover()
      // The runs return one after the other.
      app.clock.advance(10)
      expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts }])
    }
    await claimedByTheDead()
    await app.system.app.store.runs.recover()
    expect(await user.runs()).toMatchObject([
      { status: 'dead', attempts: 3, error: { code: 'instance_died', message: expect.stringContaining('3 times') } },
    ])
  })

  test('that another owner has claimed since is not finished by the first one', async () => {
    const { user, id, finish } = await running()
    await app.system.database.query(sql`update zerodb_runs set status = 'queued', owner = null where id = ${id}::uuid`)
    finish()
    expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 2 }])
    expect((await user.get(`${user.database}/vectors/a`)).body.dimension).toBe(1)
  })

  test('is created by the sweep if the dispatch at commit was lost', async () => {
    const user = await withHook(app)
    const { dispatch } = app.system.app.store
    await undispatched(app.system.app.store, async () => {
      const tried = new Promise<void>((lost) => {
        dispatch.events = async () => {
          lost()
          throw new Error('the database is away')
        }
      })
      await store(user, 'a')
      await tried
    })
    expect(await user.trail()).toEqual({ events: [STORED], runs: ['auto_embed succeeded'] })
  })

  test('is created directly after the write, without another query of the outbox', async () => {
    const user = await withHook(app)
    const { writePipeline } = app.system.app.store
    const { pipelinedDispatch } = writePipeline
    await undispatched(app.system.app.store, async () => {
      writePipeline.pipelinedDispatch = pipelinedDispatch
      // The connection for it is opened on first use: until then a write goes alone.
      await eventually(async () => {
        await store(user, 'a')
        expect(await runsNow(user)).not.toEqual([])
      })
    })
  })

  test('is created immediately if the dispatch after the write fails, and by the sweep if the write does', async () => {
    const user = await withHook(app)
    const { dispatch, writePipeline } = app.system.app.store
    const { events } = dispatch
    const pipelinedDispatch = writePipeline.pipelinedDispatch!
    await undispatched(app.system.app.store, async () => {
      dispatch.events = events
      let failed = 0
      writePipeline.pipelinedDispatch = {
        ...pipelinedDispatch,
        statement: () => sql`select 1 / 0`,
        onSent(rows, eventSeqs) {
          rows.catch(() => failed++)
          pipelinedDispatch.onSent(rows, eventSeqs)
        },
      }
      await eventually(async () => {
        await store(user, 'a')
        expect(failed).toBeGreaterThan(0)
      })
    })
    await user.runs()
    const before = (await user.runs()).length

    await undispatched(app.system.app.store, () => store(user, 'left'))
    await undispatched(app.system.app.store, async () => {
      writePipeline.pipelinedDispatch = pipelinedDispatch
      const strange = `/api/v1/projects/${randomUUID()}/database/vectors/upsert`
      await eventually(async () => {
        expect((await user.post(strange, { vector_id: 'a', document: 'a' })).status).toBe(404)
        expect(await runsNow(user)).toHaveLength(before + 1)
      })
    })
  })
})

/** Opens an app with these settings, and creates a user with a hook; `instant` computes the embeddings. */
async function withSettings(settings: Record<string, string>, body: (app: TestApp, user: TestUser) => Promise<void>) {
  const app = await openTestApp(settings)
  try {
    await app.withEmbedder(instant, async () => body(app, await withHook(app)))
  } finally {
    await app.close()
  }
}

test('a handler that exceeds the timeout is ended, and retried', () =>
  withSettings({ ZERODB_HANDLER_TIMEOUT_SECONDS: '1' }, async (app, user) => {
    await app.withEmbedder(gated().embed, async () => {
      await store(user, 'a')
      expect(await user.runs()).toMatchObject([
        { status: 'queued', attempts: 1, error: { message: 'the handler took longer than 1 s' } },
      ])
    })
    app.clock.advance(10)
    expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 2 }])
  }))

test('a handler that ignores its timeout does not keep its slot', () =>
  withSettings({ ZERODB_HANDLER_TIMEOUT_SECONDS: '1', ZERODB_WORKER_SLOTS: '1' }, async (app, user) => {
    const never: Embedder['embed'] = () => new Promise(() => {})
    await app.withEmbedder(never, async () => {
      await store(user, 'a')
      expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1 }])
    })
    app.clock.advance(10)
    expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 2 }])
  }))

test('with a single slot many runs finish, in the order of the commits', () =>
  withSettings({ ZERODB_WORKER_SLOTS: '1' }, async (app, user) => {
    const documents = Array.from({ length: 12 }, (_, i) => `document ${i}`)
    const order: string[] = []
    let atOnce = 0
    let most = 0
    const slow: Embedder['embed'] = async (texts) => {
      order.push(...texts)
      most = Math.max(most, ++atOnce)
      await pause(20)
      atOnce--
      return instant(texts)
    }
    await app.withEmbedder(slow, async () => {
      for (const document of documents) await store(user, document)
      expect(await user.trail()).toEqual({
        events: documents.map(() => STORED),
        runs: documents.map(() => 'auto_embed succeeded'),
      })
    })
    expect(order).toEqual(documents)
    expect(most).toBe(1)
  }))

test('a run that waits for a slot says so', () =>
  withSettings({ ZERODB_WORKER_SLOTS: '1' }, async (app, user) => {
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      const documents = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
      for (const document of documents) await store(user, document)
      await eventually(() => expect(gate.started).toEqual(['a']))
      const waiting = async () =>
        (await runsNow(user)).filter(({ status }) => status === 'queued').map(({ waiting_for }) => waiting_for)
      // The process owns some runs in advance.
      await eventually(async () => expect((await waiting()).length).toBeGreaterThan(0))
      expect(new Set((await waiting()).map((reason) => JSON.stringify(reason)))).toEqual(new Set(['{"reason":"slot"}']))
      for (const document of documents) {
        await eventually(() => expect(gate.started).toContain(document))
        gate.open(document)
      }
      expect((await user.trail()).runs).toEqual(Array(8).fill('auto_embed succeeded'))
    })
  }))

test('one slow handler occupies its slot and no other', () =>
  withSettings({ ZERODB_WORKER_SLOTS: '2' }, async (app, user) => {
    const gate = gated()
    const embed: Embedder['embed'] = (texts, signal) =>
      texts.includes('slow') ? gate.embed(texts, signal) : instant(texts)
    await app.withEmbedder(embed, async () => {
      for (const document of ['slow', 'a', 'b', 'c', 'd', 'e']) await store(user, document)
      const statuses = async () => (await runsNow(user)).map(({ status }) => status).sort()
      await eventually(async () => expect(await statuses()).toEqual(['running', ...Array(5).fill('succeeded')]))
      gate.open('slow')
      expect((await user.runs()).map(({ status }) => status)).toEqual(Array(6).fill('succeeded'))
    })
  }))

test('with ZERODB_MODEL_FALLBACK off an unknown model is an error, and no other model is used', () =>
  withSettings({ ZERODB_MODEL_FALLBACK: 'off' }, async (app) => {
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed', { hook_config: { model: 'bge-m3' } })
    await store(user, 'a')
    expect(await user.runs()).toMatchObject([
      {
        status: 'dead',
        attempts: 1,
        result: null,
        error: { message: expect.stringContaining('"bge-m3" is not configured') },
      },
    ])
    expect((await user.get(`${user.database}/vectors/a`)).body.vector_embedding).toBeNull()

    const named = await app.newUser()
    await named.hook(STORED, 'auto_embed', { hook_config: { model: 'use-lite' } })
    await store(named, 'a')
    expect(await named.runs()).toMatchObject([
      { status: 'succeeded', result: { requested: 'use-lite', used: 'use-lite' } },
    ])
  }))

test('a stop returns unfinished runs, and their attempt does not count', () =>
  withSettings({}, async (app, user) => {
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      await store(user, 'a')
      await eventually(() => expect(gate.started).toEqual(['a']))
      await app.system.engine.stop(0)
    })
    expect(await runsNow(user)).toMatchObject([{ status: 'queued', attempts: 0, error: null }])
  }))

test('a result that the database cannot store makes its run dead, and does not block other runs', () =>
  withSettings({}, async (app, user) => {
    const embed: Embedder['embed'] = async (texts) => {
      if (texts.includes('bad')) throw new Error('an error with a \u0000 in it')
      return instant(texts)
    }
    await app.withEmbedder(embed, async () => {
      for (const document of ['good', 'bad', 'better']) await store(user, document)
      expect(await user.runs()).toMatchObject([
        { status: 'succeeded' },
        { status: 'dead', error: { code: 'unrecordable' } },
        { status: 'succeeded' },
      ])
    })
  }))

test('a run that was assigned to this process in a lost response is queued again', () =>
  withSettings({}, async (app, user) => {
    await store(user, 'a')
    const [done] = await user.runs()
    const { database, app: system } = app.system
    await database.query(sql`
      update zerodb_runs set
        status = 'running', started_at = now() - interval '1 minute', finished_at = null,
        owner = (select max(epoch) from zerodb_instances)
      where id = ${done!.id}::uuid`)
    const [{ epoch } = { epoch: 0 }] = await database.query<{ epoch: number }>(
      sql`select max(epoch) as epoch from zerodb_instances`,
    )
    expect(await system.store.runs.reclaim(epoch, [done!.id])).toBe(0)
    expect(await system.store.runs.reclaim(epoch, [])).toBe(1)
    expect(await user.runs()).toMatchObject([{ id: done!.id, status: 'succeeded', attempts: 2 }])
  }))
