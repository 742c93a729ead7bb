import { afterAll, beforeAll, expect, test } from 'vitest'
import { OPERATIONS } from '../../../src/operations/index.ts'
import type { TestUser } from '../../support/app.ts'
import { BUILT_IN, type McpApp, openMcpApp } from '../../support/mcp-app.ts'
import type { TestClient } from '../../support/mcp-clients.ts'

let app: McpApp
let user: TestUser
let client: TestClient
beforeAll(async () => {
  app = await openMcpApp()
  user = await app.newUser()
  client = await app.connect(user.key)
})
afterAll(async () => {
  await client.close()
  await app.close()
})

async function call(name: string, args: Record<string, unknown>) {
  const { content, isError, structuredContent } = await client.call(name, args)
  if (isError) throw new Error(content[0].text)
  expect(structuredContent).toEqual(JSON.parse(content[0].text))
  return structuredContent
}

/** Maximum number of tokens: o200k_base and cl100k_base use one for 4.4 characters of these schemas. */
const tokens = (text: string): number => Math.ceil(text.length / 3)

test('the schemas of all tools together are small', async () => {
  const tools = await client.tools()
  expect(tools.map(({ name }) => name)).toEqual(BUILT_IN)
  const all = tokens(JSON.stringify(tools))
  const inputs = tokens(JSON.stringify(tools.map(({ outputSchema: _, ...tool }) => tool)))
  console.log(`the built-in tools: about ${all} tokens, ${inputs} without output schemas`)
  expect(inputs).toBeLessThan(1_500)
  expect(all).toBeLessThan(2_250)
})

/** Arguments that the operation of a tool does not have. */
const OWN_ARGUMENTS = { store_text: ['text'] }

test('E: every tool has an output schema, and describes its arguments, which have the names of the API', async () => {
  const fields = new Set(OPERATIONS.flatMap(({ input }) => Object.keys(input.shape)))
  for (const { name, inputSchema, outputSchema } of await client.tools()) {
    expect(outputSchema, name).toMatchObject({ type: 'object', required: expect.any(Array) })
    const args = Object.entries(inputSchema.properties as Record<string, { description?: string }>)
    for (const [argument, { description }] of args) {
      expect(description, `${name} ${argument}`).toBeTruthy()
      const own = OWN_ARGUMENTS[name as keyof typeof OWN_ARGUMENTS] ?? []
      expect([...fields, ...own], name).toContain(argument)
    }
  }
})

test('numbers keep their digits', async () => {
  await user.post(`${user.database}/tables`, { table_name: 'exact' })
  const payload = '{"row_data": {"id": 12345678901234567890}}'
  const headers = { 'content-type': 'application/json' }
  await user.request('POST', `${user.database}/tables/exact/rows`, { payload, headers })
  const { content } = await client.call('query_table', { table: 'exact' })
  expect(content[0].text).toContain('12345678901234567890')
})

test('remember, recall, graph_neighbors, forget', async () => {
  await user.hook('zeromemory.remembered', 'auto_graph')
  const { memory_id } = await call('remember', {
    content: 'Ada Lovelace works for Acme Corporation.',
    tags: ['people'],
  })
  const { memories } = await call('recall', { query: 'Where does Ada work?', limit: 1 })
  expect(memories).toEqual([
    {
      memory_id,
      content: 'Ada Lovelace works for Acme Corporation.',
      score: expect.any(Number),
      tags: ['people'],
      created_at: expect.any(String),
    },
  ])
  expect(await call('graph_neighbors', { entity: 'Ada Lovelace' })).toEqual({
    entity: { name: 'Ada Lovelace', type: expect.any(String) },
    relationships: [
      { subject: 'Ada Lovelace', predicate: 'works for', object: 'Acme Corporation', sources: [memory_id] },
    ],
  })
  expect(await call('forget', { memory_id })).toMatchObject({ status: 'forgotten', receipt: { memories: 1, edges: 1 } })
  expect(await call('recall', { query: 'Where does Ada work?' })).toEqual({ memories: [] })
})

test('search_vectors', async () => {
  await user.hook('zerodb.vector.stored', 'auto_embed')
  for (const [vector_id, document] of [
    ['tea', 'Green tea is brewed at eighty degrees.'],
    ['rail', 'The night train leaves from platform four.'],
  ])
    await user.post(`${user.database}/vectors/upsert`, { vector_id, document, vector_metadata: { kind: vector_id } })
  await app.drained()
  const search = async (args: object) =>
    (await call('search_vectors', { query: 'how hot must the water be?', ...args })).results
  expect((await search({ limit: 1 }))[0]).toEqual({
    vector_id: 'tea',
    namespace: 'default',
    similarity: expect.any(Number),
    document: 'Green tea is brewed at eighty degrees.',
    summary: null,
    metadata: { kind: 'tea' },
  })
  expect(await search({ metadata_filter: { kind: 'rail' } })).toMatchObject([{ vector_id: 'rail' }])
})

test('query_table', async () => {
  await user.post(`${user.database}/tables`, { table_name: 'orders' })
  const rows = [1, 2, 3].map((n) => ({ n, open: n > 1 }))
  await user.post(`${user.database}/tables/orders/rows`, { rows })
  expect(await call('query_table', { table: 'orders', filters: { n: { $gt: 1 } }, sort: { n: -1 }, limit: 1 })).toEqual(
    {
      total: 2,
      has_more: true,
      data: [{ row_id: expect.any(String), row_data: { n: 3, open: true } }],
    },
  )
  await expect(call('query_table', { table: 'nowhere' })).rejects.toThrow('Table not found')
})

test('store_text', async () => {
  const { file_id, ...rest } = await call('store_text', {
    file_name: 'note.md',
    text: 'Grüße',
    content_type: 'text/markdown',
  })
  expect(rest).toEqual({ file_name: 'note.md', size_bytes: 7 })
  const { raw, headers } = await user.get(`${user.database}/files/${file_id}/download`)
  expect(raw.toString()).toBe('Grüße')
  expect(headers['content-type']).toMatch('text/markdown')
})

test('publish_event', async () => {
  const { event_id } = await call('publish_event', { topic: 'orders', event_payload: { id: 7 } })
  const { body } = await user.get(`${user.database}/events`)
  expect(body.events).toMatchObject([{ event_id, topic: 'orders', event_payload: { id: 7 } }])
})

test.each([
  ['recall', { query: 7 }, 'query: Input should be a valid string'],
  ['remember', {}, 'content: Field required'],
  ['forget', { memory_id: '00000000-0000-4000-8000-000000000000' }, 'Memory not found'],
  ['store_text', { file_name: 'a', text: 7 }, 'file_content'],
  ['remember', { content: 'a\u0000b' }, 'Text must not contain the character U+0000'],
  ['recall', { query: 'x', namespace: 'other' }, 'recall has no argument "namespace"'],
])('%s explains its error for %j', async (name, args, reason) => {
  const { isError, content } = await client.call(name, args)
  expect(isError).toBe(true)
  expect(content[0].text).toContain(reason)
})
