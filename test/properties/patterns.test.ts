import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'
import { anyPattern, HARD_PATTERNS } from '../support/patterns.ts'

const INSERTED = 'zerodb.table.row_inserted'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
  await user.post(`${user.database}/tables`, { table_name: 't' })
  const texts = ['a'.repeat(400), 'ab'.repeat(200), `${'a'.repeat(399)}!`, 'abc é x A '.repeat(40), '']
  const rows = texts.map((text) => ({ text }))
  expect((await user.post(`${user.database}/tables/t/rows`, { rows })).status).toBe(201)
  const vectors = rows.map((vector_metadata) => ({ vector_embedding: [1], vector_metadata }))
  expect((await user.post(`${user.database}/vectors/upsert-batch`, { vectors })).status).toBe(200)
})
afterAll(() => app.close())

/** Returns the status of a query with the pattern: on rows, on vectors, and of a filter test. A statement that exceeds its time is 503. */
async function statuses(pattern: string): Promise<number[]> {
  const condition = { $regex: pattern }
  const rows = await user.post(`${user.database}/tables/t/query`, { filters: { text: condition } })
  const search = { query_vector: [1], metadata_filter: { text: condition } }
  const vectors = await user.post(`${user.database}/vectors/search`, search)
  const filter = { 'row.text': condition }
  const tried = await user.post('/api/v1/hooks/test-filter', { event_type: INSERTED, filter })
  return [rows.status, vectors.status, tried.status]
}

test('A2: each pattern is answered or refused, the same by rows, vectors and hooks', async () => {
  const counts = { answered: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(fc.oneof(anyPattern(), anyPattern({ isPlain: true })), async (pattern) => {
      const [status, ...others] = await statuses(pattern)
      expect([200, 422]).toContain(status)
      expect(others).toEqual([status, status])
      counts[status === 200 ? 'answered' : 'refused']++
    }),
    { numRuns: 400, examples: HARD_PATTERNS.map((pattern) => [pattern]) },
  )
  console.log(`${counts.answered} patterns were answered, ${counts.refused} refused`)
  expect(Math.min(counts.answered, counts.refused)).toBeGreaterThan(50)
}, 180_000)
