import { expect } from 'vitest'
import type { EventName } from '../../src/schema/events.ts'
import type { TestUser } from './app.ts'

/** A request that emits each event type once. Paths begin behind `/projects/:id/database`, or at `/api`. */
export const WRITES: Record<EventName, [path: string, body: object]> = {
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
}

/** Writes one of each thing, so that each event type is emitted once. */
export async function writeAll(user: TestUser): Promise<void> {
  const posts: [string, object][] = [['/tables', { table_name: 'orders' }], ...Object.values(WRITES)]
  for (const [path, body] of posts) {
    const url = path.startsWith('/api') ? path : `${user.database}${path}`
    expect((await user.post(url, body)).status, url).toBeLessThan(300)
  }
}
