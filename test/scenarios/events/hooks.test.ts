import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { EVENT_NAMES } from '../../../src/schema/events.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const HOOKS = '/api/v1/hooks'
const STORED = 'zerodb.vector.stored'
const REMEMBERED = 'zeromemory.remembered'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

const create = (user: TestUser, rest: object = {}) =>
  user.post(HOOKS, { event_type: STORED, hook_name: 'auto_embed', ...rest })

async function store(user: TestUser, project = user.project_id, document = 'a text'): Promise<void> {
  const reply = await user.post(`/api/v1/projects/${project}/database/vectors/upsert`, { document })
  expect(reply.status).toBe(200)
}

const down = async () => {
  throw new Error('model down')
}

test('a hook is created with 201 and exactly the fields of the specification', async () => {
  const user = await app.newUser()
  const reply = await create(user, { hook_config: { model: 'bge-m3', dimensions: 1024, anything: { else: true } } })
  expect(reply.status).toBe(201)
  expect(reply.body).toEqual({
    id: expect.stringMatching(UUID),
    user_id: user.user_id,
    project_id: null,
    event_type: STORED,
    hook_type: 'first_party',
    hook_name: 'auto_embed',
    hook_config: { model: 'bge-m3', dimensions: 1024, anything: { else: true } },
    is_active: true,
    created_at: expect.stringMatching(ISO),
    updated_at: reply.body.created_at,
  })
  expect((await user.get(`${HOOKS}/${reply.body.id}`)).body).toEqual(reply.body)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('hook_config defaults to {}, hook_type is optional, and other keys are refused', async () => {
  const user = await app.newUser()
  const refused = await create(user, { fliter: { 'data.namespace': 'a' }, is_active: false })
  expect(refused).toMatchObject({
    status: 422,
    body: {
      detail: [
        { type: 'extra_forbidden', loc: ['body', 'fliter'], msg: expect.stringContaining('Did you mean "filter"?') },
        { type: 'extra_forbidden', loc: ['body', 'is_active'] },
      ],
    },
  })
  const reply = await create(user, { hook_type: 'first_party', project_id: null })
  expect(reply).toMatchObject({ status: 201, body: { hook_config: {}, hook_type: 'first_party', is_active: true } })
  expect(reply.body).not.toHaveProperty('warnings')
})

test('every event type of the specification works with every built-in handler', async () => {
  const user = await app.newUser()
  const specified = [
    'zerodb.event.published',
    'zerodb.file.uploaded',
    'zerodb.memory.stored',
    'zerodb.table.row_inserted',
    'zerodb.vector.batch_stored',
    'zerodb.vector.stored',
    'zeromemory.remembered',
  ]
  expect(EVENT_NAMES).toEqual(expect.arrayContaining(specified))
  for (const event_type of specified)
    for (const hook_name of ['auto_embed', 'auto_summarize', 'auto_graph'])
      expect((await create(user, { event_type, hook_name })).status).toBe(201)
  expect((await user.get(HOOKS)).body).toHaveLength(21)
})

test('the same hook twice is 409, for all projects and for one', async () => {
  const user = await app.newUser()
  const other = await user.project()
  for (const project_id of [undefined, user.project_id]) {
    expect((await create(user, { project_id })).status).toBe(201)
    const again = await create(user, { project_id, hook_config: { model: 'another' } })
    expect(again.status).toBe(409)
    expect(again.body).toMatchObject({ code: 'hook_exists', detail: expect.stringContaining('exists already') })
  }
  expect((await create(user, { project_id: other })).status).toBe(201)
  expect((await create(user, { event_type: REMEMBERED })).status).toBe(201)
  expect((await create(user, { hook_name: 'auto_graph' })).status).toBe(201)
  expect((await create(await app.newUser())).status).toBe(201)
  expect((await user.get(HOOKS)).body).toHaveLength(5)
})

test('unknown names are 422 with a sentence that lists the known ones', async () => {
  const user = await app.newUser()
  for (const [rest, wrong, right] of [
    [{ hook_name: 'auto_translate' }, '"auto_translate"', 'auto_embed, auto_summarize, auto_graph'],
    [{ hook_name: 'constructor' }, '"constructor"', 'auto_embed'],
    [{ hook_name: '' }, '""', 'auto_embed'],
    [{ hook_type: 'third_party' }, '"third_party"', 'first_party'],
    [{ hook_type: 'function' }, '"function"', 'first_party'],
    [{ event_type: 'zerodb.vector.removed' }, '"zerodb.vector.removed"', EVENT_NAMES.join(', ')],
  ] as const) {
    const reply = await create(user, rest)
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toEqual(expect.stringContaining(wrong))
    expect(reply.body.detail).toEqual(expect.stringContaining(right))
  }
  expect((await user.get(`${HOOKS}?active_only=false`)).body).toEqual([])
})

test('missing and invalid fields are listed in the format that clients of FastAPI know', async () => {
  const user = await app.newUser()
  const missing = { type: 'missing', msg: 'Field required' }
  const empty = await user.post(HOOKS, {})
  expect(empty.status).toBe(422)
  expect(empty.body.detail).toEqual([
    { ...missing, loc: ['body', 'event_type'] },
    { ...missing, loc: ['body', 'hook_name'] },
  ])
  expect((await user.request('POST', HOOKS)).body.detail).toHaveLength(2)
  for (const [rest, error] of [
    [
      { hook_name: 7 },
      { type: 'string_type', loc: ['body', 'hook_name'], msg: 'Input should be a valid string', input: 7 },
    ],
    [
      { hook_config: 'x' },
      { type: 'dict_type', loc: ['body', 'hook_config'], msg: 'Input should be a valid dictionary', input: 'x' },
    ],
    [
      { project_id: 'mine' },
      { type: 'uuid_parsing', loc: ['body', 'project_id'], msg: 'Input should be a valid UUID', input: 'mine' },
    ],
    [
      { hook_config: { dimensions: 'many' } },
      { type: 'float_type', loc: ['body', 'hook_config', 'dimensions'], input: 'many' },
    ],
    [{ hook_config: { model: '' } }, { type: 'string_too_short', loc: ['body', 'hook_config', 'model'] }],
  ] as const) {
    const reply = await create(user, rest)
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([error])
  }
  const list = await user.post(HOOKS, [])
  expect(list.body.detail).toEqual([{ type: 'dict_type', loc: ['body'], msg: 'Input should be a valid dictionary' }])
  expect((await user.get(HOOKS)).body).toEqual([])
})

test('a hook on an unknown project or another user’s is 404', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  for (const project_id of [randomUUID(), stranger.project_id])
    expect(await create(user, { project_id })).toMatchObject({ status: 404, body: { detail: 'Project not found' } })
  expect((await user.get(`${HOOKS}?active_only=false`)).body).toEqual([])
})

test('the list is a bare array, oldest first, of the active hooks by default', async () => {
  const user = await app.newUser()
  const other = await user.project()
  const ids: string[] = []
  for (const rest of [{}, { project_id: user.project_id }, { project_id: other }, { event_type: REMEMBERED }])
    ids.push((await create(user, rest)).body.id)
  const off = (await user.patch(`${HOOKS}/${ids[2]}`, { is_active: false })).body
  expect(off.is_active).toBe(false)
  const list = async (query = '') => {
    const reply = await user.get(`${HOOKS}${query}`)
    expect(reply.status).toBe(200)
    return reply.body.map((hook: { id: string }) => ids.indexOf(hook.id))
  }
  expect(await list()).toEqual([0, 1, 3])
  for (const no of ['false', '0', 'no', 'off']) expect(await list(`?active_only=${no}`)).toEqual([0, 1, 2, 3])
  for (const yes of ['true', '1', 'yes', 'on']) expect(await list(`?active_only=${yes}`)).toEqual([0, 1, 3])
  expect(await list(`?event_type=${REMEMBERED}`)).toEqual([3])
  expect(await list('?event_type=nothing.like.it')).toEqual([])
  expect(await list(`?project_id=${user.project_id}`)).toEqual([1])
  expect(await list(`?project_id=${other}`)).toEqual([])
  expect(await list(`?project_id=${other.toUpperCase()}&active_only=false&event_type=${STORED}`)).toEqual([2])
  expect(await list(`?project_id=${randomUUID()}`)).toEqual([])
  expect((await (await app.newUser()).get(HOOKS)).body).toEqual([])
  const wrong = await user.get(`${HOOKS}?project_id=x&active_only=perhaps`)
  expect(wrong.status).toBe(422)
  expect(wrong.body.detail).toMatchObject([
    { type: 'uuid_parsing', loc: ['query', 'project_id'] },
    { loc: ['query', 'active_only'] },
  ])
})

test('PATCH replaces the configuration as a whole, accepts a hook from a response, and changes updated_at', async () => {
  const user = await app.newUser()
  const created = (await create(user, { hook_config: { model: 'bge-m3', dimensions: 1024 } })).body
  const url = `${HOOKS}/${created.id}`
  const hook_config = { model: 'text-embedding-3-small' }
  const unknown = await user.patch(url, { hook_config, hook_nam: 'auto_graph' })
  expect(unknown).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'hook_nam'] }] } })
  const patched = await user.patch(url, { ...created, hook_config })
  expect(patched.status).toBe(200)
  expect(patched.body).toEqual({ ...created, hook_config, updated_at: expect.stringMatching(ISO) })
  expect(patched.body.updated_at > created.updated_at).toBe(true)

  const off = await user.patch(url, { is_active: false })
  expect(off.body).toEqual({ ...patched.body, is_active: false, updated_at: expect.any(String) })
  expect(off.body.updated_at > patched.body.updated_at).toBe(true)
  const emptied = await user.patch(url, { hook_config: {}, is_active: true })
  expect(emptied).toMatchObject({ status: 200, body: { hook_config: {}, is_active: true } })
  const untouched = await user.patch(url, {})
  expect(untouched.body).toEqual({ ...emptied.body, updated_at: expect.any(String) })
  expect((await user.get(url)).body).toEqual(untouched.body)

  for (const body of [
    { is_active: 'no' },
    { is_active: null },
    { hook_config: null },
    { hook_config: { dimensions: 0 } },
  ])
    expect((await user.patch(url, body)).status).toBe(422)
  expect((await user.get(url)).body).toEqual(untouched.body)
})

test('DELETE is 204 without a body, and 404 the second time', async () => {
  const user = await app.newUser()
  const { id } = (await create(user)).body
  const deleted = await user.delete(`${HOOKS}/${id}`)
  expect(deleted.status).toBe(204)
  expect(deleted.raw).toHaveLength(0)
  expect((await user.delete(`${HOOKS}/${id}`)).status).toBe(404)
  expect((await user.get(`${HOOKS}?active_only=false`)).body).toEqual([])
  expect((await create(user)).status).toBe(201)
})

test('an unknown hook and another user’s are both 404, an invalid UUID is 422', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const { id } = (await create(user)).body
  for (const url of [`${HOOKS}/${randomUUID()}`, `${HOOKS}/${id}`])
    for (const [method, body] of [['GET'], ['PATCH', { is_active: false }], ['DELETE']] as const) {
      const reply = await stranger.request(method, url, { body })
      expect(reply).toMatchObject({ status: 404, body: { detail: 'Hook not found' } })
    }
  for (const [method, body] of [['GET'], ['PATCH', {}], ['DELETE']] as const) {
    const reply = await user.request(method, `${HOOKS}/hook-1`, { body })
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([{ type: 'uuid_parsing', loc: ['path', 'hook_id'], input: 'hook-1' }])
  }
  expect((await user.get(`${HOOKS}/${id.toUpperCase()}`)).body).toMatchObject({ id, is_active: true })
})

test('a hook with a project fires in it only, a global one in all projects, another user’s never', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const other = await user.project()
  const scoped = (await create(user, { project_id: user.project_id })).body.id
  const everywhere = (await create(user, { hook_name: 'auto_graph' })).body.id
  await create(stranger)
  await store(user)
  await store(user, other)
  const runs = (await user.runs()).map(({ hook_id, project_id, status }) => ({ hook_id, project_id, status }))
  expect(runs).toHaveLength(3)
  expect(runs).toEqual(
    expect.arrayContaining([
      { hook_id: scoped, project_id: user.project_id, status: 'succeeded' },
      { hook_id: everywhere, project_id: user.project_id, status: 'skipped' },
      { hook_id: everywhere, project_id: other, status: 'skipped' },
    ]),
  )
  expect(await stranger.runs()).toEqual([])
})

test('the same is true for remember, whose event does not contain the project', async () => {
  const user = await app.newUser()
  const other = await user.project()
  const scoped = (await create(user, { event_type: REMEMBERED, project_id: other })).body.id
  await user.post('/api/v1/public/memory/v2/remember', { content: 'here' })
  await user.post('/api/v1/public/memory/v2/remember', { content: 'there' }, { 'x-project-id': other })
  expect((await user.events()).map(({ event, data }) => ({ event, project: 'project_id' in data }))).toEqual([
    { event: REMEMBERED, project: false },
    { event: REMEMBERED, project: false },
  ])
  expect(await user.runs()).toMatchObject([{ hook_id: scoped, project_id: other, status: 'succeeded' }])
})

test('several hooks on one event get separate runs, and hooks on other events none', async () => {
  const user = await app.newUser()
  for (const hook_name of ['auto_embed', 'auto_graph']) await create(user, { event_type: REMEMBERED, hook_name })
  await create(user)
  await user.post('/api/v1/public/memory/v2/remember', { content: 'Alice met Bob' })
  expect(await user.trail()).toEqual({
    events: [REMEMBERED, 'zeromemory.relation_added'],
    runs: ['auto_embed succeeded', 'auto_graph succeeded'],
  })
})

test('the runs of a hook are listed, newest first', async () => {
  const user = await app.newUser()
  const { id } = (await create(user)).body
  await create(user, { hook_name: 'auto_graph' })
  for (let i = 0; i < 3; i++) await store(user)
  const all = (await user.runs()).filter((run) => run.hook_id === id).map((run) => run.id)
  expect(all).toHaveLength(3)
  const page = (await user.get(`${HOOKS}/${id}/runs?limit=2`)).body
  const rest = (await user.get(`${HOOKS}/${id}/runs?limit=2&cursor=${page.next_cursor}`)).body
  expect([...page.items, ...rest.items].map((run: { id: string }) => run.id).reverse()).toEqual(all)
  expect(rest.next_cursor).toBeNull()
  expect((await user.get(`${HOOKS}/${id}/runs?status=dead`)).body).toEqual({ items: [], next_cursor: null })
  expect((await user.get(`${HOOKS}/${id}/runs?cursor=wrong`)).status).toBe(422)
  expect((await (await app.newUser()).get(`${HOOKS}/${id}/runs`)).status).toBe(404)
})

test('a disabled hook does not fire, and fires again when it is enabled', async () => {
  const user = await app.newUser()
  const { id } = (await create(user)).body
  await user.patch(`${HOOKS}/${id}`, { is_active: false })
  await store(user)
  expect(await user.runs()).toEqual([])
  await user.patch(`${HOOKS}/${id}`, { is_active: true })
  await store(user)
  expect(await user.runs()).toMatchObject([{ hook_id: id, status: 'succeeded' }])
  expect((await user.events()).length).toBe(2)
})

test('disabling or deleting a hook cancels its queued runs and no others', async () => {
  const user = await app.newUser()
  const off = (await create(user)).body.id
  const gone = (await create(user, { project_id: user.project_id })).body.id
  const stays = (await create(user, { event_type: REMEMBERED })).body.id
  await app.withEmbedder(down, async () => {
    await store(user)
    await user.post('/api/v1/public/memory/v2/remember', { content: 'a text' })
    expect((await user.runs()).map(({ status }) => status)).toEqual(['queued', 'queued', 'queued'])
    await user.patch(`${HOOKS}/${off}`, { is_active: false })
    await user.delete(`${HOOKS}/${gone}`)
    const statuses = async () =>
      Object.fromEntries(
        (await user.runs()).map(({ hook_id, status, finished_at }) => [hook_id, [status, finished_at !== null]]),
      )
    expect(await statuses()).toEqual({
      [off]: ['cancelled', true],
      [gone]: ['cancelled', true],
      [stays]: ['queued', false],
    })
    await user.patch(`${HOOKS}/${off}`, { is_active: true })
    expect(await statuses()).toMatchObject({ [off]: ['cancelled', true] })
  })
  app.clock.advance(10)
  expect((await user.runs()).find(({ hook_id }) => hook_id === stays)).toMatchObject({
    status: 'succeeded',
    attempts: 2,
  })
})

test('a run uses the configuration at the time of its attempt', async () => {
  const user = await app.newUser()
  const { id } = (await create(user, { hook_config: { model: 'one' } })).body
  await app.withEmbedder(down, async () => {
    await store(user)
    expect(await user.runs()).toMatchObject([{ status: 'queued' }])
  })
  await user.patch(`${HOOKS}/${id}`, { hook_config: { model: 'two' } })
  app.clock.advance(10)
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', result: { requested: 'two' } }])
})

test('no run is created for an event that was committed before the hook existed', async () => {
  const user = await app.newUser()
  await store(user)
  await create(user)
  // As after a crash before dispatch: the event is in the outbox when the hook already exists.
  await app.system.database.query(sql`
    insert into zerodb_outbox (seq) select seq from zerodb_events where user_id = ${user.user_id}::uuid`)
  expect(await user.trail()).toEqual({ events: [STORED], runs: [] })
  await store(user)
  expect(await user.trail()).toEqual({ events: [STORED, STORED], runs: ['auto_embed succeeded'] })
})

test('an event that is dispatched twice creates its runs once', async () => {
  const user = await app.newUser()
  await create(user)
  await store(user)
  const before = await user.runs()
  await app.system.database.query(sql`
    insert into zerodb_outbox (seq) select seq from zerodb_events where user_id = ${user.user_id}::uuid`)
  expect(await user.runs()).toEqual(before)
})

test('a run keeps its id if a crash of the database undoes its dispatch', async () => {
  const user = await app.newUser()
  await create(user)
  await store(user)
  await store(user)
  const ids = (await user.runs()).map(({ id }) => id).sort()
  expect(new Set(ids).size).toBe(2)
  await app.system.database.query(sql`delete from zerodb_runs where user_id = ${user.user_id}::uuid`)
  await app.system.database.query(sql`
    insert into zerodb_outbox (seq) select seq from zerodb_events where user_id = ${user.user_id}::uuid`)
  expect((await user.runs()).map(({ id }) => id).sort()).toEqual(ids)
})

test('deleting a project deletes its hooks, and cancels queued runs', async () => {
  const user = await app.newUser()
  const project = await user.project()
  await create(user, { project_id: project })
  await app.withEmbedder(down, async () => {
    await store(user, project)
    expect(await user.runs()).toMatchObject([{ status: 'queued' }])
    expect((await user.delete(`/api/v1/projects/${project}`)).status).toBe(204)
  })
  expect(await user.runs()).toMatchObject([{ status: 'cancelled' }])
  expect((await user.get(`${HOOKS}?active_only=false`)).body).toEqual([])
})
