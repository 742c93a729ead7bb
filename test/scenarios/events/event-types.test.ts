import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { packageRoot } from '../../../src/platform/package.ts'
import { EVENT_TYPES } from '../../../src/schema/events.ts'
import { rowNamed, rowsOf } from '../../../src/store/queue/event-rows.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { changeAll, writeAll } from '../../support/writes.ts'

const STORED = EVENT_TYPES.filter((type) => type.isStored)
const hooksPage = readFileSync(join(packageRoot(), 'docs', 'hooks.md'), 'utf8')

describe.each(EVENT_TYPES.map((type) => [type.name, type] as const))(
  'the event type %s',
  (name, { data, writers, row }) => {
    test('names operations that write, and fields of its data', () => {
      for (const writer of writers) {
        const operation = OPERATIONS.find((operation) => operation.name === writer)
        expect(operation?.route, writer).toMatch(/^(POST|PUT|PATCH|DELETE) /)
        expect(operation?.description, writer).toContain(`\`${name}\``)
      }
      const fields: string[] = row === null ? [] : 'id' in row ? [row.id] : [...row.key]
      expect(Object.keys(data.shape)).toEqual(expect.arrayContaining(fields))
    })

    test('has the fields of its row in the docs of hooks', () => {
      const line = hooksPage
        .split('\n')
        .find((text) => new RegExp(`^\\| [^|]*\`${name}\`[^|]*\\| [^|]*(row|\`)[^|]*\\|$`).test(text))
      const shown = [...(line ?? '').split('|')[2]!.matchAll(/`(\w+)`/g)].map(([, field]) => field)
      expect(shown).toEqual(row === null ? ['row'] : row.fields === 'user' ? [] : row.fields)
    })
  },
)

describe('after one write of each kind', () => {
  let app: TestApp
  let user: TestUser

  beforeAll(async () => {
    app = await openTestApp()
    user = await app.newUser()
    await writeAll(user)
  })
  afterAll(() => app.close())

  test.each(STORED.map((type) => [type.name, type] as const))(
    'the row of %s is found from its event, seen by filters and found by a backfill',
    async (name, { row }) => {
      const { database } = app.system
      const event = sql`(select * from zerodb_events where user_id = ${user.user_id}::uuid and event = ${name}) e`
      const [stored] = await database.query<{ ref: string; data: Record<string, unknown>; row: object | null }>(
        sql`select ref, data, zerodb_row(event, ref, project_id, seq) as row from ${event}`,
      )
      const fields = row === null || row.fields === 'user' ? ['n'] : row.fields
      expect(Object.keys(stored!.row ?? { n: null }).sort()).toEqual([...fields].sort())
      expect(stored!.row === null).toBe(row === null)

      const [named] = await database.query<{ id: string | null }>(
        sql`select (${rowNamed(name, user.project_id, stored!.data)})::text as id`,
      )
      expect(named!.id).toBe(row === null ? null : stored!.ref)

      const sources = await database.query<{ ref: string; data: object }>(
        sql`select row_id::text as ref, data from (${rowsOf(name, user.user_id)}) s`,
      )
      expect(sources).toEqual([{ ref: stored!.ref, data: stored!.data }])
    },
  )
})

describe('after one change of each kind', () => {
  let app: TestApp
  let user: TestUser

  beforeAll(async () => {
    app = await openTestApp()
    user = await app.newUser()
    await writeAll(user)
    const others = await changeAll(user)
    const emitted = (await user.events()).map(({ event }) => event)
    expect(emitted).toEqual([...emitted.slice(0, -others.length), ...others])
    expect([...STORED.map(({ name }) => name), ...others].sort()).toEqual(EVENT_TYPES.map(({ name }) => name).sort())
  })
  afterAll(() => app.close())

  test.each(EVENT_TYPES.filter((type) => !type.isStored).map((type) => [type.name, type] as const))(
    '%s has the fields of its type, and the row before it',
    async (name, { data, row }) => {
      const [event] = (await user.get(`/api/v1/event-log?event_type=${name}`)).body.items
      expect(Object.keys(event.data).sort()).toEqual(Object.keys(data.shape).sort())
      const [images] = await app.system.database.query<{ row: object | null; previous: object | null }>(sql`
        select zerodb_row(event, ref, project_id, seq) as row, zerodb_previous(event, project_id, seq) as previous
        from zerodb_events where user_id = ${user.user_id}::uuid and event = ${name}`)
      const fields = row === null || row.fields === 'user' ? ['n'] : [...row.fields].sort()
      const keys = (image: object | null) => image && Object.keys(image).sort()
      // A forgotten memory leaves nothing behind. A run and a relation have no before-image.
      const isWithoutPrevious = ['zeromemory.forgotten', 'zeromemory.relation_ended', 'zerodb.run.dead'].includes(name)
      expect(keys(images!.previous)).toEqual(isWithoutPrevious ? null : fields)
      const isKept = name.endsWith('updated') || ['zeromemory.relation_ended', 'zerodb.run.dead'].includes(name)
      expect(keys(images!.row)).toEqual(isKept ? fields : null)
    },
  )
})
