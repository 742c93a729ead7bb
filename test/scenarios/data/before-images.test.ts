import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { createRetention } from '../../../src/engine/maintenance.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ZERODB_RETENTION_DAYS: '7' })
})
afterAll(() => app.close())

/** Returns the before-images of a project, oldest first. */
const imagesOf = (project: string) =>
  app.system.database.query<{ before: Record<string, unknown>; vectors: string | null }>(sql`
    select before, before_vectors::text as vectors from zerodb_changes
    where before ->> 'project_id' = ${project}
    order by seq, n`)

/** Creates a row and updates it, in a project of the user. Returns the address of the row. */
async function changedRow(user: TestUser, project: string): Promise<string> {
  const tables = `/api/v1/projects/${project}/database/tables`
  await user.post(tables, { table_name: 'things' })
  const { row_id } = (await user.post(`${tables}/things/rows`, { row_data: { n: 1 } })).body
  const url = `${tables}/things/rows/${row_id}`
  expect((await user.patch(url, { row_data: { n: 2 } })).status).toBe(200)
  return url
}

test('a replaced vector has a before-image with its embedding, alone and in a batch', async () => {
  const user = await app.newUser()
  const vectors = `${user.database}/vectors`
  const item = (vector_id: string, embedding: number[]) => ({
    vector_id,
    vector_embedding: embedding,
    document: vector_id,
  })
  await user.post(`${vectors}/upsert`, item('a', [1, 2]))
  expect(await imagesOf(user.project_id)).toEqual([])
  await user.post(`${vectors}/upsert`, item('a', [3, 4]))
  await user.post(`${vectors}/upsert-batch`, [item('b', [5]), item('a', [6, 7])])
  const images = await imagesOf(user.project_id)
  expect(images.map(({ before, vectors }) => [before['vector_id'], vectors])).toEqual([
    ['a', '{"[1,2]",NULL}'],
    ['a', '{"[3,4]",NULL}'],
  ])
  expect((await user.events()).map(({ event }) => event)).toEqual([
    'zerodb.vector.stored',
    'zerodb.vector.stored',
    'zerodb.vector.batch_stored',
  ])
})

test('forgetting a record deletes its before-images and its name in the log', async () => {
  const user = await app.newUser()
  const { memory_id } = (await user.post(`${user.database}/memory/store`, { content: 'a secret' })).body
  await user.patch(`${user.database}/memory/${memory_id}`, { content: 'another secret' })
  expect(await imagesOf(user.project_id)).toHaveLength(1)
  expect((await user.post('/api/v1/public/memory/v2/forget', { memory_id })).status).toBe(200)
  expect(await imagesOf(user.project_id)).toEqual([])
  expect((await user.events()).map(({ event }) => event)).toEqual([
    'zerodb.memory.stored',
    'zerodb.memory.updated',
    'zeromemory.forgotten',
  ])
})

test('before-images are deleted with their project, and with their event at the end of its retention', async () => {
  const user = await app.newUser()
  const other = await user.project()
  await changedRow(user, other)
  const kept = await changedRow(user, user.project_id)
  expect(await imagesOf(other)).toHaveLength(1)
  expect((await user.delete(`/api/v1/projects/${other}`)).status).toBeLessThan(300)
  expect(await imagesOf(other)).toEqual([])
  expect(await imagesOf(user.project_id)).toHaveLength(1)
  expect((await user.get(`${kept}/history`)).body.items).toHaveLength(2)

  await app.drained()
  // Expiry stops at the first event that is young.
  await app.system.database.query(sql`update zerodb_events set created_at = created_at - interval '8 days'`)
  await createRetention(app.system.app).expire()
  expect(await imagesOf(user.project_id)).toEqual([])
  // The state of the insertion is not known any more.
  expect((await user.get(`${kept}/history`)).body).toEqual({ items: [], next_cursor: null })
})
