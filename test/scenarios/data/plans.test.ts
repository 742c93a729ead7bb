import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const PLAN = '/api/v1/public/memory/v2/plan'

async function created(body: object = {}): Promise<string> {
  user = await app.newUser()
  const reply = await user.post(PLAN, { title: 'Move', content: '1. flat\n', ...body })
  expect(reply.status, JSON.stringify(reply.body)).toBe(201)
  return reply.body.plan_id
}

test('G14: a plan is created, changed and read in the form of its clients', async () => {
  user = await app.newUser()
  const body = { title: 'Move', type: 'plan', content: '1. flat\n', session_id: 's1' }
  const reply = await user.post(`${PLAN}/`, body)
  expect(reply.status).toBe(201)
  const { plan_id } = reply.body
  expect(reply.body).toEqual({
    ...body,
    plan_id,
    id: plan_id,
    status: 'draft',
    version: 1,
    created_at: expect.any(String),
    updated_at: expect.any(String),
  })
  const changed = await user.request('PATCH', `${PLAN}/${plan_id}`, {
    body: { content: '1. flat\n2. flight\n', status: 'active' },
  })
  expect(changed.status).toBe(200)
  expect(changed.body).toMatchObject({ title: 'Move', session_id: 's1', status: 'active', version: 2 })
  expect((await user.get(`${PLAN}/${plan_id}`)).body).toEqual(changed.body)

  const { body: page } = await user.get(`${PLAN}/${plan_id}/history`)
  const first = { title: 'Move', type: 'plan', content: '1. flat\n', status: 'draft', session_id: 's1' }
  const second = { ...first, content: '1. flat\n2. flight\n', status: 'active' }
  expect(page).toEqual({
    plan_id,
    history: [
      {
        at: expect.any(String),
        changed: ['content', 'status'],
        before: first,
        after: second,
        diff: '@@ -1,1 +1,2 @@\n 1. flat\n+2. flight\n',
      },
      {
        at: expect.any(String),
        changed: expect.arrayContaining(['title', 'content']),
        before: null,
        after: first,
        diff: '@@ -0,0 +1,1 @@\n+1. flat\n',
      },
    ],
    next_cursor: null,
  })
  const events = (await user.events()).map(({ event, data }) => [event, data])
  const about = { table_name: 'memory_plans', row_id: plan_id }
  expect(events).toEqual([
    ['zerodb.table.row_inserted', expect.objectContaining(about)],
    ['zerodb.table.row_updated', expect.objectContaining({ ...about, changed: ['content', 'status'] })],
  ])
})

test('a history has pages', async () => {
  const id = await created()
  for (const content of ['2', '3', '4'])
    expect((await user.request('PATCH', `${PLAN}/${id}`, { body: { content } })).status).toBe(200)
  const first = (await user.get(`${PLAN}/${id}/history?limit=2`)).body
  const rest = (await user.get(`${PLAN}/${id}/history?limit=50&cursor=${encodeURIComponent(first.next_cursor)}`)).body
  const contents = [...first.history, ...rest.history].map(({ after }) => after.content)
  expect([contents, rest.next_cursor]).toEqual([['4', '3', '2', '1. flat\n'], null])
})

test('a change that changes nothing emits no event', async () => {
  const id = await created()
  expect((await user.request('PATCH', `${PLAN}/${id}`, { body: { title: 'Move' } })).body.version).toBe(1)
  expect((await user.events()).map(({ event }) => event)).toEqual(['zerodb.table.row_inserted'])
})

test('plans of one project that are created at once share a table', async () => {
  user = await app.newUser()
  const replies = await Promise.all(['a', 'b', 'c', 'd'].map((title) => user.post(PLAN, { title, content: 'x' })))
  expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201])
  const tables = (await user.get(`/api/v1/projects/${user.project_id}/database/tables`)).body
  expect(tables.map(({ table_name }: { table_name: string }) => table_name)).toEqual(['memory_plans'])
})

test('a row with other fields is read as far as it is a plan', async () => {
  const id = await created()
  const row = `/api/v1/projects/${user.project_id}/database/tables/memory_plans/rows/${id}`
  expect((await user.request('PUT', row, { body: { row_data: { title: 7, note: 'x' } } })).status).toBe(200)
  expect((await user.get(`${PLAN}/${id}`)).body).toMatchObject({ title: '', content: '', status: 'draft', version: 2 })
})

test('wrong input is refused with its field, and unknown plans are not found', async () => {
  const id = await created()
  for (const [body, field] of [
    [{ content: 'x' }, 'title'],
    [{ title: 'x' }, 'content'],
    [{ title: '', content: 'x' }, 'title'],
    [{ title: 'x', content: 'x', status: 'done' }, 'status'],
  ] as const) {
    const reply = await user.post(PLAN, body)
    expect([reply.status, reply.body.detail[0].loc.at(-1)]).toEqual([422, field])
  }
  const unknown = '00000000-0000-4000-8000-000000000000'
  const other = await app.newUser()
  for (const reply of [
    await user.get(`${PLAN}/${unknown}`),
    await user.get(`${PLAN}/${unknown}/history`),
    await user.request('PATCH', `${PLAN}/${unknown}`, { body: { title: 'x' } }),
    await other.get(`${PLAN}/${id}`),
    await other.get(`${PLAN}/${id}/history`),
    await other.request('PATCH', `${PLAN}/${id}`, { body: { title: 'x' } }),
  ])
    expect([reply.status, reply.body.detail]).toEqual([404, 'Plan not found'])
})
