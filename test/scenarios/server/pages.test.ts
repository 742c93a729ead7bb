import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'
import { createFixtures, type Fixtures, fixtureOf } from '../../support/fixtures.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
let user: TestUser
let fixtures: Fixtures
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
  user = await app.newUser()
  fixtures = await createFixtures(app, user, user.project_id)
  const database = `/api/v1/projects/${user.project_id}/database`
  // Several objects of each kind. The vectors and rows of one request have the same time.
  await user.post(
    `${database}/vectors/upsert-batch`,
    Array.from({ length: 4 }, () => ({ vector_embedding: [1, 2] })),
  )
  for (let n = 0; n < 4; n++) {
    await user.post(`${database}/vectors/upsert`, { vector_embedding: [1, 2], namespace: `namespace ${n}` })
    await user.post(`${database}/memory/store`, { content: `record ${n}`, session_id: `session ${n}` })
    await user.post(`${database}/files/upload`, { file_name: `f${n}`, file_content: 'aGk=' })
    await user.post(`${database}/tables`, { table_name: `more-${n}` })
    await user.patch(`${database}/tables/${fixtures.table}/rows/${fixtures.row}`, { row_data: { n } })
    await user.post(`${database}/events/publish`, { topic: `topic ${n}` })
    await user.post('/api/v1/auth/api-keys', { name: `key ${n}` })
    await user.post('/api/v1/schedules', { topic: `topic ${n}`, cron: '0 0 1 1 *' })
    await user.request('PUT', '/api/v1/secrets/SECRET', { body: { value: `value ${n}` } })
    await user.request('PUT', `/api/v1/env-sets/${fixtures.envSet}`, { body: { env: { N: String(n) } } })
    await user.patch(`/api/v1/public/memory/v2/plan/${fixtures.plan}`, { content: `steps ${n}` })
    await user.project(`project ${n}`)
    await user.post('/api/v1/public/memory/v2/remember', { content: `memory ${n}` })
    await user.post('/api/v1/replays', { hook_id: fixtures.pausedHook })
  }
  // A running replay would add runs while the tests read them.
  for (const { id } of (await user.get('/api/v1/replays')).body.items) await user.post(`/api/v1/replays/${id}/cancel`)
  await app.drained()
})
afterAll(() => app.close())

/** Lists with cursors. A poll returns a cursor at its end too, where it waits for more. */
const LISTS = OPERATIONS.filter(
  ({ kind, route, input, name }) =>
    kind === 'json' &&
    route.startsWith('GET') &&
    'cursor' in input.shape &&
    'limit' in input.shape &&
    name !== 'events.poll',
)

function request(operation: (typeof LISTS)[number], query: Record<string, string | number>): Promise<Reply> {
  const path = operation.route.split(' ')[1]!.replace(/:(\w+)/g, (_, key) => fixtureOf(fixtures, operation, key))
  const texts = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)])
  return user.get(`${path}?${new URLSearchParams(texts)}`)
}

const itemsOf = ({ body }: Reply): Record<string, unknown>[] =>
  Array.isArray(body) ? body : (Object.values(body).find(Array.isArray) as Record<string, unknown>[])
const cursorOf = ({ body, headers }: Reply) =>
  Array.isArray(body) ? (headers['x-next-cursor'] as string | undefined) : (body.next_cursor ?? undefined)

test('lists with cursors are those of projects, keys, files, records, vectors, tables, events, runs and replays', () => {
  expect(LISTS.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'projects.list',
      'keys.list',
      'files.list',
      'memory.list',
      'vectors.list',
      'events.list',
      'event_log.list',
      'runs.list',
      'hooks.runs',
      'replays.list',
    ]),
  )
})

describe.each(LISTS.map((operation) => [operation.name, operation] as const))('%s', (_, operation) => {
  test('has each item once on pages that follow the cursor, in the order of the whole list', async () => {
    const most = (operation.input.shape['limit'] as z.ZodType).safeParse(1000).success ? 1000 : 100
    const whole = itemsOf(await request(operation, { limit: most }))
    expect(whole.length).toBeGreaterThan(2)
    const paged: unknown[] = []
    let cursor: string | undefined
    do {
      const reply = await request(operation, { limit: 2, ...(cursor === undefined ? {} : { cursor }) })
      expect(reply.status).toBe(200)
      paged.push(...itemsOf(reply))
      cursor = cursorOf(reply)
    } while (cursor !== undefined && paged.length <= whole.length)
    expect(paged).toEqual(whole)
  })

  test('refuses a cursor that is not from this server', async () => {
    const reply = await request(operation, { cursor: 'none' })
    expect({ status: reply.status, detail: reply.body.detail }).toEqual({
      status: 422,
      detail: expect.stringContaining('cursor: send'),
    })
  })
})

test('a total counts what is before the cursor too', async () => {
  const list = LISTS.find(({ name }) => name === 'vectors.list')!
  const first = await request(list, { limit: 2 })
  const second = await request(list, { limit: 2, cursor: first.body.next_cursor })
  expect([first.body.total, second.body.total]).toEqual([9, 9])
  expect(second.body.vectors).toHaveLength(2)
})
