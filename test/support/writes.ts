import { expect } from 'vitest'
import type { EventName, StoredEventName } from '../../src/schema/events.ts'
import type { TestUser } from './app.ts'

/** A request that emits each event type of a stored row once. Paths begin behind `/projects/:id/database`, or at `/api`. */
export const WRITES: Record<StoredEventName, [path: string, body: object]> = {
  'zerodb.vector.stored': ['/vectors/upsert', { document: 'a text', namespace: 'n', source: 's' }],
  'zerodb.vector.batch_stored': ['/vectors/upsert-batch', { vectors: [{ document: 'one' }, { document: 'two' }] }],
  'zerodb.memory.stored': ['/memory/store', { content: 'a record', agent_id: 'an agent' }],
  'zerodb.file.uploaded': [
    '/files/upload',
    { file_name: 'a.txt', content_type: 'text/plain', file_content: Buffer.from('hi').toString('base64') },
  ],
  'zerodb.table.row_inserted': ['/tables/orders/rows', { row_data: { n: 1 } }],
  'zerodb.event.published': ['/events/publish', { topic: 'a topic' }],
  'zeromemory.remembered': [
    '/api/v1/public/memory/v2/remember',
    { content: 'Alice met Bob', entity_id: 'alice', namespace: 'n' },
  ],
  'zeromemory.relation_added': [
    '/api/v1/public/memory/v2/relate',
    { subject: 'Alice', predicate: 'works for', object: 'Initech' },
  ],
}

/** Writes one of each thing, so that each event type of a stored row is emitted once. */
export async function writeAll(user: TestUser): Promise<void> {
  const posts: [string, object][] = [['/tables', { table_name: 'orders' }], ...Object.values(WRITES)]
  for (const [path, body] of posts) {
    const url = path.startsWith('/api') ? path : `${user.database}${path}`
    expect((await user.post(url, body)).status, url).toBeLessThan(300)
  }
}

/** Updates and deletes one of each thing that `writeAll` wrote, so that each other event type is emitted once, in this order. */
export async function changeAll(user: TestUser): Promise<Exclude<EventName, StoredEventName>[]> {
  const first = async (path: string) => {
    const { body } = await user.get(`${user.database}${path}?limit=1`)
    return (body.data ?? body.vectors ?? body)[0].id as string
  }
  const row = `/tables/orders/rows/${await first('/tables/orders/rows')}`
  const record = `/memory/${await first('/memory')}`
  const file = `/files/${await first('/files')}`
  const { vectors } = (await user.get(`${user.database}/vectors?namespace=n`)).body
  const vector = `/vectors/${vectors[0].vector_id}`
  const relations = await user.get('/api/v1/public/memory/v2/graph/neighbors/alice')
  const recalled = await user.post('/api/v1/public/memory/v2/recall', { query: 'Alice' })
  const changes: [Exclude<EventName, StoredEventName>, string, string, object?][] = [
    ['zerodb.table.row_updated', 'PATCH', row, { row_data: { n: 2 } }],
    ['zerodb.table.row_deleted', 'DELETE', row],
    ['zerodb.vector.updated', 'PATCH', vector, { vector_metadata: { n: 2 } }],
    ['zerodb.vector.deleted', 'DELETE', vector],
    ['zerodb.memory.updated', 'PATCH', record, { content: 'another record' }],
    ['zerodb.memory.deleted', 'DELETE', record],
    ['zerodb.file.updated', 'PATCH', file, { file_name: 'b.txt' }],
    ['zerodb.file.deleted', 'DELETE', file],
    ['zeromemory.forgotten', 'POST', '/api/v1/public/memory/v2/forget', { memory_id: recalled.body.results[0].id }],
    [
      'zeromemory.relation_ended',
      'DELETE',
      `/api/v1/public/memory/v2/graph/relations/${relations.body.relationships[0].id}`,
    ],
  ]
  // A run that dies: its receiver does not exist.
  const hook = await user.hook('zerodb.event.published', 'webhook:nowhere', {
    hook_config: { url: 'http://nowhere.invalid/' },
    retry: { max_attempts: 1 },
  })
  changes.push(['zerodb.run.dead', 'POST', `/api/v1/hooks/${hook.id}/invoke`, {}])
  for (const [, method, path, body] of changes) {
    const url = path.startsWith('/api') ? path : `${user.database}${path}`
    const reply = await user.request(method, url, body === undefined ? {} : { body })
    expect(reply.status, `${method} ${url}`).toBeLessThan(300)
  }
  return changes.map(([event]) => event)
}
