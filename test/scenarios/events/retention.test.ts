import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { createRetention } from '../../../src/engine/maintenance.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { gated, instant } from '../../support/gate.ts'
import { undispatched } from '../../support/undispatched.ts'

const STORED = 'zerodb.vector.stored'
const DAY = 86_400

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp({ ZERODB_RETENTION_DAYS: '7', ZERODB_DEAD_RETENTION_DAYS: '30' })
})
afterAll(() => app.close())
beforeEach(async () => {
  user = await app.newUser()
})

/** Makes everything that the user has so far this much older. */
async function days(count: number): Promise<void> {
  const { database } = app.system
  const [mine, age] = [sql`user_id = ${user.user_id}::uuid`, sql`make_interval(secs => ${count * DAY}::float8)`]
  await database.query(sql`update zerodb_hooks set created_at = created_at - ${age} where ${mine}`)
  await database.query(sql`update zerodb_events set created_at = created_at - ${age} where ${mine}`)
  await database.query(sql`update zerodb_runs set finished_at = finished_at - ${age} where ${mine}`)
  await database.query(sql`update zerodb_replays set finished_at = finished_at - ${age} where ${mine}`)
}
const expire = () => createRetention(app.system.app).expire()
const store = async (text: string) =>
  expect((await user.post(`${user.database}/vectors/upsert`, { vector_id: text, document: text })).status).toBe(200)

/** Returns the user's events of vectors, and all runs, as they are, by their text. */
async function left(): Promise<{ events: unknown[]; runs: string[] }> {
  const events = (await user.events()).filter(({ event }) => event === STORED)
  const runs = (await user.get('/api/v1/runs?limit=1000')).body.items
  const textOf = (id: string) => events.find((event) => event.id === id)?.data['vector_id' as never] ?? id
  return {
    events: events.map(({ data }) => data['vector_id' as never]),
    runs: runs
      .map(({ event_id, status }: { event_id: string; status: string }) => `${textOf(event_id)} ${status}`)
      .sort(),
  }
}

describe('after its retention time', () => {
  test('events and ended runs are deleted after seven days, dead runs and their events after thirty', async () => {
    await user.hook(STORED, 'auto_embed', { retry: { max_attempts: 1 } })
    await app.withEmbedder(
      async (texts) => {
        if (texts[0] === 'bad') throw new Error('no')
        return instant(texts)
      },
      async () => {
        for (const text of ['good', 'bad']) await store(text)
        await app.drained()
      },
    )
    const all = { events: ['good', 'bad'], runs: ['bad dead', 'good succeeded'] }
    await days(6.9)
    await expire()
    expect(await left()).toEqual(all)
    await days(0.2)
    await store('young')
    await app.drained()
    await expire()
    expect(await left()).toEqual({ events: ['bad', 'young'], runs: ['bad dead', 'young succeeded'] })
    // A dead run can be retried as long as it exists.
    const [dead] = (await user.get('/api/v1/runs?status=dead')).body.items
    expect((await user.post(`/api/v1/runs/${dead.id}/retry`)).status).toBe(200)
    await app.drained()
    await expire()
    expect((await left()).runs).toEqual(['bad succeeded', 'young succeeded'])
    await days(7.1)
    await expire()
    expect(await left()).toEqual({ events: [], runs: [] })
    // Stored data is kept.
    expect((await user.get(`${user.database}/vectors`)).body.total).toBe(3)
  })

  test('a dead run is deleted after thirty days', async () => {
    await user.hook('zerodb.file.uploaded', 'auto_summarize')
    await user.post(`${user.database}/files`, { file_name: 'a', content_type: 'image/png', file_content: 'aGk=' })
    expect(await user.runs()).toMatchObject([{ status: 'dead' }])
    await days(29.9)
    await expire()
    expect(await user.trail()).toEqual({ events: ['zerodb.file.uploaded'], runs: ['auto_summarize dead'] })
    await days(0.2)
    await expire()
    expect(await user.trail()).toEqual({ events: [], runs: [] })
  })

  test('unfinished work is kept at any age, with its events, and is completed in the end', async () => {
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      const paused = await user.hook(STORED, 'auto_embed', { paused: true })
      await store('waits')
      await app.drained()
      await undispatched(app.system.app.store, async () => {
        await store('undispatched')
        await days(400)
        await expire()
        expect(await left()).toEqual({ events: ['waits', 'undispatched'], runs: ['waits queued'] })
      })
      await user.patch(`/api/v1/hooks/${paused.id}`, { paused: false })
      await expect.poll(() => [...gate.started].sort(), { timeout: 10_000 }).toEqual(['undispatched', 'waits'])
      await expire()
      expect((await left()).runs).toEqual(['undispatched running', 'waits running'])
      for (const text of gate.started) gate.open(text)
      expect((await user.runs()).map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
      await days(8)
      await expire()
      expect(await left()).toEqual({ events: [], runs: [] })
    })
  })

  test('an event is kept for a replay that still needs it', async () => {
    for (const text of ['a', 'b', 'c']) await store(text)
    const hook = await user.hook(STORED, 'auto_embed')
    await user.patch(`/api/v1/hooks/${hook.id}`, { paused: true })
    const job = (await user.post('/api/v1/replays', { hook_id: hook.id, rate_per_second: 1 })).body
    const { replays } = app.system.app.store
    const { ready } = replays
    replays.ready = async () => []
    try {
      await days(400)
      await expire()
      expect((await left()).events).toEqual(['a', 'b', 'c'])
    } finally {
      replays.ready = ready
    }
    await user.post(`/api/v1/replays/${job.id}/cancel`)
    await expire()
    expect(await left()).toEqual({ events: [], runs: [] })
  })

  test('runs of a backfill and manual runs are deleted, too; a replay is deleted with its last run', async () => {
    await app.withEmbedder(instant, async () => {
      for (const text of ['a', 'b']) await store(text)
      const hook = await user.hook(STORED, 'auto_embed', { retry: { max_attempts: 1 } })
      const { body: job } = await user.post(`/api/v1/hooks/${hook.id}/backfill`, { rate_per_second: 1000 })
      app.clock.advance(1)
      await app.drained()
      await user.post(`/api/v1/hooks/${hook.id}/invoke`, { payload: { vector_id: 'a' } })
      const runs = await user.runs()
      expect(runs.map(({ trigger, replay_id }) => replay_id ?? trigger).sort()).toEqual(
        [job.id, job.id, 'invoke'].sort(),
      )
      await app.system.database.query(sql`
        update zerodb_runs set status = 'dead' where id = ${runs.find(({ replay_id }) => replay_id)!.id}::uuid`)
      await days(8)
      await expire()
      expect((await left()).runs).toHaveLength(1)
      expect((await user.get(`/api/v1/replays/${job.id}`)).body.runs).toMatchObject({ dead: 1, succeeded: 0 })
      await days(30)
      await expire()
      expect((await left()).runs).toEqual([])
      expect((await user.get(`/api/v1/replays/${job.id}`)).status).toBe(404)
    })
  })

  test('a run whose event was deleted in the database is dead, with that reason', async () => {
    const hook = await user.hook(STORED, 'auto_embed', { paused: true })
    await store('a')
    await app.drained()
    await app.system.database.query(sql`delete from zerodb_events where user_id = ${user.user_id}::uuid`)
    await user.patch(`/api/v1/hooks/${hook.id}`, { paused: false })
    expect(await user.runs()).toMatchObject([{ status: 'dead', error: { code: 'event_gone' } }])
    await days(31)
    await expire()
    expect(await user.trail()).toEqual({ events: [], runs: [] })
  })

  test('deletion happens in steps, and skips unfinished work', async () => {
    const rows = async (count: number) =>
      expect((await user.post(`${user.database}/tables/t/rows`, { rows: Array(count).fill({}) })).status).toBe(201)
    await user.post(`${user.database}/tables`, { table_name: 't' })
    const hook = await user.hook('zerodb.table.row_inserted', 'auto_embed', { paused: true })
    await rows(1_200)
    await app.drained()
    await user.patch(`/api/v1/hooks/${hook.id}`, { is_active: false })
    await rows(1_300)
    await app.system.database.query(sql`
      update zerodb_runs set status = 'queued', finished_at = null
      where id in (select id from zerodb_runs where hook_id = ${hook.id}::uuid order by event_seq limit 600)`)
    await days(8)
    expect(await expire()).toMatchObject({ runs: 600, events: 1_900 })
    expect(await expire()).toMatchObject({ runs: 0, events: 0 })
    const runs = await user.runs()
    expect(runs.every(({ status }) => status === 'queued')).toBe(true)
    expect(runs).toHaveLength(600)
  })
})

test('nothing is deleted if both times are 0', async () => {
  const forever = await openTestApp({ ZERODB_RETENTION_DAYS: '0', ZERODB_DEAD_RETENTION_DAYS: '0' })
  try {
    const user = await forever.newUser()
    await user.hook('zerodb.event.published', 'auto_embed')
    await user.post(`${user.database}/events/publish`, { topic: 'a' })
    const before = await user.trail()
    forever.clock.advance(10_000 * DAY)
    expect(await createRetention(forever.system.app).expire()).toEqual({ runs: 0, events: 0 })
    expect(await user.trail()).toEqual(before)
  } finally {
    await forever.close()
  }
})

test('dead runs, or the others, can be kept forever', async () => {
  for (const [settings, stays] of [
    [
      { ZERODB_RETENTION_DAYS: '0', ZERODB_DEAD_RETENTION_DAYS: '1' },
      { events: 3, status: ['succeeded'] },
    ],
    [
      { ZERODB_RETENTION_DAYS: '1', ZERODB_DEAD_RETENTION_DAYS: '0' },
      { events: 1, status: ['dead'] },
    ],
  ] as const) {
    const one = await openTestApp(settings)
    try {
      const user = await one.newUser()
      await user.hook('zerodb.file.uploaded', 'auto_summarize')
      const upload = (file_name: string, content_type: string) =>
        user.post(`${user.database}/files`, { file_name, content_type, file_content: 'aGk=' })
      await upload('a.png', 'image/png')
      await upload('a.txt', 'text/plain')
      expect((await user.runs()).map(({ status }) => status)).toEqual(['dead', 'succeeded'])
      one.clock.advance(2 * DAY)
      await createRetention(one.system.app).expire()
      expect({ events: (await user.events()).length, status: (await user.runs()).map(({ status }) => status) }).toEqual(
        stays,
      )
    } finally {
      await one.close()
    }
  }
})
