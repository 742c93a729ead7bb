import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { EVENT_NAMES, EVENT_TYPES, type EventName } from '../../../src/schema/events.ts'
import type { Replay } from '../../../src/schema/replay.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { freshDatabaseUrl } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { gated, instant } from '../../support/gate.ts'
import { startServer } from '../../support/listening.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'
import { writeAll } from '../../support/writes.ts'

const STORED = 'zerodb.vector.stored'
const MEMORY_STORED = 'zerodb.memory.stored'
const REMEMBERED = 'zeromemory.remembered'
const PUBLISHED = 'zerodb.event.published'
const REPLAYS = '/api/v1/replays'
const FASTEST = 10_000
const NO_RUNS = { queued: 0, running: 0, succeeded: 0, dead: 0, cancelled: 0, skipped: 0 }

let app: TestApp
let receiver: Receiver
beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app.close()
  await receiver.close()
})
beforeEach(() => {
  receiver.messages.length = 0
})

async function store(user: TestUser, text: string, project = user.project_id): Promise<void> {
  const reply = await user.post(`/api/v1/projects/${project}/database/vectors/upsert`, {
    vector_id: text,
    document: text,
  })
  expect(reply.status).toBe(200)
}

async function storeAll(user: TestUser, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, n) => `text ${String(n).padStart(3, '0')}`)
  for (const text of texts) await store(user, text)
  return texts
}

/** Creates a replay or backfill; fails the test unless it was created. */
async function begin(user: TestUser, url: string, body: object): Promise<Replay> {
  const reply = await user.post(url, { rate_per_second: FASTEST, ...body })
  expect(reply.status, JSON.stringify(reply.body)).toBe(201)
  return reply.body
}
const replay = (user: TestUser, body: object = {}) => begin(user, REPLAYS, body)
const backfill = (user: TestUser, hook: { id: string }, body: object = {}) =>
  begin(user, `/api/v1/hooks/${hook.id}/backfill`, body)

const look = async (user: TestUser, { id }: { id: string }): Promise<Replay> =>
  (await user.get(`${REPLAYS}/${id}`)).body

/** Advances the clock until the replay and its runs have ended. */
async function finished(user: TestUser, job: Replay): Promise<Replay> {
  for (;;) {
    app.clock.advance(1)
    await app.drained()
    const now = await look(user, job)
    if (now.status !== 'running' && now.runs.queued + now.runs.running === 0) return now
  }
}

/** Pauses all replays while `body` runs, except for the seconds that it gives one of them. */
async function withPausedReplays(body: (go: (job: Replay, seconds?: number) => Promise<void>) => Promise<void>) {
  const { replays } = app.system.app.store
  const { ready } = replays
  replays.ready = async () => []
  try {
    await body(async (job, seconds = 1) => {
      app.clock.advance(seconds)
      await app.system.app.store.transaction(({ replaySteps }) => replaySteps.step(job.id))
      app.system.engine.queued()
    })
  } finally {
    replays.ready = ready
  }
}

/** Returns the runs of a replay as `data[field]` of their events, in the order of the events. */
async function processed(user: TestUser, job: Replay, field: string): Promise<unknown[]> {
  const rows = await app.system.database.query<{ value: unknown }>(sql`
    select coalesce(e.data, r.input -> 'data') ->> ${field} as value
    from zerodb_runs r
    left join zerodb_events e on e.seq = r.event_seq
    where r.replay_id = ${job.id}::uuid and r.user_id = ${user.user_id}::uuid
    order by r.event_seq`)
  return rows.map(({ value }) => value)
}

describe('a replay', () => {
  test('processes events again with the hooks that match now, and emits none', async () => {
    const user = await app.newUser()
    await store(user, 'before the hook')
    const first = await user.hook(STORED, 'auto_embed')
    await store(user, 'after the hook')
    await user.hook(STORED, 'auto_summarize')
    const off = await user.hook(STORED, 'auto_graph')
    await user.patch(`/api/v1/hooks/${off.id}`, { is_active: false })
    const before = await user.runs()
    const job = await replay(user)
    expect(job).toEqual({
      id: expect.any(String),
      kind: 'replay',
      status: 'running',
      total: 2,
      seen: 0,
      created: 0,
      rate_per_second: FASTEST,
      criteria: {},
      runs: NO_RUNS,
      created_at: expect.any(String),
      finished_at: null,
    })
    expect(await finished(user, job)).toEqual({
      ...job,
      status: 'done',
      seen: 2,
      created: 4,
      runs: { ...NO_RUNS, succeeded: 4 },
      finished_at: expect.any(String),
    })
    const events = await user.events()
    expect(events.map(({ event }) => event)).toEqual([STORED, STORED])
    const runs = await user.runs()
    expect(runs.filter(({ replay_id }) => replay_id === null)).toEqual(before)
    const made = runs.filter(({ replay_id }) => replay_id === job.id)
    expect(made.map(({ event_id, handler }) => `${event_id} ${handler}`).sort()).toEqual(
      events.flatMap(({ id }) => [`${id} auto_embed`, `${id} auto_summarize`]).sort(),
    )
    // The live run has stored the embedding: only the vector from before the hook had none.
    const embedded = made.filter(({ hook_id }) => hook_id === first.id).map(({ result }) => result)
    expect(embedded).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ embedded: 1 }), expect.objectContaining({ embedded: 0 })]),
    )
  })

  describe('includes only', () => {
    let user: TestUser
    let second: string
    let hook: { id: string }
    beforeAll(async () => {
      user = await app.newUser()
      second = await user.project()
      for (const type of [STORED, PUBLISHED]) await user.hook(type, 'auto_embed')
      hook = await user.hook(STORED, 'auto_embed', { project_id: second })
      await store(user, 'a')
      await store(user, 'b', second)
      await store(user, 'c')
      await user.post(`${user.database}/events/publish`, { topic: 'a topic' })
      await app.drained()
    })

    async function included(criteria: object): Promise<unknown[]> {
      const dry = await user.post(REPLAYS, { ...criteria, dry_run: true })
      expect(dry.status).toBe(200)
      const job = await finished(user, await replay(user, criteria))
      expect(dry.body).toEqual({ dry_run: true, total: job.total })
      expect(job).toMatchObject({ status: 'done', seen: job.total })
      return processed(user, job, 'vector_id')
    }

    test('one type', async () => expect(await included({ event_type: PUBLISHED })).toEqual([null]))
    test('one project', async () => expect(await included({ project_id: second })).toEqual(['b', 'b']))
    test('events of one hook, for this hook alone', async () =>
      expect(await included({ hook_id: hook.id })).toEqual(['b']))

    test('selected events, each once', async () => {
      const [a, , c] = await user.events()
      expect(await included({ event_ids: [c!.id, a!.id, c!.id] })).toEqual(['a', 'c'])
      expect(await included({ event_ids: [c!.id, a!.id], project_id: second })).toEqual([])
    })

    test('a period, including its start and excluding its end', async () => {
      const [a, b, c] = (await user.events()).map(({ timestamp }) => timestamp)
      expect(await included({ event_type: STORED, since: b })).toEqual(['b', 'b', 'c'])
      expect(await included({ event_type: STORED, until: b })).toEqual(['a'])
      expect(await included({ event_type: STORED, since: a, until: c })).toEqual(['a', 'b', 'b'])
      const shifted = b!.replace('Z', '+00:00')
      expect(await included({ event_type: STORED, since: shifted, until: c })).toEqual(['b', 'b'])
    })

    test('existing events: an empty replay is done immediately', async () => {
      const job = await replay(user, { event_type: REMEMBERED })
      expect(job).toMatchObject({ status: 'done', total: 0, runs: NO_RUNS, finished_at: expect.any(String) })
    })
  })

  test('includes exactly the events that match any combination of criteria', async () => {
    const user = await app.newUser()
    const projects = [user.project_id, await user.project()]
    const types = [STORED, MEMORY_STORED, PUBLISHED]
    for (const type of types) await user.hook(type, 'webhook:all', { hook_config: { url: receiver.url } })
    for (let n = 0; n < 18; n++) {
      const database = `/api/v1/projects/${projects[n % 2]}/database`
      if (n % 3 === 0) await user.post(`${database}/vectors/upsert`, { document: `${n}` })
      if (n % 3 === 1) await user.post(`${database}/memory/store`, { content: `${n}` })
      if (n % 3 === 2) await user.post(`${database}/events/publish`, { topic: `${n}` })
    }
    await app.drained()
    const events = await user.events()
    const any = <Value>(values: readonly Value[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
    const times = events.map(({ timestamp }) => timestamp)
    const criteria = fc.record({
      event_type: any(types),
      project_id: any(projects),
      since: any(times),
      until: any(times),
      event_ids: fc.option(
        fc.subarray(
          events.map(({ id }) => id),
          { minLength: 1 },
        ),
        { nil: undefined },
      ),
    })
    await fc.assert(
      fc.asyncProperty(criteria, async (given) => {
        const wanted = events.filter(
          ({ id, event, data, timestamp }) =>
            (given.event_type ?? event) === event &&
            (given.project_id ?? data['project_id' as never]) === data['project_id' as never] &&
            (given.since ?? timestamp) <= timestamp &&
            (given.until === undefined || timestamp < given.until) &&
            (given.event_ids ?? [id]).includes(id),
        )
        receiver.messages.length = 0
        const job = await finished(user, await replay(user, given))
        expect(job).toMatchObject({ total: wanted.length, seen: wanted.length, created: wanted.length })
        expect(receiver.messages.map(({ body }) => body.id).sort()).toEqual(wanted.map(({ id }) => id).sort())
        expect(receiver.messages.every(({ body }) => body.synthetic)).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  test('respects filters and orders', async () => {
    const user = await app.newUser()
    await user.hook(STORED, 'webhook:some', {
      hook_config: { url: receiver.url },
      filter: { 'row.metadata.customer': { $in: ['a', 'b'] } },
      ordering_key: 'row.metadata.customer',
    })
    for (const vector_id of ['a1', 'x1', 'b1', 'a2', 'x2', 'b2', 'a3'])
      await user.post(`${user.database}/vectors/upsert`, {
        vector_id,
        document: vector_id,
        vector_metadata: { customer: vector_id[0] },
      })
    await app.drained()
    receiver.messages.length = 0
    const job = await finished(user, await replay(user))
    expect(job).toMatchObject({ total: 7, seen: 7, created: 5, runs: { ...NO_RUNS, succeeded: 5 } })
    const names = receiver.messages.map(({ body }) => body.data.vector_id)
    expect(names.filter((name) => name[0] === 'a')).toEqual(['a1', 'a2', 'a3'])
    expect(names.filter((name) => name[0] === 'b')).toEqual(['b1', 'b2'])
    expect(names).toHaveLength(5)
  })

  test('with built-in handlers leaves every row unchanged', async () => {
    const user = await app.newUser()
    for (const type of [STORED, MEMORY_STORED, REMEMBERED]) await user.hook(type, 'auto_embed')
    for (const type of [MEMORY_STORED, REMEMBERED]) await user.hook(type, 'auto_graph')
    for (const type of [STORED, 'zerodb.file.uploaded']) await user.hook(type, 'auto_summarize')
    await store(user, 'Alice leads the Apollo project at Initech in Oslo. It has been going well for a year.')
    await user.post(`${user.database}/memory/store`, { content: 'Bob met Carla in Berlin' })
    const remember = (content: string) =>
      user.post('/api/v1/public/memory/v2/remember', { content, entity_id: 'alice' })
    await remember('Alice works at Initech')
    await remember('Alice works at Globex')
    const file_content = Buffer.from('The parcel was late. It came from Lisbon. No one minded.').toString('base64')
    await user.post(`${user.database}/files/upload`, { file_name: 'a.txt', content_type: 'text/plain', file_content })
    expect((await user.runs()).map(({ status }) => status)).toEqual(Array(9).fill('succeeded'))
    const projects = sql`(select id from zerodb_projects where user_id = ${user.user_id}::uuid)`
    const rows = () =>
      app.system.database.query(sql`
        select
          (select jsonb_agg(to_jsonb(t) order by t.id) from zerodb_vectors t where project_id in ${projects}) as vectors,
          (select jsonb_agg(to_jsonb(t) order by t.id) from zerodb_memories t where project_id in ${projects}) as memories,
          (select jsonb_agg(to_jsonb(t) order by t.id) from zerodb_files t where project_id in ${projects}) as files,
          (select jsonb_agg(to_jsonb(t) order by t.id) from zerodb_entities t where project_id in ${projects}) as entities,
          (select jsonb_agg(to_jsonb(t) order by t.id) from zerodb_edges t where project_id in ${projects}) as edges`)
    const before = await rows()
    const job = await finished(user, await replay(user))
    expect(job).toMatchObject({ created: 9, runs: { ...NO_RUNS, succeeded: 9 } })
    expect(await rows()).toEqual(before)
  })

  test('does not exceed its rate, and reports its progress', async () => {
    const user = await app.newUser()
    await user.hook(PUBLISHED, 'auto_embed')
    for (let n = 0; n < 7; n++) await user.post(`${user.database}/events/publish`, { topic: 'a topic' })
    await app.drained()
    const job = await replay(user, { rate_per_second: 2 })
    await withPausedReplays(async (go) => {
      const states: object[] = []
      for (const seconds of [0.1, 1, 1, 100, 1]) {
        await go(job, seconds)
        await app.drained()
        const { seen, created, runs, status } = await look(user, job)
        states.push({ seen, created, skipped: runs.skipped, status })
      }
      expect(states).toEqual(
        [0, 2, 4, 6, 7].map((n) => ({ seen: n, created: n, skipped: n, status: n < 7 ? 'running' : 'done' })),
      )
    })
  })

  test('that starts during a large replay progresses concurrently', async () => {
    const user = await app.newUser()
    await user.post(`${user.database}/tables`, { table_name: 't' })
    for (let n = 0; n < 6; n++) await user.post(`${user.database}/tables/t/rows`, { rows: Array(100).fill({}) })
    await user.hook('zerodb.table.row_inserted', 'auto_embed')
    await app.drained()
    const { replays } = app.system.app.store
    const { ready } = replays
    const turns: string[][] = []
    let second: Promise<Replay> | undefined
    const first = await replay(user)
    replays.ready = async (limit) => {
      const ids = await ready(limit)
      turns.push(ids)
      if (ids.includes(first.id)) second ??= replay(user)
      await second
      return ids
    }
    try {
      expect(await finished(user, first)).toMatchObject({ status: 'done', created: 600 })
      expect(await finished(user, (await second)!)).toMatchObject({ status: 'done', created: 600 })
    } finally {
      replays.ready = ready
    }
    const { id } = (await second)!
    expect(turns.find((ids) => ids.includes(id))).toContain(first.id)
  })

  test('keeps at most one second’s runs waiting, so a live event is executed soon', async () => {
    const user = await app.newUser()
    const hook = await user.hook(STORED, 'auto_embed', { concurrency: 1 })
    await app.withEmbedder(instant, () => storeAll(user, 40))
    await app.drained()
    await app.system.database.query(
      sql`update zerodb_vectors set embedding = null where project_id = ${user.project_id}::uuid`,
    )
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      const job = await replay(user, { hook_id: hook.id, rate_per_second: 3 })
      await withPausedReplays(async (go) => {
        for (let n = 0; n < 10; n++) {
          await go(job, 3)
          if (n === 0) await eventually(() => expect(gate.started).toHaveLength(1))
        }
        expect((await look(user, job)).runs).toEqual({ ...NO_RUNS, running: 1, queued: 3 })
        await store(user, 'live')
      })
      // From here on it continues automatically.
      for (let opened = 0; !gate.started.includes('live'); opened++) {
        await eventually(() => expect(gate.started.length).toBeGreaterThan(opened))
        gate.open(gate.started[opened]!)
      }
      expect(gate.started.indexOf('live')).toBe(4)
      gate.open('live')
      expect((await user.post(`${REPLAYS}/${job.id}/cancel`)).status).toBe(200)
      await app.drained()
    })
  })

  test('when cancelled, creates no more runs and cancels queued ones; running ones end normally', async () => {
    const user = await app.newUser()
    const hook = await user.hook(STORED, 'auto_embed', { concurrency: 1 })
    await app.withEmbedder(instant, () => storeAll(user, 6))
    await app.drained()
    await app.system.database.query(
      sql`update zerodb_vectors set embedding = null where project_id = ${user.project_id}::uuid`,
    )
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      const job = await replay(user, { hook_id: hook.id, rate_per_second: 3 })
      await withPausedReplays(async (go) => {
        await go(job)
        await eventually(() => expect(gate.started).toEqual(['text 000']))
        const cancelled = await user.post(`${REPLAYS}/${job.id}/cancel`)
        expect(cancelled).toMatchObject({
          status: 200,
          body: { status: 'cancelled', total: 6, seen: 3, created: 3, runs: { ...NO_RUNS, running: 1, cancelled: 2 } },
        })
        expect(cancelled.body.finished_at).not.toBeNull()
        gate.open('text 000')
        await go(job, 10)
        await app.drained()
        expect(await look(user, job)).toMatchObject({
          seen: 3,
          runs: { ...NO_RUNS, succeeded: 1, cancelled: 2 },
        })
        expect(await user.post(`${REPLAYS}/${job.id}/cancel`)).toMatchObject({
          status: 409,
          body: { detail: 'This replay is cancelled already' },
        })
      })
    })
  })

  test.each(['disabled', 'deleted'])('whose hook is %s ends', async (what) => {
    const user = await app.newUser()
    const hook = await user.hook(PUBLISHED, 'auto_embed')
    for (let n = 0; n < 6; n++) await user.post(`${user.database}/events/publish`, { topic: 'a topic' })
    await app.drained()
    const job = await replay(user, { hook_id: hook.id, rate_per_second: 2 })
    await withPausedReplays(async (go) => {
      await go(job)
      await app.drained()
      if (what === 'deleted') await user.delete(`/api/v1/hooks/${hook.id}`)
      else await user.patch(`/api/v1/hooks/${hook.id}`, { is_active: false })
      await go(job)
      expect(await look(user, job)).toMatchObject({ status: 'cancelled', seen: 2, runs: { ...NO_RUNS, skipped: 2 } })
    })
  })

  test('skips a deleted project, and ends if it was for that project', async () => {
    const user = await app.newUser()
    const second = await user.project()
    await user.hook(STORED, 'auto_graph')
    for (const text of ['a', 'b']) {
      await store(user, text)
      await store(user, text, second)
    }
    await app.drained()
    const all = await replay(user, { rate_per_second: 1 })
    const one = await replay(user, { project_id: second, rate_per_second: 1 })
    expect([all.total, one.total]).toEqual([4, 2])
    await withPausedReplays(async (go) => {
      await go(all)
      expect((await user.delete(`/api/v1/projects/${second}`)).status).toBeLessThan(300)
      await go(one)
      expect(await look(user, one)).toMatchObject({ status: 'cancelled', seen: 0 })
      for (let n = 0; n < 3; n++) await go(all)
      await app.drained()
      expect(await look(user, all)).toMatchObject({ status: 'done', total: 2, seen: 2, runs: { skipped: 2 } })
    })
  })

  test('of a paused hook continues when the hook is resumed', async () => {
    const user = await app.newUser()
    const hook = await user.hook(PUBLISHED, 'auto_embed', { paused: true })
    for (let n = 0; n < 3; n++) await user.post(`${user.database}/events/publish`, { topic: 'a topic' })
    const job = await replay(user)
    await app.drained()
    app.clock.advance(1)
    await app.drained()
    expect(await look(user, job)).toMatchObject({ status: 'done', runs: { ...NO_RUNS, queued: 3 } })
    await user.patch(`/api/v1/hooks/${hook.id}`, { paused: false })
    expect((await finished(user, job)).runs).toEqual({ ...NO_RUNS, skipped: 3 })
  })

  test('is listed newest first, by status, and by page', async () => {
    const user = await app.newUser()
    await user.hook(PUBLISHED, 'auto_embed')
    await user.post(`${user.database}/events/publish`, { topic: 'a topic' })
    const done = await finished(user, await replay(user))
    const none = await replay(user, { event_type: STORED })
    const going = await replay(user, { rate_per_second: 1 })
    const list = async (query: string) => {
      const { body } = await user.get(`${REPLAYS}${query}`)
      return { ids: body.items.map(({ id }: Replay) => id), next: body.next_cursor }
    }
    expect(await list('')).toEqual({ ids: [going.id, none.id, done.id], next: null })
    expect(await list('?status=done')).toEqual({ ids: [none.id, done.id], next: null })
    const first = await list('?limit=2')
    expect(first).toEqual({ ids: [going.id, none.id], next: expect.any(String) })
    expect(await list(`?limit=2&cursor=${first.next}`)).toEqual({ ids: [done.id], next: null })
    await user.post(`${REPLAYS}/${going.id}/cancel`)
  })
})

describe('a backfill', () => {
  const webhook = (user: TestUser, type: EventName, label: string, rest: object = {}) =>
    user.hook(type, `webhook:${label}`, { hook_config: { url: receiver.url }, ...rest })

  test.each(EVENT_TYPES.filter(({ isStored }) => isStored).map(({ name }) => name))(
    'of %s has the same effect as the live events, for its hook alone, once',
    async (type) => {
      const user = await app.newUser()
      const live = await webhook(user, type, 'live')
      await writeAll(user)
      await app.drained()
      const [told] = receiver.messages.map(({ body }) => body)
      expect(told).toMatchObject({ event: type, hook_id: live.id, synthetic: false })
      const hook = await webhook(user, type, 'late')
      const events = await user.events()
      const dry = await user.post(`/api/v1/hooks/${hook.id}/backfill`, { dry_run: true })
      expect(dry).toMatchObject({ status: 200, body: { dry_run: true, total: 1 } })
      const job = await backfill(user, hook)
      expect(job).toMatchObject({
        kind: 'backfill',
        status: 'running',
        total: 1,
        criteria: { event_type: type, hook_id: hook.id },
      })
      expect(await finished(user, job)).toMatchObject({ status: 'done', seen: 1, created: 1, runs: { succeeded: 1 } })
      expect(receiver.messages).toHaveLength(2)
      const { body } = receiver.messages[1]!
      const { id, run_id } = body
      expect(body).toEqual({ ...told, id, hook_id: hook.id, run_id, chain_id: id, synthetic: true })
      expect(id).toMatch(/^bf_[0-9a-f]{32}$/)
      const fields = EVENT_TYPES.find(({ name }) => name === type)!.data.shape
      expect(Object.keys(body.data).sort()).toEqual(Object.keys(fields).sort())
      expect(await user.events()).toEqual(events)
      expect((await user.get(`/api/v1/runs/${run_id}`)).body).toMatchObject({
        event_id: id,
        event_type: type,
        hook_id: hook.id,
        replay_id: job.id,
        status: 'succeeded',
      })

      expect(await finished(user, await backfill(user, hook))).toMatchObject({ status: 'done', seen: 1, created: 0 })
      expect(receiver.messages).toHaveLength(2)
    },
  )

  test('includes rows from before its hook, in its project and period, oldest first', async () => {
    const user = await app.newUser()
    const second = await user.project()
    for (const text of ['a', 'b', 'c', 'd']) await store(user, text)
    await store(user, 'elsewhere', second)
    const times = (await user.events()).map(({ timestamp }) => timestamp)
    const own = await webhook(user, STORED, 'own', { project_id: user.project_id })
    const all = await webhook(user, STORED, 'all')
    await store(user, 'after')
    const included = async (hook: { id: string }, period: object = {}) =>
      processed(user, await finished(user, await backfill(user, hook, period)), 'vector_id')
    expect(await included(own, { since: times[1], until: times[3] })).toEqual(['b', 'c'])
    expect(await included(own)).toEqual(['a', 'd'])
    expect(await included(all)).toEqual(['a', 'b', 'c', 'd', 'elsewhere'])
    const runs = await user.runs()
    expect(runs.filter(({ replay_id }) => replay_id === null)).toHaveLength(2)
    expect(runs).toHaveLength(11)
  })

  test('respects filter and order', async () => {
    const user = await app.newUser()
    for (const vector_id of ['a1', 'x1', 'b1', 'a2', 'b2', 'a3'])
      await user.post(`${user.database}/vectors/upsert`, {
        vector_id,
        document: vector_id,
        vector_metadata: { customer: vector_id[0] },
      })
    const hook = await webhook(user, STORED, 'some', {
      filter: { 'row.metadata.customer': { $ne: 'x' } },
      ordering_key: 'row.metadata.customer',
    })
    expect(await finished(user, await backfill(user, hook))).toMatchObject({ total: 6, seen: 6, created: 5 })
    const names = receiver.messages.map(({ body }) => body.data.vector_id)
    expect(names.filter((name) => name[0] === 'a')).toEqual(['a1', 'a2', 'a3'])
    expect(names.filter((name) => name[0] === 'b')).toEqual(['b1', 'b2'])
  })

  test('adds the results of built-in handlers, and skips rows that were deleted since', async () => {
    const user = await app.newUser()
    const texts = await storeAll(user, 5)
    const hook = await user.hook(STORED, 'auto_embed')
    const job = await backfill(user, hook)
    await user.delete(`${user.database}/vectors/${texts[1]}`)
    expect(await finished(user, job)).toMatchObject({ total: 5, seen: 5, created: 4, runs: { succeeded: 4 } })
    const { body } = await user.get(`${user.database}/vectors`)
    expect(body.vectors.map(({ dimension }: { dimension: number }) => dimension)).toEqual(Array(4).fill(512))
  })

  test('can be repeated after it was cancelled, and does the remaining rows', async () => {
    const user = await app.newUser()
    await storeAll(user, 6)
    const hook = await user.hook(STORED, 'auto_embed', { concurrency: 1 })
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      const job = await backfill(user, hook, { rate_per_second: 4 })
      await withPausedReplays(async (go) => {
        await go(job)
        await eventually(() => expect(gate.started).toEqual(['text 000']))
        await user.post(`${REPLAYS}/${job.id}/cancel`)
        gate.open('text 000')
        await app.drained()
        expect((await look(user, job)).runs).toEqual({ ...NO_RUNS, succeeded: 1, cancelled: 3 })
      })
    })
    await app.withEmbedder(instant, async () => {
      const again = await finished(user, await backfill(user, hook))
      expect(again).toMatchObject({ status: 'done', total: 6, seen: 6, created: 5, runs: { succeeded: 5 } })
    })
    expect((await user.trail()).runs).toEqual(Array(6).fill('auto_embed succeeded'))
  })

  test('and a concurrent one create one run for each row', async () => {
    const user = await app.newUser()
    const texts = await storeAll(user, 20)
    const hook = await user.hook(STORED, 'auto_graph')
    const jobs = await Promise.all([backfill(user, hook), backfill(user, hook)])
    const ended = [await finished(user, jobs[0]!), await finished(user, jobs[1]!)]
    expect(ended.map(({ seen }) => seen)).toEqual([20, 20])
    expect(ended[0]!.created + ended[1]!.created).toBe(20)
    expect((await user.trail()).runs).toEqual(texts.map(() => 'auto_graph skipped'))
  })

  test('of a forgotten memory leaves no text of it', async () => {
    const user = await app.newUser()
    const { body } = await user.post('/api/v1/public/memory/v2/remember', { content: 'Alice met Bob' })
    const hook = await user.hook(REMEMBERED, 'auto_graph')
    await finished(user, await backfill(user, hook))
    expect((await user.runs()).map(({ result }) => result)).toEqual([expect.objectContaining({ entities: 2 })])
    const forgotten = await user.post('/api/v1/public/memory/v2/forget', { memory_id: body.id })
    expect(forgotten.status).toBe(200)
    expect((await user.runs()).map(({ result }) => result)).toEqual([null])
  })
})

describe('permissions', () => {
  test('objects of another user do not exist', async () => {
    const [user, stranger] = [await app.newUser(), await app.newUser()]
    const hook = await user.hook(STORED, 'auto_embed')
    await store(user, 'a')
    const [event] = await user.events()
    const job = await replay(user, { rate_per_second: 1 })
    const refused = [
      stranger.get(`${REPLAYS}/${job.id}`),
      stranger.post(`${REPLAYS}/${job.id}/cancel`),
      stranger.post(REPLAYS, { hook_id: hook.id }),
      stranger.post(REPLAYS, { project_id: user.project_id }),
      stranger.post(REPLAYS, { event_ids: [event!.id] }),
      stranger.post(REPLAYS, { event_ids: [event!.id], dry_run: true }),
      stranger.post(`/api/v1/hooks/${hook.id}/backfill`, {}),
      stranger.get(`${REPLAYS}/${randomUUID()}`),
      user.post(REPLAYS, { event_ids: ['evt_00000000000000000'] }),
      user.post(REPLAYS, { event_ids: ['nonsense'] }),
    ]
    expect((await Promise.all(refused)).map(({ status }) => status)).toEqual(Array(10).fill(404))
    expect((await stranger.get(REPLAYS)).body.items).toEqual([])
    expect(await look(user, job)).toMatchObject({ status: 'running' })
    // Without criteria it includes everything of the user.
    expect((await stranger.post(REPLAYS, { dry_run: true })).body).toEqual({ dry_run: true, total: 0 })
    await user.post(`${REPLAYS}/${job.id}/cancel`)
  })

  test('a key that is bound to a project replays and backfills this project alone, also for a global hook', async () => {
    const user = await app.newUser()
    const second = await user.project()
    const hook = await user.hook(STORED, 'auto_embed')
    const elsewhere = await user.hook(STORED, 'auto_embed', { project_id: user.project_id })
    await store(user, 'a')
    await store(user, 'b', second)
    const late = await user.hook(STORED, 'auto_graph')
    await app.drained()
    const headers = { authorization: `Bearer ${await app.boundKey(user, second)}` }
    const bound = { ...user, get: (url: string) => user.get(url, headers) } as TestUser
    bound.post = (url, body) => user.post(url, body, headers)
    for (const job of [await replay(bound), await replay(bound, { hook_id: hook.id }), await backfill(bound, late)]) {
      expect(job).toMatchObject({ total: 1, criteria: { project_id: second } })
      await finished(bound, job)
      expect(new Set(await processed(user, job, 'vector_id'))).toEqual(new Set(['b']))
    }
    const [inFirst] = await user.events()
    const refused = [
      bound.post(REPLAYS, { project_id: user.project_id }),
      bound.post(REPLAYS, { hook_id: elsewhere.id }),
      bound.post(REPLAYS, { event_ids: [inFirst!.id] }),
      bound.post(`/api/v1/hooks/${elsewhere.id}/backfill`, {}),
    ]
    expect((await Promise.all(refused)).map(({ status }) => status)).toEqual(Array(4).fill(404))
    const outside = await replay(user, { project_id: user.project_id, rate_per_second: 1 })
    const everywhere = await replay(user, { rate_per_second: 1 })
    for (const { id } of [outside, everywhere]) {
      expect((await bound.get(`${REPLAYS}/${id}`)).status).toBe(404)
      expect((await bound.post(`${REPLAYS}/${id}/cancel`)).status).toBe(404)
      expect((await user.post(`${REPLAYS}/${id}/cancel`)).status).toBe(200)
    }
    expect((await bound.get(REPLAYS)).body.items).toHaveLength(3)
  })

  test('invalid requests are 422, and create nothing', async () => {
    const user = await app.newUser()
    const second = await user.project()
    const hook = await user.hook(STORED, 'auto_embed', { project_id: user.project_id })
    const off = await user.hook(PUBLISHED, 'auto_embed')
    await user.patch(`/api/v1/hooks/${off.id}`, { is_active: false })
    const fill = `/api/v1/hooks/${hook.id}/backfill`
    const refused: [string, object, RegExp][] = [
      [REPLAYS, { event_type: 'zerodb.vector.lost' }, new RegExp(`zerodb.vector.lost.*${EVENT_NAMES[0]}`)],
      [REPLAYS, { hook_id: hook.id, event_type: PUBLISHED }, /not for "zerodb.event.published"/],
      [REPLAYS, { hook_id: hook.id, project_id: second }, /not for/],
      [REPLAYS, { hook_id: off.id }, /is disabled/],
      [REPLAYS, { event_ids: [] }, /event_ids/],
      [REPLAYS, { event_ids: Array(1001).fill('evt_00000000000000000') }, /event_ids/],
      [REPLAYS, { hook_id: 'a hook' }, /hook_id/],
      [REPLAYS, { since: 'yesterday' }, /since/],
      [REPLAYS, { until: '2026-01-01' }, /until/],
      [REPLAYS, { rate_per_second: 0 }, /rate_per_second/],
      [REPLAYS, { rate_per_second: 10_001 }, /rate_per_second/],
      [REPLAYS, { dry_run: 'perhaps' }, /dry_run/],
      [`/api/v1/hooks/${off.id}/backfill`, {}, /is disabled/],
      [fill, { rate_per_second: 1.5 }, /rate_per_second/],
      [fill, { since: 5 }, /since/],
    ]
    for (const [url, body, says] of refused) {
      const reply = await user.post(url, body)
      expect(reply.status, JSON.stringify(body)).toBe(422)
      expect(
        [reply.body.detail]
          .flat()
          .map((each) => each.loc?.join('.') ?? each)
          .join(),
      ).toMatch(says)
    }
    expect((await user.get(REPLAYS)).body.items).toEqual([])
    expect((await user.get(`${REPLAYS}?status=lost`)).status).toBe(422)
    expect((await user.get(`${REPLAYS}?cursor=lost`)).status).toBe(422)
  })
})

test('a server that is killed continues the replay and the backfill: no event twice, none left out', async () => {
  const ROWS = 400
  const dataDir = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
  const database = await freshDatabaseUrl()
  const settings = { ZERODB_DATA_DIR: dataDir, ...(database ? { DATABASE_URL: database.url } : {}) }
  let server = await startServer(settings)
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' }
    const reply = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    return (await reply.json()) as Record<string, never>
  }
  try {
    const INSERTED = 'zerodb.table.row_inserted'
    await ask('POST', '/projects/-/database/tables', { table_name: 't' })
    for (let n = 0; n < ROWS; n += 100)
      await ask('POST', '/projects/-/database/tables/t/rows', { rows: Array(100).fill({ n }) })
    const hooks: unknown[] = []
    for (const hook_name of ['auto_embed', 'auto_graph'])
      hooks.push((await ask('POST', '/hooks', { event_type: INSERTED, hook_name }))['id'])
    // Slow enough that none has ended when the last has started.
    const rate_per_second = 60
    const jobs: Record<string, never>[] = []
    for (const hook_id of hooks) {
      jobs.push(await ask('POST', `/hooks/${hook_id}/backfill`, { rate_per_second }))
      jobs.push(await ask('POST', '/replays', { hook_id, rate_per_second }))
    }
    const states = () => Promise.all(jobs.map((job) => ask('GET', `/replays/${job['id']}`)))
    await eventually(async () => {
      for (const { seen } of await states()) expect(seen).toBeGreaterThan(20)
    }, 20_000)
    expect((await states()).map(({ status }) => status)).toEqual(Array(4).fill('running'))
    const exit = new Promise((resolve) => server.process.once('exit', resolve))
    server.process.kill('SIGKILL')
    await exit
    await server.stop()
    server = await startServer(settings)
    await eventually(async () => {
      for (const state of await states())
        expect(state).toMatchObject({
          status: 'done',
          total: ROWS,
          seen: ROWS,
          created: ROWS,
          runs: { ...NO_RUNS, skipped: ROWS },
        })
    }, 30_000)
  } finally {
    await server.stop()
    await database?.drop()
    await rm(dataDir, { recursive: true, force: true })
  }
})
