import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Run } from '../../../src/schema/run.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { type Gate, gated } from '../../support/gate.ts'

const STORED = 'zerodb.vector.stored'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

async function store(user: TestUser, text: string, customer?: unknown): Promise<void> {
  const reply = await user.post(`${user.database}/vectors/upsert`, {
    vector_id: text,
    document: text,
    vector_metadata: customer === undefined ? {} : { customer },
  })
  expect(reply.status).toBe(200)
}

/** Returns the user's runs as they are, by their text. */
async function runsByText(user: TestUser): Promise<Record<string, Run>> {
  const runs: Run[] = (await user.get('/api/v1/runs?limit=1000')).body.items
  const events = await user.events()
  return Object.fromEntries(
    runs.map((run) => [events.find(({ id }) => id === run.event_id)!.data['vector_id' as never], run]),
  )
}

async function withGate(body: (gate: Gate) => Promise<void>): Promise<void> {
  const gate = gated()
  await app.withEmbedder(gate.embed, () => body(gate))
}

const started = (gate: Gate, texts: string[]) => eventually(() => expect([...gate.started].sort()).toEqual(texts))

describe('a hook with an ordering key', () => {
  async function ordered(policy?: 'block' | 'skip'): Promise<TestUser> {
    const user = await app.newUser()
    const path = 'row.metadata.customer'
    const hook = await user.hook(STORED, 'auto_embed', { ordering_key: policy ? { path, policy } : path })
    expect(hook['ordering_key']).toEqual({ path, policy: policy ?? 'block' })
    return user
  }

  test('runs one event of a key at a time, in the order of the writes, and other keys concurrently', () =>
    withGate(async (gate) => {
      const user = await ordered()
      for (const text of ['a1', 'a2', 'a3', 'b1', 'b2']) await store(user, text, text[0])
      await started(gate, ['a1', 'b1'])
      const waiting = await runsByText(user)
      expect(waiting['a2']).toMatchObject({
        status: 'queued',
        ordering_key: 'a',
        waiting_for: { reason: 'key_head', run_id: waiting['a1']!.id },
      })
      expect(waiting['a3']).toMatchObject({ waiting_for: { reason: 'key_head', run_id: waiting['a1']!.id } })
      gate.open('a1')
      await started(gate, ['a1', 'a2', 'b1'])
      gate.open('b1')
      await started(gate, ['a1', 'a2', 'b1', 'b2'])
      gate.open('a2')
      await started(gate, ['a1', 'a2', 'a3', 'b1', 'b2'])
      for (const text of ['a3', 'b2']) gate.open(text)
      expect((await user.runs()).map(({ status }) => status)).toEqual(Array(5).fill('succeeded'))
    }))

  test('block: a failed run blocks later runs of its key until it has succeeded', () =>
    withGate(async (gate) => {
      const user = await ordered('block')
      for (const text of ['a1', 'a2', 'b1']) await store(user, text, text[0])
      await started(gate, ['a1', 'b1'])
      gate.open('b1')
      gate.fail('a1')
      await eventually(async () =>
        expect((await runsByText(user))['a1']).toMatchObject({
          status: 'queued',
          waiting_for: { reason: 'backoff', until: expect.any(String) },
        }),
      )
      app.system.engine.queued()
      expect((await runsByText(user))['a2']).toMatchObject({ status: 'queued', waiting_for: { reason: 'key_head' } })
      app.clock.advance(10)
      app.system.engine.queued()
      await started(gate, ['a1', 'a1', 'a2', 'b1'].toSpliced(2, 1))
      gate.open('a1')
      await started(gate, ['a1', 'a1', 'a2', 'b1'])
      gate.open('a2')
      await user.runs()
      expect(gate.started.filter((text) => text.startsWith('a'))).toEqual(['a1', 'a1', 'a2'])
      expect(await user.trail()).toEqual({ events: Array(3).fill(STORED), runs: Array(3).fill('auto_embed succeeded') })
    }))

  test('block: a dead run lets the next one run', () =>
    withGate(async (gate) => {
      const user = await app.newUser()
      await user.hook(STORED, 'auto_embed', { ordering_key: 'row.metadata.customer', retry: { max_attempts: 1 } })
      for (const text of ['a1', 'a2']) await store(user, text, 'a')
      await started(gate, ['a1'])
      gate.fail('a1')
      await started(gate, ['a1', 'a2'])
      gate.open('a2')
      await user.runs()
      const runs = await runsByText(user)
      expect([runs['a1']!.status, runs['a2']!.status]).toEqual(['dead', 'succeeded'])
    }))

  test('skip: a run that fails is dead immediately and lets the next one run', () =>
    withGate(async (gate) => {
      const user = await ordered('skip')
      for (const text of ['a1', 'a2']) await store(user, text, 'a')
      await started(gate, ['a1'])
      gate.fail('a1')
      await started(gate, ['a1', 'a2'])
      gate.open('a2')
      await user.runs()
      const runs = await runsByText(user)
      expect(runs['a1']).toMatchObject({ status: 'dead', attempts: 1, error: { message: 'model down' } })
      expect(runs['a2']).toMatchObject({ status: 'succeeded', attempts: 1 })
      // A manual retry comes before all runs that are queued by then.
      expect(await user.post(`/api/v1/runs/${runs['a1']!.id}/retry`)).toMatchObject({ status: 200 })
      await started(gate, ['a1', 'a1', 'a2'])
      gate.open('a1')
      await user.runs()
      expect((await runsByText(user))['a1']).toMatchObject({ status: 'succeeded', attempts: 2 })
    }))

  test('does not order events without a value at the path', () =>
    withGate(async (gate) => {
      const user = await ordered()
      await store(user, 'x')
      await store(user, 'y', '')
      await store(user, 'z', null)
      await started(gate, ['x', 'y', 'z'])
      for (const text of ['x', 'y', 'z']) gate.open(text)
      expect((await user.runs()).map(({ ordering_key }) => ordering_key)).toEqual([null, null, null])
    }))

  test('a cancelled run lets the next one of its key run', () =>
    withGate(async (gate) => {
      const user = await ordered()
      for (const text of ['a1', 'a2']) await store(user, text, 'a')
      await started(gate, ['a1'])
      const { a1 } = await runsByText(user)
      expect(await user.post(`/api/v1/runs/${a1!.id}/cancel`)).toMatchObject({
        status: 200,
        body: { status: 'cancelled', waiting_for: null },
      })
      await started(gate, ['a1', 'a2'])
      expect(gate.aborted).toEqual(['a1'])
      gate.open('a2')
      expect((await user.trail()).runs).toEqual(['auto_embed cancelled', 'auto_embed succeeded'])
    }))

  test('keeps its order over a thousand writes of twenty keys', async () => {
    const user = await app.newUser()
    await user.hook(STORED, 'auto_embed', { ordering_key: 'row.metadata.customer' })
    const seen = new Map<string, number>()
    const wrong: string[] = []
    await app.withEmbedder(
      async (texts) => {
        for (const text of texts) {
          const [key = '', n] = text.split(' ')
          if (Number(n) <= (seen.get(key) ?? -1)) wrong.push(`${text} after ${seen.get(key)}`)
          seen.set(key, Number(n))
        }
        return texts.map(() => new Float32Array([1]))
      },
      async () => {
        for (let n = 0; n < 50; n++)
          await Promise.all(Array.from({ length: 20 }, (_, key) => store(user, `k${key} ${n}`, `k${key}`)))
        expect((await user.runs()).map(({ status }) => status)).toEqual(Array(1000).fill('succeeded'))
      },
    )
    expect(wrong).toEqual([])
    expect([...seen.values()]).toEqual(Array(20).fill(49))
  })
})

describe('a limit', () => {
  test('of a hook bounds its concurrent runs, and the others say why they wait', () =>
    withGate(async (gate) => {
      const user = await app.newUser()
      await user.hook(STORED, 'auto_embed', { concurrency: 2 })
      for (const text of ['1', '2', '3', '4', '5']) await store(user, text)
      await started(gate, ['1', '2'])
      await eventually(async () =>
        expect(
          Object.values(await runsByText(user))
            .map(({ waiting_for }) => waiting_for?.reason ?? 'none')
            .sort(),
        ).toEqual(['limit', 'limit', 'limit', 'none', 'none']),
      )
      gate.open('1')
      await started(gate, ['1', '2', '3'])
      gate.open('2')
      gate.open('3')
      await started(gate, ['1', '2', '3', '4', '5'])
      gate.open('4')
      gate.open('5')
      expect((await user.trail()).runs).toEqual(Array(5).fill('auto_embed succeeded'))
    }))

  test('of a hook does not delay other hooks', () =>
    withGate(async (gate) => {
      const [limited, free] = [await app.newUser(), await app.newUser()]
      await limited.hook(STORED, 'auto_embed', { concurrency: 1 })
      await free.hook(STORED, 'auto_embed')
      for (let n = 1; n <= 40; n++) await store(limited, `limited ${n}`)
      await store(free, 'free')
      await started(gate, ['free', 'limited 1'])
      gate.open('free')
      for (let n = 1; n <= 40; n++) {
        await eventually(() => expect(gate.started).toContain(`limited ${n}`))
        gate.open(`limited ${n}`)
      }
      expect((await limited.runs()).length).toBe(40)
    }))
})
