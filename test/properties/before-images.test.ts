import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { sql } from '../../src/db/sql.ts'
import { ZeroError } from '../../src/errors.ts'
import { beforeImage } from '../../src/store/before-images.ts'
import type { Scope } from '../../src/store/context.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import type { TestDatabase } from '../contract/database.ts'
import { openHere } from '../contract/open.ts'

// Several writers change rows and vectors at random. Afterwards the event log, read backwards with its before-images, must lead from the
// final state to each earlier state exactly.

let here: TestDatabase
let store: Store
beforeAll(async () => {
  here = await openHere()
  await migrate(here.database)
  store = openStore(here.database, { onCommitted: () => undefined, skewSeconds: () => 0 })
  await store.events.ensureKey()
})
afterAll(() => here.remove())

const TABLE = 'things'
const which = fc.nat({ max: 5 })
const small = fc.nat({ max: 3 })
const step = fc.oneof(
  fc.record({ do: fc.constant('insert' as const), values: fc.array(small, { minLength: 1, maxLength: 3 }) }),
  fc.record({ do: fc.constant('replace' as const), which, value: small }),
  fc.record({ do: fc.constant('increment' as const), which }),
  fc.record({ do: fc.constant('update_many' as const), value: small, next: small }),
  fc.record({ do: fc.constant('delete' as const), which }),
  fc.record({ do: fc.constant('delete_many' as const), value: small }),
  fc.record({ do: fc.constant('upsert' as const), values: fc.uniqueArray(small, { minLength: 1, maxLength: 3 }) }),
  fc.record({ do: fc.constant('store_vector' as const), which, value: small }),
  fc.record({
    do: fc.constant('store_batch' as const),
    ids: fc.array(which, { minLength: 1, maxLength: 4 }),
    value: small,
  }),
  fc.record({ do: fc.constant('update_vector' as const), which, value: small }),
  fc.record({ do: fc.constant('delete_vector' as const), which }),
)
type Step = typeof step extends fc.Arbitrary<infer Type> ? Type : never

const vectorOf = (id: number, value: number) => ({
  vector_id: `v${id}`,
  namespace: 'n',
  vector_embedding: [value, 1],
  vector_metadata: { value },
  document: null,
  source: 'api',
})

async function act(scope: Scope, each: Step): Promise<void> {
  const { tables, rowChanges, vectors } = store
  const rowId = async (n: number) => {
    const { rows } = await store.rowPages.list(scope, TABLE_ID, {
      filter: {},
      sort: {},
      limit: 6,
      offset: 0,
      after: null,
    })
    return rows[n % Math.max(1, rows.length)]?.row_id
  }
  switch (each.do) {
    case 'insert':
      await tables.insertRows(
        scope,
        TABLE,
        each.values.map((n) => ({ n })),
      )
      return
    case 'replace':
    case 'increment':
    case 'delete': {
      const id = await rowId(each.which)
      if (id === undefined) return
      if (each.do === 'delete') return rowChanges.removeRow(scope, TABLE, id, undefined)
      const change =
        each.do === 'replace'
          ? { kind: 'replace' as const, data: { n: each.value } }
          : { kind: 'operators' as const, steps: [['$inc', ['n'], 1] as const] }
      await rowChanges.updateRow(scope, TABLE, id, change, undefined, true)
      return
    }
    case 'update_many':
      await rowChanges.updateRows(
        scope,
        TABLE,
        { filter: { n: each.value }, limit: null },
        { kind: 'merge', data: { n: each.next, many: true } },
        true,
      )
      return
    case 'delete_many':
      await rowChanges.removeRows(scope, TABLE, { filter: { n: each.value }, limit: 2 })
      return
    case 'upsert':
      await store.transaction((tx) =>
        tx.rowUpserts.upsert(
          scope,
          TABLE,
          ['key'],
          each.values.map((key) => ({ key: { key }, data: { key, n: key } })),
          true,
        ),
      )
      return
    case 'store_vector':
      await vectors.upsert(scope, vectorOf(each.which, each.value))
      return
    case 'store_batch':
      await vectors.upsertBatch(
        scope,
        each.ids.map((id) => vectorOf(id, each.value)),
      )
      return
    case 'update_vector':
      await vectors.update(scope, `v${each.which}`, 'n', { metadata: { value: each.value, updated: true } })
      return
    case 'delete_vector':
      await vectors.remove(scope, `v${each.which}`, 'n')
  }
}

let TABLE_ID = ''
interface Image {
  id: string
  before: Record<string, unknown>
  before_vectors: string | null
}
type State = Map<string, Omit<Image, 'id'>>

/** Reads all rows and vectors in the form of before-images. */
async function readState({ project_id }: Scope): Promise<State> {
  const images = await Promise.all(
    (['zerodb_rows', 'zerodb_vectors'] as const).map((table) =>
      here.database.query<Image>(
        table === 'zerodb_rows'
          ? sql`
            select id, before, before_vectors::text from (
              select old.id, ${beforeImage(table, 'old')} from zerodb_rows old where project_id = ${project_id}::uuid
            ) imaged`
          : sql`
            select id, before, before_vectors::text from (
              select old.id, ${beforeImage(table, 'old')} from zerodb_vectors old where project_id = ${project_id}::uuid
            ) imaged`,
      ),
    ),
  )
  return new Map(images.flat().map(({ id, ...image }) => [id, image]))
}

interface Logged {
  seq: number
  event: string
  ref: string
  changes: { row_id: string; before: Record<string, unknown>; before_vectors: string | null }[]
}

/** Returns the state before an event. */
function stateBefore(state: State, { event, ref, changes }: Logged): State {
  const earlier = new Map(state)
  if (event.endsWith('row_inserted') || event === 'zerodb.vector.stored') {
    expect(earlier.delete(ref), `${event} of a row that is there`).toBe(true)
  } else if (event === 'zerodb.vector.batch_stored') {
    for (const [id, { before }] of state) if (before['batch_id'] === ref) earlier.delete(id)
  } else if (event.endsWith('deleted')) expect(earlier.has(ref), `${event} of a row that is gone`).toBe(false)
  else expect(earlier.has(ref), `${event} of a row that is there`).toBe(true)
  for (const { row_id, before, before_vectors } of changes) earlier.set(row_id, { before, before_vectors })
  return earlier
}

test('the log with its before-images leads from the final state to each earlier one', async () => {
  const seen = { events: 0, changes: 0 }
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(rounds, async (batches) => {
      const scope = await store.users.create(null)
      TABLE_ID = (await store.tables.create(scope, { name: TABLE })).table_id
      const states: { seq: number; state: State }[] = []
      for (const batch of batches) {
        states.push({ seq: await store.events.lastSeq(), state: await readState(scope) })
        // The steps of a batch run at the same time. One can find that another has deleted its row.
        await Promise.all(
          batch.map((each) =>
            act(scope, each).catch((error) => {
              if (!(error instanceof ZeroError) || error.code !== 'not_found') throw error
            }),
          ),
        )
      }
      const log = await here.database.query<Logged>(sql`
        select
          e.seq, e.event, e.ref,
          coalesce(
            jsonb_agg(jsonb_build_object('row_id', c.row_id, 'before', c.before, 'before_vectors', c.before_vectors::text) order by c.n)
              filter (where c.seq is not null),
            '[]'
          ) as changes
        from zerodb_events e
        left join zerodb_changes c on c.seq = e.seq
        where e.user_id = ${scope.user_id}::uuid
        group by e.seq
        order by e.seq desc`)
      let state = await readState(scope)
      for (const event of log) {
        while (states.length > 0 && states.at(-1)!.seq >= event.seq) expect(state).toEqual(states.pop()!.state)
        state = stateBefore(state, event)
        seen.events++
        seen.changes += event.changes.length
      }
      for (const earlier of states.reverse()) expect(state).toEqual(earlier.state)
      expect(state).toEqual(new Map())
    }),
    { numRuns: 60 },
  )
  // The property would hold trivially for steps that change nothing.
  expect(seen.events).toBeGreaterThan(200)
  expect(seen.changes).toBeGreaterThan(80)
}, 300_000)
