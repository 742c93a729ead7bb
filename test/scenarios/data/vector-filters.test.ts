import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

/** More vectors than a query with a filter reads in the order of creation. */
const COUNT = 4_500

/** Stores vectors in the order of their numbers: a frequent value, one of every 50th vector, and one that three of the last vectors have. */
async function store(user: TestUser, namespace: string): Promise<void> {
  await app.system.database.query(sql`
    insert into zerodb_vectors (project_id, namespace, vector_id, embedding, metadata, source, created_at)
    select
      ${user.project_id}::uuid, ${namespace}, 'v' || n, array[cos(n), sin(n), 1]::vector,
      jsonb_build_object('half', n % 2, 'fiftieth', n % 50, 'late', n > ${COUNT - 3}::int, 'tags', jsonb_build_array('t' || n % 700)), 'test',
      now() - interval '1 day' + n * interval '1 ms'
    from generate_series(1, ${COUNT}::int) n`)
}

const numbers = (matches: (n: number) => boolean) =>
  Array.from({ length: COUNT }, (_, i) => i + 1)
    .filter(matches)
    .map((n) => `v${n}`)

const FILTERS: [filter: Record<string, unknown>, matches: (n: number) => boolean][] = [
  [{ half: 1 }, (n) => n % 2 === 1],
  [{ fiftieth: 7 }, (n) => n % 50 === 7],
  [{ late: true }, (n) => n > COUNT - 3],
  [{ tags: 't5' }, (n) => n % 700 === 5],
  [{ fiftieth: 7, half: 0 }, () => false],
  [{ fiftieth: { $gt: 48 } }, (n) => n % 50 === 49],
  [{ $or: [{ late: true }, { tags: 't5' }] }, (n) => n > COUNT - 3 || n % 700 === 5],
]

describe('a filter of metadata in a namespace of thousands of vectors', () => {
  test('selects the same vectors in every operation, in every page', async () => {
    const [user, other] = [await app.newUser(), await app.newUser()]
    await store(user, 'one')
    await store(other, 'one')
    const { vectors } = app.system.app.store
    for (const [filter, matches] of FILTERS) {
      const expected = numbers(matches)
      for (const namespace of ['one', null]) {
        const selection = { namespace, filter }
        const found: string[] = []
        let after = null
        do {
          const page = await vectors.list(user, selection, { limit: 997, offset: 0, after })
          found.push(...page.rows.map(({ vector_id }) => vector_id))
          expect(page).toMatchObject({ total: expected.length, total_is_exact: true })
          expect(page.rows.every(({ project_id }) => project_id === user.project_id)).toBe(true)
          after = page.last
        } while (after)
        expect(found).toEqual(expected)
        expect(await vectors.count(user, selection)).toEqual({ total: expected.length, total_is_exact: true })
        const middle = await vectors.list(user, selection, { limit: 5, offset: 2, after: null })
        expect(middle.rows.map(({ vector_id }) => vector_id)).toEqual(expected.slice(2, 7))
      }
      const search = await app.system.app.store.vectorSearch.search(
        user,
        { namespace: 'one', dims: 3, model: null },
        Float32Array.from([1, 0, 1]),
        { limit: 10, threshold: null, filter },
      )
      const nearest = expected
        .map((id) => ({ id, distance: -Math.cos(Number(id.slice(1))) }))
        .sort((a, b) => a.distance - b.distance)
      expect(search.rows.map(({ vector_id }) => vector_id)).toEqual(nearest.slice(0, 10).map(({ id }) => id))
    }
  })

  test('deletes exactly the vectors that match, oldest first, with an event for each', async () => {
    const user = await app.newUser()
    await store(user, 'one')
    const remove = (metadata_filter: unknown, limit?: number) =>
      user.post(`${user.database}/vectors/delete`, { namespace: 'one', metadata_filter, limit })
    const left = `${user.database}/vectors?namespace=one&limit=1&metadata_filter=${encodeURIComponent('{"late":true}')}`
    expect((await remove({ tags: 't5' }, 4)).body).toMatchObject({
      vector_ids: ['v5', 'v705', 'v1405', 'v2105'],
      has_more: true,
    })
    expect((await remove({ tags: 't5' })).body).toMatchObject({
      vector_ids: ['v2805', 'v3505', 'v4205'],
      has_more: false,
    })
    expect((await remove({ late: true })).body.vector_ids).toEqual([`v${COUNT - 2}`, `v${COUNT - 1}`, `v${COUNT}`])
    expect((await remove({ half: 1 }, 2)).body).toMatchObject({ vector_ids: ['v1', 'v3'], has_more: true })
    const deleted = (await user.events()).filter(({ event }) => event === 'zerodb.vector.deleted')
    expect(deleted).toHaveLength(12)
    expect((await user.get(left)).body).toMatchObject({ total: 0 })
  })
})
