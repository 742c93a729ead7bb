import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { startProvider, type TestProvider } from '../../support/provider.ts'

let provider: TestProvider
let app: TestApp
beforeAll(async () => {
  provider = await startProvider()
  app = await openTestApp({
    ZERODB_EMBEDDING_BASE_URL: provider.baseUrl,
    ZERODB_EMBEDDING_API_KEY: provider.apiKey,
    ZERODB_EMBEDDING_MODEL: 'bge-m3',
    ZERODB_EMBEDDING_DIMENSIONS: '8',
    ZERODB_LLM_BASE_URL: provider.baseUrl,
    ZERODB_LLM_API_KEY: provider.apiKey,
    ZERODB_LLM_MODEL: 'a-chat-model',
  })
})
afterEach(() => provider.reset())
afterAll(async () => {
  await app.close()
  await provider.close()
})

const MEMORY = '/api/v1/public/memory/v2'

test('auto_embed uses the configured provider, and search finds by its model', async () => {
  const user = await app.newUser()
  await user.hook('zerodb.vector.stored', 'auto_embed', { hook_config: { model: 'bge-m3', dimensions: 8 } })
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'a', document: 'a text' })
  expect(await user.runs()).toMatchObject([
    { status: 'succeeded', result: { requested: 'bge-m3', used: 'bge-m3', dimensions: 8, embedded: 1 }, logs: [] },
  ])
  const found = await user.post(`${user.database}/vectors/search`, { query: 'a text' })
  expect(found.body).toMatchObject({ model: 'bge-m3', total_count: 1, vectors: [{ vector_id: 'a', dimension: 8 }] })
})

test('auto_graph uses only facts of the model that the memory contains', async () => {
  const user = await app.newUser()
  await user.hook('zeromemory.remembered', 'auto_graph')
  provider.switches.replies = [
    JSON.stringify({
      entities: [
        { name: 'Dana', type: 'person' },
        { name: 'Hooli', type: 'organization' },
        { name: 'Moriarty', type: 'person' },
      ],
      relations: [
        { subject: 'Dana', predicate: 'works at', object: 'Hooli', confidence: 0.9 },
        { subject: 'Moriarty', predicate: 'owns', object: 'Hooli', confidence: 0.9 },
      ],
    }),
  ]
  await user.post(`${MEMORY}/remember`, { content: 'Dana works at Hooli.', entity_id: 'dana' })
  const graph = await user.get(`${MEMORY}/graph/neighbors/dana`)
  expect(
    graph.body.relationships.map((r: { predicate: string; object: string }) => `${r.predicate} ${r.object}`),
  ).toEqual(['works at Hooli'])
  expect((await user.get(`${MEMORY}/graph/neighbors/Moriarty`)).status).toBe(404)
})

test('a busy provider delays the run as long as it requests, and does not delay the write', async () => {
  const user = await app.newUser()
  await user.hook('zerodb.vector.stored', 'auto_embed', { hook_config: { model: 'bge-m3' } })
  provider.switches.fault = { status: 429, headers: { 'retry-after': '120' } }
  const stored = await user.post(`${user.database}/vectors/upsert`, { vector_id: 'a', document: 'a text' })
  expect(stored.status).toBe(200)
  const [waiting] = await user.runs()
  expect(waiting).toMatchObject({ status: 'queued', attempts: 1, error: { message: expect.stringContaining('429') } })
  expect(Date.parse(waiting!.run_at) - Date.parse(waiting!.created_at)).toBeGreaterThanOrEqual(119_000)
  provider.switches.fault = undefined
  app.clock.advance(150)
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 2, error: null }])
})

test('vectors with another length than configured are never stored', async () => {
  const user = await app.newUser()
  await user.hook('zerodb.vector.stored', 'auto_embed', { hook_config: { model: 'bge-m3' } })
  provider.switches.vectors = 'wrong-length'
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'a', document: 'a text' })
  const [run] = await user.runs()
  expect(run!.status).not.toBe('succeeded')
  expect((await user.get(`${user.database}/vectors/a`)).body.dimension).toBe(null)
})

test('a search while the provider is down is 503 with Retry-After; recall compares words', async () => {
  const user = await app.newUser()
  await user.hook('zeromemory.remembered', 'auto_embed', { hook_config: { model: 'bge-m3' } })
  await user.post(`${MEMORY}/remember`, { content: 'The kettle is broken' })
  await user.runs()
  provider.switches.fault = { status: 503 }
  const search = await user.post(`${user.database}/vectors/search`, { query: 'a text' })
  expect(search.status).toBe(503)
  expect(Number(search.headers['retry-after'])).toBeGreaterThan(0)
  const recalled = await user.post(`${MEMORY}/recall`, { query: 'kettle' })
  expect(recalled.body.results.map((memory: { content: string }) => memory.content)).toEqual(['The kettle is broken'])
})

test('a provider that refuses the request makes the run dead immediately, with its reason and without the key', async () => {
  const user = await app.newUser()
  await user.hook('zerodb.vector.stored', 'auto_embed', { hook_config: { model: 'bge-m3' } })
  provider.switches.fault = { status: 400, body: { error: { message: 'this model does not exist' } } }
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'a', document: 'a text' })
  const [run] = await user.runs()
  expect(run).toMatchObject({
    status: 'dead',
    attempts: 1,
    error: { message: expect.stringContaining('this model does not exist') },
  })
  expect(JSON.stringify(run)).not.toContain(provider.apiKey)
})

test('re-embedding uses the old model until all embeddings are converted, then the new one', async () => {
  const user = await app.newUser()
  const scope = { user_id: user.user_id, project_id: user.project_id }
  const { store, embedders } = app.system.app
  const [configured, builtIn] = embedders
  const documents = ['A cat sleeps on the sofa', 'The tax return is due in April', 'Bread is baked in an oven']
  for (const [i, document] of documents.entries()) {
    const stored = await user.post(`${user.database}/vectors/upsert`, { vector_id: `v${i}`, document })
    expect(stored.status).toBe(200)
  }
  // Created before the provider was configured.
  const items = (
    await Promise.all(
      (
        await user.events()
      ).map(async (event) => {
        const { ref } = await refOf(event.id)
        return store.vectors.toEmbed(user.project_id, { id: ref })
      }),
    )
  ).flat()
  const embeddings = await builtIn!.embed(items.map((item) => item.document))
  await store.vectors.setEmbeddings(items, embeddings, { used: builtIn!.model, requested: builtIn!.model })

  const search = async () => (await user.post(`${user.database}/vectors/search`, { query: 'kitten on a couch' })).body
  expect((await search()).model).toBe('use-lite')
  const step = (limit: number) => user.post(`${user.database}/embeddings/re-embed`, { limit })
  expect((await step(2)).body).toEqual({ model: configured!.model, converted: 2, left: 1, switched: 0 })
  const halfway = await search()
  expect({ model: halfway.model, found: halfway.total_count, first: halfway.vectors[0].vector_id }).toEqual({
    model: 'use-lite',
    found: 3,
    first: 'v0',
  })
  expect((await step(2)).body).toEqual({ model: configured!.model, converted: 1, left: 0, switched: 3 })
  expect(await search()).toMatchObject({ model: 'bge-m3', total_count: 3 })
  expect((await step(2)).body).toEqual({ model: configured!.model, converted: 0, left: 0, switched: 0 })
  expect(await store.reembed.isRunning(scope)).toBe(false)
})

async function refOf(eventId: string): Promise<{ ref: string }> {
  const [row] = await app.system.database.query<{ ref: string }>(
    sql`select ref from zerodb_events where id = ${eventId}`,
  )
  return row!
}
