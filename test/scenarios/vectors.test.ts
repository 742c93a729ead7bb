import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const EVENT_ID = /^evt_[0-9a-f]+$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

test('a vector upsert stores the vector and emits exactly one event', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/vectors/upsert`, {
    vector_id: 'v1',
    vector_embedding: [0.5, 0.25, 0],
    vector_metadata: { colour: 'red' },
    document: 'a red thing',
  })
  expect(reply.status).toBe(200)
  expect(reply.body).toMatchObject({
    vector_id: 'v1',
    project_id: user.project_id,
    namespace: 'default',
    vector_embedding: [0.5, 0.25, 0],
    dimension: 3,
    vector_metadata: { colour: 'red' },
    document: 'a red thing',
    source: 'api',
  })
  expect(await user.events()).toEqual([
    {
      id: expect.stringMatching(EVENT_ID),
      event: 'zerodb.vector.stored',
      channel: 'zerodb',
      data: { vector_id: 'v1', project_id: user.project_id, namespace: 'default', source: 'api', user_id: user.user_id },
      timestamp: expect.stringMatching(ISO),
    },
  ])
  expect(await user.runs()).toEqual([])
})

test('a batch emits one event that counts the rows stored, and no single events', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/vectors/upsert-batch`, [
    { vector_id: 'a', vector_embedding: [1, 0] },
    { vector_id: 'b', vector_embedding: [0, 1] },
    { vector_id: 'a', vector_embedding: [1, 1] },
  ])
  expect(reply.status).toBe(200)
  expect(reply.body).toMatchObject({ success_count: 2, error_count: 0, inserted: 2, errors: [] })
  expect((await user.events()).map(({ event, data }) => ({ event, data }))).toEqual([
    { event: 'zerodb.vector.batch_stored', data: { project_id: user.project_id, count: 2, user_id: user.user_id } },
  ])
  expect((await user.get(`${user.database}/vectors/a`)).body.vector_embedding).toEqual([1, 1])
})

test('a batch with one wrong item is refused with its index and stores nothing', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/vectors/upsert-batch`, {
    vectors: [{ id: 'a', vector_embedding: [1, 0] }, { id: 'b', vector_embedding: 'no' }],
  })
  expect(reply.status).toBe(422)
  expect(reply.body.detail).toEqual([
    { type: 'list_type', loc: ['body', 'vectors', 1, 'vector_embedding'], msg: 'Input should be a valid list', input: 'no' },
  ])
  expect(await user.events()).toEqual([])
  expect((await user.get(`${user.database}/vectors`)).body).toEqual({ vectors: [], total: 0 })
})

test('auto_embed gives a document its embedding, and a text search finds it', async () => {
  const user = await app.newUser()
  const hook = await user.hook('zerodb.vector.stored', 'auto_embed', { hook_config: { model: 'bge-m3', dimensions: 1024 } })
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'cat', document: 'A cat sleeps on the sofa' })
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'tax', document: 'The tax return is due in April' })
  const runs = await user.runs()
  expect(runs.map(({ hook_id, status, attempts, handler }) => ({ hook_id, status, attempts, handler }))).toEqual([
    { hook_id: hook.id, status: 'succeeded', attempts: 1, handler: 'auto_embed' },
    { hook_id: hook.id, status: 'succeeded', attempts: 1, handler: 'auto_embed' },
  ])
  expect(runs[0]!.result).toEqual({ requested: 'bge-m3', used: 'use-lite', dimensions: 512, embedded: 1 })
  expect(runs[0]!.logs[0]!.message).toContain('bge-m3')
  const found = await user.post(`${user.database}/vectors/search`, { query: 'kitten on a couch', limit: 2 })
  expect(found.body.vectors.map((vector: { vector_id: string }) => vector.vector_id)).toEqual(['cat', 'tax'])
  expect(found.body.model).toBe('use-lite')
  expect((await user.events()).length).toBe(2)
})
