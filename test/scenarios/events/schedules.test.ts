import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { MAX_PENDING_EVENTS } from '../../../src/schema/schedule.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { freshDatabaseUrl } from '../../support/database.ts'

const DAY_SECONDS = 86_400

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  user = await app.newUser()
})

const create = (fields: object, by = user) => by.post('/api/v1/schedules', { topic: 'tick', ...fields })
const list = async (query = '') => (await user.get(`/api/v1/schedules${query}`)).body
const inSeconds = (seconds: number) => new Date(app.system.app.clock.now() + seconds * 1000).toISOString()
/** Returns the published events, oldest first, after everything that is due has happened. */
async function published(by = user) {
  await app.drained()
  return (await by.get(`${by.database}/events`)).body.events.reverse()
}

describe('a schedule with a cron expression', () => {
  test('publishes its event at each tick, to which a hook reacts', async () => {
    await user.post('/api/v1/functions', {
      name: 'on-tick',
      runtime: 'nodejs',
      source: 'export default async (event, ctx) => (await ctx.row()).event_payload',
      config: { triggers: [{ event: 'zerodb.event.published', filter: { 'data.topic': 'report' } }] },
    })
    const { status, body } = await create({
      name: 'daily',
      topic: 'report',
      event_payload: { kind: 'daily' },
      source: 'clock',
      correlation_id: 'c-1',
      cron: '0 6 * * *',
      timezone: 'Europe/Berlin',
    })
    expect([status, body]).toEqual([
      201,
      {
        id: expect.any(String),
        name: 'daily',
        function_id: null,
        function: null,
        topic: 'report',
        event_payload: { kind: 'daily' },
        source: 'clock',
        correlation_id: 'c-1',
        project_id: user.project_id,
        cron: '0 6 * * *',
        timezone: 'Europe/Berlin',
        run_at: null,
        missed: 'run_once',
        overlap: null,
        paused: false,
        next_at: expect.any(String),
        last_at: null,
        created_at: expect.any(String),
        next_runs: expect.any(Array),
      },
    ])
    expect(body.next_runs).toHaveLength(5)
    expect(Date.parse(body.next_runs[0])).toBe(Date.parse(body.next_at))
    expect(new Date(body.next_at).toLocaleTimeString('de', { timeZone: 'Europe/Berlin' })).toBe('06:00:00')
    for (let day = 0; day < 2; day++) {
      app.clock.advance(DAY_SECONDS)
      await app.drained()
    }
    const event = {
      topic: 'report',
      event_payload: { kind: 'daily' },
      source: 'clock',
      correlation_id: 'c-1',
      project_id: user.project_id,
    }
    expect(await published()).toMatchObject([event, event])
    expect(await user.events()).toMatchObject([
      { event: 'zerodb.event.published', data: { topic: 'report' } },
      { event: 'zerodb.event.published', data: { topic: 'report' } },
    ])
    expect(await user.runs()).toMatchObject([
      { handler: 'on-tick', trigger: 'event', status: 'succeeded', result: { kind: 'daily' } },
      { handler: 'on-tick', trigger: 'event', status: 'succeeded', result: { kind: 'daily' } },
    ])
    const [schedule] = await list()
    expect(Date.parse(schedule.next_at)).toBe(Date.parse(schedule.last_at) + DAY_SECONDS * 1000)
  })

  test.each([
    ['skip', 0],
    ['run_once', 1],
    ['run_all', 3],
  ])('and the policy %s publishes %d of three ticks that were missed', async (missed, count) => {
    const { id } = (await create({ cron: '0 0 1 * *', missed })).body
    await app.system.database.query(
      sql`update zerodb_schedules set next_at = ${inSeconds(-95 * DAY_SECONDS)} where id = ${id}`,
    )
    const ticks = (await published()).length
    expect({ missed, enough: missed === 'run_all' ? ticks >= count : ticks === count }).toEqual({
      missed,
      enough: true,
    })
  })

  test('can be paused, continued and deleted; then it publishes nothing', async () => {
    const { id } = (await create({ cron: '0 * * * *' })).body
    const paused = await user.patch(`/api/v1/schedules/${id}`, { paused: true })
    expect(paused.body).toMatchObject({ paused: true, next_at: null, next_runs: [] })
    app.clock.advance(7_200)
    expect(await published()).toEqual([])
    expect((await user.patch(`/api/v1/schedules/${id}`, { paused: false })).body).toMatchObject({ paused: false })
    expect(await published()).toEqual([])
    app.clock.advance(3_600)
    expect(await published()).toHaveLength(1)
    expect((await user.delete(`/api/v1/schedules/${id}`)).status).toBe(204)
    expect((await user.delete(`/api/v1/schedules/${id}`)).status).toBe(404)
    app.clock.advance(7_200)
    expect(await published()).toHaveLength(1)
  })

  test('publishes each tick once when processes find it at the same time', async () => {
    const { id } = (await create({ cron: '0 * * * *' })).body
    const { schedules } = app.system.app.store
    const stored = await schedules.get(user.user_id, null, id)
    const due = { ...stored, now: inSeconds(3_600) } as Parameters<typeof schedules.publish>[0]
    const next = inSeconds(7_200)
    await Promise.all(Array.from({ length: 4 }, () => schedules.publish(due, next, [due.next_at])))
    expect(await published()).toHaveLength(1)
    expect(await user.events()).toHaveLength(1)
  })

  test('waits while its project is suspended', async () => {
    await create({ cron: '0 * * * *' })
    await create({ delay: '1h', topic: 'once' })
    await user.post(`/api/v1/projects/${user.project_id}/suspend`)
    app.clock.advance(3_700)
    expect(await published()).toEqual([])
    await user.post(`/api/v1/projects/${user.project_id}/activate`)
    expect((await published()).map(({ topic }: { topic: string }) => topic).sort()).toEqual(['once', 'tick'])
  })

  test('is in the index of due schedules again after suspensions and activations at the same time', async () => {
    await create({ cron: '0 * * * *' })
    await create({ delay: '1h', topic: 'once' })
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        user.post(`/api/v1/projects/${user.project_id}/${n % 2 === 0 ? 'suspend' : 'activate'}`),
      ),
    )
    const states = () =>
      app.system.database.query(sql`
        select distinct s.is_suspended, p.suspended_at is not null as of_project
        from zerodb_schedules s join zerodb_projects p on p.id = s.project_id
        where p.id = ${user.project_id}::uuid`)
    const [{ is_suspended } = { is_suspended: null }, ...others] = (await states()) as { is_suspended: boolean }[]
    expect(others).toEqual([])
    expect(await states()).toEqual([{ is_suspended, of_project: is_suspended }])
    await user.post(`/api/v1/projects/${user.project_id}/suspend`)
    expect(await states()).toEqual([{ is_suspended: true, of_project: true }])
    await user.post(`/api/v1/projects/${user.project_id}/activate`)
    app.clock.advance(3_700)
    expect((await published()).map(({ topic }: { topic: string }) => topic).sort()).toEqual(['once', 'tick'])
  })
})

describe('a schedule that fires once', () => {
  test.each([
    ['after a delay', () => ({ delay: '1h' })],
    ['at a time', () => ({ run_at: inSeconds(3_600) })],
  ])('%s publishes one event with its id, and is gone', async (_, when) => {
    const { status, body } = await create({ name: 'once', event_payload: null, ...when() })
    expect([status, body]).toMatchObject([
      201,
      { cron: null, timezone: null, missed: null, run_at: expect.any(String) },
    ])
    expect(body.next_runs).toEqual([body.run_at])
    expect(await list('?once=true')).toMatchObject([{ id: body.id }])
    expect(await list('?once=false')).toEqual([])
    app.clock.advance(3_590)
    expect(await published()).toEqual([])
    app.clock.advance(11)
    expect(await published()).toMatchObject([{ event_id: body.id, topic: 'tick', event_payload: null }])
    expect(await list()).toEqual([])
    expect((await user.get(`/api/v1/schedules/${body.id}`)).status).toBe(404)
  })

  test('keeps its time in a pause, and fires at once if that has passed', async () => {
    const { id, run_at } = (await create({ delay: '1h' })).body
    await user.patch(`/api/v1/schedules/${id}`, { paused: true })
    expect((await user.patch(`/api/v1/schedules/${id}`, { paused: false })).body.next_at).toBe(run_at)
    await user.patch(`/api/v1/schedules/${id}`, { paused: true })
    app.clock.advance(7_200)
    expect(await published()).toEqual([])
    await user.patch(`/api/v1/schedules/${id}`, { paused: false })
    expect(await published()).toHaveLength(1)
  })
})

describe('a delayed event', () => {
  const publish = (fields: object) => user.post(`${user.database}/events/publish`, { topic: 'later', ...fields })

  test.each([
    ['a number of seconds', () => ({ delay: 300 })],
    ['a text with a unit', () => ({ delay: '5m' })],
    ['a time', () => ({ run_at: inSeconds(300) })],
  ])('by %s is visible nowhere before its time, and then everywhere once', async (_, due) => {
    const sent = { event_payload: { n: 1 }, source: 'shop', correlation_id: 'req-1' }
    const { status, body } = await publish({ ...sent, ...due() })
    expect([status, body]).toMatchObject([200, { ...sent, topic: 'later', scheduled_at: expect.any(String) }])
    expect(body.published_at).toBe(body.scheduled_at)
    app.clock.advance(290)
    expect(await published()).toEqual([])
    expect(await user.events()).toEqual([])
    expect((await user.get(`${user.database}/events/${body.event_id}`)).status).toBe(404)
    expect((await user.get(`${user.database}/events/poll`)).body.events).toEqual([])
    app.clock.advance(11)
    expect(await published()).toMatchObject([{ ...sent, event_id: body.event_id }])
    expect(await user.events()).toMatchObject([{ data: { event_id: body.event_id, topic: 'later' } }])
    expect((await user.get(`${user.database}/events/${body.event_id}`)).body).not.toHaveProperty('scheduled_at')
    expect((await user.get(`${user.database}/events/poll`)).body.events).toHaveLength(1)
    app.clock.advance(DAY_SECONDS)
    expect(await published()).toHaveLength(1)
  })

  test('whose time has passed is published now', async () => {
    for (const due of [{ run_at: '2020-01-01T00:00:00Z' }, { delay: 0 }])
      expect((await publish(due)).body).not.toHaveProperty('scheduled_at')
    expect(await published()).toHaveLength(2)
    expect(await list()).toEqual([])
  })

  test('is listed with the schedules, and can be cancelled', async () => {
    const [first, second] = [await publish({ delay: '1h' }), await publish({ delay: '1h', topic: 'other' })]
    expect(await list('?topic=later')).toMatchObject([{ id: first.body.event_id, topic: 'later' }])
    expect((await user.delete(`/api/v1/schedules/${first.body.event_id}`)).status).toBe(204)
    app.clock.advance(3_601)
    expect(await published()).toMatchObject([{ event_id: second.body.event_id }])
    expect((await user.delete(`/api/v1/schedules/${second.body.event_id}`)).status).toBe(404)
  })

  test('of a batch keeps its place in the answer, and becomes visible in the order of times', async () => {
    const events = [
      { topic: 'c', delay: '2h' },
      { topic: 'a' },
      { topic: 'b', delay: '1h' },
      { event_type: 'aliases', data: 1 },
    ]
    const { status, body } = await user.post(`${user.database}/events/batch`, { events })
    expect(status).toBe(200)
    expect(body.published_count).toBe(4)
    expect(body.events.map(({ topic }: { topic: string }) => topic)).toEqual(['c', 'a', 'b', 'aliases'])
    expect(body.events.map((event: object) => 'scheduled_at' in event)).toEqual([true, false, true, false])
    expect(body.event_ids).toEqual(body.events.map(({ event_id }: { event_id: string }) => event_id))
    app.clock.advance(7_201)
    expect((await published()).map(({ topic }: { topic: string }) => topic)).toEqual(['a', 'aliases', 'b', 'c'])
    expect((await user.events()).map(({ data }) => (data as { topic: string }).topic)).toEqual([
      'a',
      'aliases',
      'b',
      'c',
    ])
  })

  test('of a function continues the chain of its run, so that a loop ends', async () => {
    await user.post('/api/v1/functions', {
      name: 'loop',
      runtime: 'nodejs',
      source: 'export default (_, ctx) => ctx.zerodb.events.publish({ topic: "again", delay: 60 })',
      config: { triggers: ['zerodb.event.published'] },
    })
    await publish({})
    await app.drained()
    app.clock.advance(61)
    await app.drained()
    const [first, second] = await user.events()
    expect(second).toMatchObject({ chain_id: first!.id, depth: 1, caused_by: expect.any(String) })
  })

  test('survives a restart, and is published once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zerodb-schedules-'))
    const database = await freshDatabaseUrl()
    const settings = { ZERODB_DATA_DIR: folder, ...(database ? { DATABASE_URL: database.url } : {}) }
    let server = await openTestApp(settings)
    const owner = await server.newUser()
    const { body } = await owner.post(`${owner.database}/events/publish`, { topic: 'later', delay: '1h' })
    for (let start = 0; start < 2; start++) {
      await server.close()
      server = await openTestApp(settings)
      server.clock.advance(3_601)
      await server.drained()
      const headers = { authorization: `Bearer ${owner.key}` }
      const events = await server.request('GET', `${owner.database}/events`, { headers })
      expect(events.body.events).toMatchObject([{ event_id: body.event_id }])
    }
    await server.close()
    await database?.drop()
    await rm(folder, { recursive: true })
  })

  test('is published once when processes find it at the same time', async () => {
    const events = Array.from({ length: 20 }, () => ({ topic: 'later', delay: '1h' }))
    await user.post(`${user.database}/events/batch`, { events })
    app.clock.advance(3_601)
    await Promise.all(Array.from({ length: 4 }, () => app.system.app.store.schedules.publishOnce(100)))
    expect(await published()).toHaveLength(20)
    expect(await user.events()).toHaveLength(20)
  })

  test('is 403 when too many of the project wait', async () => {
    await app.system.database.query(sql`
      insert into zerodb_schedules (project_id, topic, payload, run_at, next_at)
      select ${user.project_id}::uuid, 'later', '{}', now() + interval '300 days', now() + interval '300 days'
      from generate_series(1, ${MAX_PENDING_EVENTS - 1}::int)`)
    const late = { topic: 'later', delay: '1d' }
    expect((await user.post(`${user.database}/events/batch`, { events: [late, late] })).status).toBe(403)
    expect((await publish({ delay: '1d' })).status).toBe(200)
    for (const refused of [await publish({ delay: '1d' }), await create({ delay: '1d' })])
      expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('10000 events')])
    expect((await publish({})).status).toBe(200)
  })
})

describe('is refused', () => {
  test.each([
    ['without a time', {}, 'cron'],
    ['with cron and delay', { cron: '* * * * *', delay: 1 }, 'delay'],
    ['with cron and a time', { cron: '* * * * *', run_at: '2030-01-01T00:00:00Z' }, 'run_at'],
    ['with two times', { delay: 1, run_at: '2030-01-01T00:00:00Z' }, 'run_at'],
    ['with an expression that is not one', { cron: 'every day' }, 'cron'],
    ['with an expression that no time matches', { cron: '0 0 30 2 *' }, 'cron'],
    ['with an unknown time zone', { cron: '* * * * *', timezone: 'Mars' }, 'timezone'],
    ['with a time zone without cron', { delay: 1, timezone: 'UTC' }, 'timezone'],
    ['with a policy without cron', { delay: 1, missed: 'run_once' }, 'missed'],
    ['with a delay of more than a year', { delay: '366d' }, 'delay'],
    ['with a negative delay', { delay: -1 }, 'delay'],
    ['with a topic that is empty', { cron: '* * * * *', topic: '' }, 'topic'],
    ['with an unknown field', { cron: '* * * * *', overlap: 'skip' }, 'overlap'],
  ])('a schedule %s', async (_, fields, field) => {
    const { status, body } = await create(fields)
    expect([status, body.detail[0].loc]).toEqual([422, ['body', field]])
    expect(await list()).toEqual([])
  })

  test('a delay of an item of a batch, and nothing of the batch is stored', async () => {
    const events = [{ topic: 'a' }, { topic: 'b', delay: '366d' }]
    const { status, body } = await user.post(`${user.database}/events/batch`, { events })
    expect([status, body.detail[0].loc]).toEqual([422, ['body', 'events', 1, 'delay']])
    expect([await published(), await list()]).toEqual([[], []])
  })

  test('a second schedule of the same name in the project', async () => {
    expect((await create({ cron: '0 0 1 1 *', name: 'a' })).status).toBe(201)
    expect(await create({ delay: 60, name: 'a' })).toMatchObject({ status: 409, body: { code: 'schedule_exists' } })
    expect((await create({ cron: '0 0 1 1 *', name: 'a', project_id: await user.project() })).status).toBe(201)
  })

  test('a run of a schedule that publishes, and the deletion of one of a function', async () => {
    const { id } = (await create({ cron: '0 0 1 1 *' })).body
    expect((await user.post(`/api/v1/schedules/${id}/run`)).status).toBe(422)
    await user.post('/api/v1/functions', {
      name: 'f',
      runtime: 'nodejs',
      source: 'export default () => 1',
      config: { schedule: '0 0 1 1 *' },
    })
    const own = (await list()).find((schedule: { function: string | null }) => schedule.function === 'f')
    const refused = await user.delete(`/api/v1/schedules/${own.id}`)
    expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining('"f"')])
    expect(await list()).toHaveLength(2)
  })

  test('another user’s schedule and project', async () => {
    const other = await app.newUser()
    const { id } = (await create({ cron: '0 0 1 1 *' })).body
    const url = `/api/v1/schedules/${id}`
    const replies = [
      await other.get(url),
      await other.patch(url, { paused: true }),
      await other.delete(url),
      await create({ delay: 60, project_id: user.project_id }, other),
      await other.get(`/api/v1/schedules?project_id=${user.project_id}`),
    ]
    expect(replies.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
    expect(await list()).toMatchObject([{ id, paused: false }])
  })
})

test('a list has pages, oldest first, with schedules of functions', async () => {
  for (const name of ['a', 'b', 'c']) await create({ cron: '0 0 1 1 *', name })
  await user.post('/api/v1/functions', {
    name: 'f',
    runtime: 'nodejs',
    source: 'export default () => 1',
    config: { schedule: '0 0 1 1 *' },
  })
  const names: unknown[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page = await user.get(`/api/v1/schedules?limit=2${cursor ? `&cursor=${cursor}` : ''}`)
    names.push(
      ...page.body.map(
        (schedule: { name: string | null; function: string | null }) => schedule.name ?? schedule.function,
      ),
    )
    cursor = page.headers['x-next-cursor']
  }
  expect(names).toEqual(['a', 'b', 'c', 'f'])
  expect(await list('?limit=2&offset=3')).toMatchObject([{ function: 'f' }])
})

test('a deleted project has no schedules', async () => {
  const project_id = await user.project()
  const { id } = (await create({ cron: '0 0 1 1 *', project_id })).body
  await user.delete(`/api/v1/projects/${project_id}`)
  expect((await user.get(`/api/v1/schedules/${id}`)).status).toBe(404)
})
