import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { sql } from '../../../src/db/sql.ts'
import { HANDLERS, handlerOf } from '../../../src/handlers/index.ts'
import { createSurfaces, openSystem, type System } from '../../../src/main.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SERVER } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { gated, instant } from '../../support/gate.ts'
import { deployTool } from '../../support/mcp-app.ts'
import { connect } from '../../support/mcp-clients.ts'
import { SANDBOX } from '../../support/sandbox.ts'

const STORED = 'zerodb.vector.stored'

// The embedded database supports one process only.
describe.skipIf(!SERVER)('several instances on one server', () => {
  const opened: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close()
  })

  /** The first instance, which also serves the requests. */
  async function first(settings: Record<string, string> = {}): Promise<TestApp> {
    const app = await openTestApp(settings)
    opened.push(app)
    return app
  }

  /** Opens another instance on the database of `app`. */
  async function joined(app: TestApp, settings: Record<string, string> = {}): Promise<System> {
    const dataDir = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
    const config = readConfig({
      ZERODB_DATA_DIR: dataDir,
      DATABASE_URL: app.system.app.config.databaseUrl,
      ...SANDBOX,
      ...settings,
    })
    const system = await openSystem(config, { log: pino({ level: 'silent' }) })
    let closed = false
    opened.push({
      async close() {
        if (!closed) await system.close(0)
        await rm(dataDir, { recursive: true, force: true })
      },
    })
    return {
      ...system,
      async close(graceSeconds) {
        closed = true
        await system.close(graceSeconds)
      },
    }
  }

  async function store(user: TestUser, text: string): Promise<void> {
    const reply = await user.post(`${user.database}/vectors/upsert`, { vector_id: text, document: text })
    expect(reply.status).toBe(200)
  }

  const statusOf = async (user: TestUser) =>
    (await user.get('/api/v1/runs?limit=1000')).body.items.map(({ status }: { status: string }) => status)

  test.each(['current, 2026-07-28', 'previous'] as const)(
    'a function that one instance deploys is immediately a tool of the other, and clients are notified: %s',
    async (kind) => {
      const app = await first()
      const system = await joined(app)
      const server = await createSurfaces(system.app)
      opened.push({ close: async () => void (await server.close()) })
      const url = `${await server.listen({ host: '127.0.0.1', port: 0 })}/mcp`
      const user = await app.newUser()
      const client = await connect(kind, url, { authorization: `Bearer ${user.key}` })
      for (const [changes, answer] of [
        [1, 'hello'],
        [2, 'good day'],
      ] as const) {
        await deployTool(user, 'greet', `return "${answer}"`)
        await eventually(() => expect(client.changes()).toBe(changes))
        expect((await client.call('greet')).content).toEqual([{ type: 'text', text: answer }])
      }
      await client.close()
    },
  )

  test('an instance without slots leaves its runs to others, and reports when there are none', async () => {
    const app = await first({ ZERODB_WORKER_SLOTS: '0' })
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed')
    await store(user, 'a')
    await eventually(async () =>
      expect((await user.get('/api/v1/runs')).body.items).toMatchObject([
        { status: 'queued', waiting_for: { reason: 'no_capable_instance' } },
      ]),
    )
    const worker = await joined(app)
    worker.app.embedder.embed = instant
    await eventually(async () => expect(await statusOf(user)).toEqual(['succeeded']))
    // From now on only messages wake it: the sweeps are switched off.
    worker.app.store.dispatch.oldest = async () => ({ owned: [], queued: 0, constrained: false, events: 0 })
    await store(user, 'b')
    await eventually(async () => expect(await statusOf(user)).toEqual(['succeeded', 'succeeded']))
  })

  test('a run that is cancelled at one instance is stopped at the instance that executes it', async () => {
    const app = await first({ ZERODB_WORKER_SLOTS: '0' })
    const worker = await joined(app)
    const gate = gated()
    worker.app.embedder.embed = gate.embed
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed')
    await store(user, 'a')
    await eventually(() => expect(gate.started).toEqual(['a']))
    const [{ id }] = (await user.get('/api/v1/runs')).body.items
    expect(await user.post(`/api/v1/runs/${id}/cancel`)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    await eventually(() => expect(gate.aborted).toEqual(['a']))
    expect(await statusOf(user)).toEqual(['cancelled'])
  })

  test('the log of a run can be streamed to its end from another instance', async () => {
    const app = await first({ ZERODB_WORKER_SLOTS: '0' })
    await joined(app)
    const handler = HANDLERS['auto_embed']!
    const usual = handler.run
    let end = () => {}
    handler.run = async (_, run) => {
      run.log('a line')
      await new Promise<void>((resolve) => {
        end = resolve
      })
    }
    try {
      const user = await app.newUser()
      await user.hook(STORED, 'auto_embed')
      await store(user, 'a')
      await eventually(async () => expect(await statusOf(user)).toEqual(['running']))
      const [{ id }] = (await user.get('/api/v1/runs')).body.items
      const received = user.get(`/api/v1/runs/${id}/logs`)
      await eventually(async () =>
        expect((await user.get(`/api/v1/runs/${id}`)).body.logs).toMatchObject([{ message: 'a line' }]),
      )
      end()
      const { status, body } = await received
      expect(status).toBe(200)
      const messages = [...String(body).matchAll(/^event: (\w+)\ndata: .*?"(?:message|status)":"([^"]+)"/gm)]
      expect(String(body).match(/^event: \w+$/gm)).toEqual([
        'event: status',
        'event: log',
        'event: status',
        'event: end',
      ])
      expect(messages.at(-1)?.slice(1)).toEqual(['end', 'succeeded'])
      expect(String(body)).toContain('"message":"a line"')
    } finally {
      handler.run = usual
    }
  })

  test('runs of a silent instance are taken over within the lease, and its late results are refused', async () => {
    const app = await first({ ZERODB_WORKER_SLOTS: '0' })
    const silent = await joined(app)
    const gate = gated()
    silent.app.embedder.embed = gate.embed
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed')
    await store(user, 'a')
    await eventually(() => expect(gate.started).toEqual(['a']))
    const other = await joined(app)
    other.app.embedder.embed = instant
    const { beat } = silent.app.store.instances
    let speak = () => {}
    const silence = new Promise<void>((resolve) => {
      speak = resolve
    })
    silent.app.store.instances.beat = async (epoch) => {
      await silence
      return beat(epoch)
    }
    await eventually(async () => expect(await statusOf(user)).toEqual(['succeeded']))
    const { body } = await user.get('/api/v1/runs')
    expect(body.items).toMatchObject([{ attempts: 2, error: null }])
    gate.fail('a')
    speak()
    await silent.close()
    expect((await user.get('/api/v1/runs')).body).toEqual(body)
  }, 30_000)

  test('a silent instance starts none of the runs that it owned, even if it gets a slot', async () => {
    const app = await first({ ZERODB_WORKER_SLOTS: '0' })
    const silent = await joined(app, { ZERODB_WORKER_SLOTS: '1' })
    const gate = gated()
    silent.app.embedder.embed = gate.embed
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed')
    await store(user, 'a')
    await eventually(() => expect(gate.started).toEqual(['a']))
    await store(user, 'b')
    await eventually(async () => expect(await statusOf(user)).toEqual(['running', 'running']))
    const { beat } = silent.app.store.instances
    const speaking = new Promise<void>((speak) => opened.push({ close: async () => speak() }))
    silent.app.store.instances.beat = async (epoch) => {
      await speaking
      return beat(epoch)
    }
    const other = await joined(app)
    other.app.embedder.embed = instant
    await eventually(async () => expect(await statusOf(user)).toEqual(['succeeded', 'succeeded']))
    const begun = vi.spyOn(handlerOf('auto_embed')!, 'run')
    gate.open('a')
    await setTimeout(100)
    expect(begun).not.toHaveBeenCalled()
    begun.mockRestore()
  }, 30_000)

  test('a database that stood still does not make instances dead: all get time to send a heartbeat', async () => {
    const app = await first()
    const early = app.system.app.store.instances
    const late = (await joined(app)).app.store.instances
    const epochs = (await early.list()).map(({ epoch }) => epoch)
    const held = [early, late].map((instances) => {
      const { beat } = instances
      let go = () => {}
      const going = new Promise<void>((resolve) => {
        go = resolve
      })
      opened.push({ close: async () => go() })
      instances.beat = async (epoch) => {
        await going
        return beat(epoch)
      }
      return go
    })
    await eventually(async () => {
      const [row] = await app.system.database.query<{ count: number }>(sql`
        select count(*) as count from zerodb_instances where beat_at < clock_timestamp() - interval '6 seconds'`)
      expect(row!.count).toBe(2)
    })
    const living = async () => (await early.list()).map(({ epoch }) => epoch)
    // Sent before the database stood still.
    await early.expire(epochs[0]!, 5)
    expect(await living()).toEqual(epochs)

    const recovered = vi.spyOn(app.system.app.store.runs, 'recover')
    held[0]!()
    await eventually(() => expect(recovered).toHaveBeenCalled())
    expect(await living()).toEqual(epochs)
    held[1]!()
    await eventually(async () => {
      const [row] = await app.system.database.query<{ count: number }>(sql`
        select count(*) as count from zerodb_instances where beat_at > clock_timestamp() - interval '5 seconds'`)
      expect(row!.count).toBe(2)
    })
    expect(await living()).toEqual(epochs)
  }, 30_000)

  test('an instance that stops returns its runs immediately, and the attempt does not count', async () => {
    const app = await first({ ZERODB_WORKER_SLOTS: '0' })
    const leaving = await joined(app)
    const gate = gated()
    leaving.app.embedder.embed = gate.embed
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed')
    await store(user, 'a')
    await eventually(() => expect(gate.started).toEqual(['a']))
    const staying = await joined(app)
    staying.app.embedder.embed = instant
    await leaving.close(0)
    await eventually(async () => expect(await statusOf(user)).toEqual(['succeeded']))
    expect((await user.get('/api/v1/runs')).body.items).toMatchObject([{ attempts: 1 }])
  })

  test('instances share the runs of an ordered hook, and never run two of one key concurrently or out of order', async () => {
    const app = await first({ ZERODB_WORKER_SLOTS: '4' })
    const systems = [
      app.system,
      await joined(app, { ZERODB_WORKER_SLOTS: '4' }),
      await joined(app, { ZERODB_WORKER_SLOTS: '4' }),
    ]
    const running = new Set<string>()
    const last = new Map<string, number>()
    const wrong: string[] = []
    const perInstance = systems.map(() => 0)
    for (const [i, system] of systems.entries()) {
      system.app.embedder.embed = async (texts) => {
        if (texts[0] === 'warm') return instant(texts)
        const [key = '', n] = texts[0]!.split(' ')
        if (running.has(key)) wrong.push(`two of ${key} at once`)
        if (Number(n) < (last.get(key) ?? -1)) wrong.push(`${texts[0]} after ${last.get(key)}`)
        running.add(key)
        last.set(key, Number(n))
        perInstance[i]!++
        // Long enough that the slots of one instance are not sufficient.
        await setTimeout(5)
        running.delete(key)
        return instant(texts)
      }
    }
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed', { ordering_key: 'data.namespace' })
    // More keys than an instance has slots for, including those that it owns in advance.
    for (let n = 0; n < 10; n++) {
      await Promise.all(
        Array.from({ length: 40 }, (_, key) =>
          user.post(`${user.database}/vectors/upsert`, { document: `k${key} ${n}`, namespace: `k${key}` }),
        ),
      )
    }
    await eventually(async () => {
      const [row] = await app.system.database.query<{ count: number }>(sql`
        select count(*) from zerodb_runs where user_id = ${user.user_id}::uuid and status = 'succeeded' and attempts = 1`)
      expect(row!.count).toBe(400)
    }, 30_000)
    expect(wrong).toEqual([])
    expect(perInstance.filter((count) => count > 0).length).toBeGreaterThan(1)
  }, 60_000)
})
