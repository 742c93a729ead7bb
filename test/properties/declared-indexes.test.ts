import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../src/db/sql.ts'
import type { RowPlace, RowQuery } from '../../src/store/data/row-query.ts'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
})
afterAll(() => app.close())

type Document = Record<string, unknown>

/** Values of all types in all the places where an order could be wrong: signs, exponents, prefixes, and texts that are cut in an index. */
const scalar = fc.oneof(
  fc.constantFrom(0, 1, -1, 2, 10, 12, 120, 123, -120, -123, 0.5, 0.05, -0.05, 1e20, -1e20, 1e-7, true, false, null),
  fc.constantFrom('', 'a', 'ab', 'b', 'Z', 'é', '\u{1F600}', '￿', '\u0001', '\u0001\u0001', '1', '9'),
  fc.constantFrom('x'.repeat(150), 'x'.repeat(151), `${'x'.repeat(150)}y`),
  fc.integer({ min: -30, max: 30 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
)
const value = fc.oneof(
  { weight: 12, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.constant({ x: 1 }) },
)
const few = fc.constantFrom<unknown>('a', 'b', 1, 2, true)
const document = fc.record(
  { a: fc.oneof({ weight: 9, arbitrary: few }, { weight: 1, arbitrary: value }), b: value, c: fc.integer({ max: 3 }) },
  { requiredKeys: [] },
)

const operand = fc.oneof(
  fc.constantFrom('', 'a', 'Z', '\u0001', 'x'.repeat(150), 'x'.repeat(151)),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const range = fc.dictionary(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), operand, { minKeys: 1, maxKeys: 2 })
const condition = fc.oneof(few, range)
const filter = fc.record(
  { a: condition, b: condition, c: fc.oneof(fc.constant(1), fc.constant({ $ne: 2 })) },
  { requiredKeys: [] },
)
const direction = fc.constantFrom(1 as const, -1 as const)
const sort = fc.oneof(
  fc.constant({}),
  direction.map((each) => ({ b: each })),
  direction.map((each) => ({ a: each, b: each })),
  fc.record({ a: direction, b: direction }),
)
const query = fc.record({ filter, sort, limit: fc.integer({ min: 1, max: 7 }), offset: fc.integer({ max: 4, min: 0 }) })

const INDEXES = [['b'], ['a', 'b'], ['a']]

/** Returns the numbers of the rows on each page of a query, and what the pages say of the total. */
async function pagesOf(name: string, wanted: Omit<RowQuery, 'after'>, indexes: string[][]): Promise<unknown[]> {
  const { tables, rowPages } = app.system.app.store
  const { id } = await tables.get(user, name)
  const pages: unknown[] = []
  let after: RowPlace | null = null
  do {
    const query = { ...wanted, after, offset: after === null ? wanted.offset : 0 }
    const page: Awaited<ReturnType<typeof rowPages.list>> = await rowPages.list(user, id, query, indexes)
    pages.push([page.rows.map(({ row_data }) => row_data['n']), page.total, page.has_more])
    after = page.last
  } while (after !== null)
  return pages
}

test('each query has the same pages with declared indexes as without, through inserts, updates and deletes', async () => {
  const { tables, rowChanges } = app.system.app.store
  await fc.assert(
    fc.asyncProperty(
      fc.array(document, { minLength: 1, maxLength: 30 }),
      fc.array(fc.tuple(fc.nat(29), document), { maxLength: 5 }),
      fc.array(query, { minLength: 5, maxLength: 10 }),
      async (documents, changes, queries) => {
        const [plain, indexed] = [randomUUID(), randomUUID()]
        await tables.create(user, { name: plain })
        await tables.create(user, { name: indexed, indexes: INDEXES.map((fields) => ({ fields })) })
        const numbered = documents.map((each, n): Document => ({ ...each, n }))
        for (const name of [plain, indexed]) {
          const rows = await tables.insertRows(user, name, numbered)
          for (const [n, data] of changes) {
            const row = rows[n % rows.length]!
            const change = { kind: 'replace', data: { ...data, n: n % rows.length } } as const
            await rowChanges.updateRow(user, name, row.row_id, change, undefined, true)
          }
          if (rows.length > 3) await rowChanges.removeRow(user, name, rows[3]!.row_id, undefined)
        }
        for (const each of queries) {
          const expected = await pagesOf(plain, each, [])
          expect(await pagesOf(indexed, each, INDEXES), JSON.stringify(each)).toEqual(expected)
        }
        // The entries are exactly those of the rows.
        const [stale] = await app.system.database.query<{ entries: number; rows: number }>(sql`
          select
            (select count(*) from zerodb_row_index_entries e join zerodb_row_indexes i on i.id = e.index_id where i.table_id = t.id) as entries,
            (select count(*) from zerodb_rows r where r.table_id = t.id) as rows
          from zerodb_tables t
          where t.name = ${indexed}`)
        expect(stale!.entries).toBe(stale!.rows * INDEXES.length)
      },
    ),
    { numRuns: 40 },
  )
}, 240_000)
