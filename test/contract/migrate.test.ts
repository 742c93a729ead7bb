import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { openPostgres } from '../../src/db/postgres/postgres.ts'
import { type Database, sql } from '../../src/db/sql.ts'
import { packageRoot } from '../../src/platform/package.ts'
import { freshDatabaseUrl, SERVER } from '../support/database.ts'
import type { TestDatabase } from './database.ts'
import { openHere } from './open.ts'

let opened: TestDatabase
let database: Database
let folder: string
beforeEach(async () => {
  opened = await openHere()
  database = opened.database
  // The template of the embedded database has the schema of the product. These tests need an empty database.
  await database.exec('drop schema public cascade; create schema public')
  folder = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
})
afterEach(async () => {
  await opened.remove()
  await rm(folder, { recursive: true })
})

const write = (files: Record<string, string>) =>
  Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)))

const FIRST = '-- What there is; first of all.\ncreate table a (n int);\ninsert into a values (1);\n'
const SECOND = 'alter table a add column m int default 2;\n'

async function tables(from: Database = database): Promise<string[]> {
  const rows = await from.query<{ name: string }>(
    sql`select tablename as name from pg_tables where schemaname = 'public' order by tablename`,
  )
  return rows.map((row) => row.name)
}

test('each migration is applied once, in the order of their numbers', async () => {
  await write({ '0002_second.sql': SECOND, '0001_first.sql': FIRST, 'notes.txt': 'not one' })
  expect(await migrate(database, folder)).toEqual(['0001_first', '0002_second'])
  expect(await migrate(database, folder)).toEqual([])
  expect(await database.query(sql`select n, m from a`)).toEqual([{ n: 1, m: 2 }])
  await write({ '0003_third.sql': 'create table b ();' })
  expect(await migrate(database, folder)).toEqual(['0003_third'])
  expect(await tables()).toEqual(['a', 'b', 'zerodb_migrations'])
})

test('concurrent migrations apply each migration once in total', async () => {
  await write({ '0001_first.sql': FIRST, '0002_second.sql': SECOND })
  // On a server, each has a separate pool, like separate processes.
  const server = await freshDatabaseUrl()
  const pools = await Promise.all(
    Array.from({ length: 4 }, () => (server ? openPostgres({ url: server.url, poolSize: 2 }) : database)),
  )
  try {
    const applied = await Promise.all(pools.map((pool) => migrate(pool, folder)))
    expect(applied.filter((names) => names.length > 0)).toEqual([['0001_first', '0002_second']])
    expect(await pools[0]!.query(sql`select n, m from a`)).toEqual([{ n: 1, m: 2 }])
  } finally {
    if (SERVER) for (const pool of pools) await pool.close()
    await server?.drop()
  }
})

const CONCURRENT = '-- concurrently\ncreate index concurrently if not exists idx_a on a (n);\n'

async function indexesOfA(): Promise<{ name: string; valid: boolean }[]> {
  return database.query(sql`
    select indexrelid::regclass::text as name, indisvalid as valid from pg_index where indrelid = 'a'::regclass`)
}

test('a migration that begins with "-- concurrently" builds its indexes on an empty database and on one with data', async () => {
  await write({ '0001_first.sql': FIRST, '0002_index.sql': CONCURRENT })
  expect(await migrate(database, folder)).toEqual(['0001_first', '0002_index'])
  await write({ '0003_index.sql': CONCURRENT.replaceAll('idx_a', 'idx_b') })
  expect(await migrate(database, folder)).toEqual(['0003_index'])
  expect(await migrate(database, folder)).toEqual([])
  expect(await indexesOfA()).toEqual([
    { name: 'idx_a', valid: true },
    { name: 'idx_b', valid: true },
  ])
})

test.runIf(SERVER)(
  'an interrupted build of an index is repeated by the next start, and by one of several starts',
  async () => {
    await write({ '0001_first.sql': FIRST })
    await migrate(database, folder)
    await database.query(sql`create index idx_a on a (n)`)
    await database.query(sql`update pg_index set indisvalid = false where indexrelid = 'idx_a'::regclass`)
    await write({ '0002_index.sql': CONCURRENT })
    const applied = await Promise.all([migrate(database, folder), migrate(database, folder), migrate(database, folder)])
    expect(applied.flat()).toEqual(['0002_index'])
    expect(await indexesOfA()).toEqual([{ name: 'idx_a', valid: true }])
  },
)

test('a migration that fails changes nothing, reverts earlier ones too, and is named in the error', async () => {
  await write({ '0001_first.sql': FIRST, '0002_wrong.sql': 'create table b ();\ncreate table c (n nosuchtype);\n' })
  await expect(migrate(database, folder)).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(
      /^Migration 0002_wrong failed and was rolled back: type "nosuchtype" does not exist\. /,
    ),
  })
  expect(await tables()).toEqual([])
  await write({ '0002_wrong.sql': 'create table b ();' })
  expect(await migrate(database, folder)).toEqual(['0001_first', '0002_wrong'])
})

test('a migration that was changed after it was applied is refused', async () => {
  await write({ '0001_first.sql': FIRST })
  await migrate(database, folder)
  await write({ '0001_first.sql': `${FIRST}insert into a values (2);\n`, '0002_second.sql': SECOND })
  await expect(migrate(database, folder)).rejects.toMatchObject({
    name: 'StartError',
    message: 'Migration 0001_first was changed after it was applied: restore the original file',
  })
  expect(await tables()).toEqual(['a', 'zerodb_migrations'])
  expect(await database.query(sql`select * from a`)).toEqual([{ n: 1 }])
})

test('a program older than the schema continues if the schema allows it', async () => {
  await write({ '0001_first.sql': FIRST, '0002_second.sql': `-- min_compatible: 1\n${SECOND}` })
  await migrate(database, folder)
  await rm(join(folder, '0002_second.sql'))
  expect(await migrate(database, folder)).toEqual([])
})

test('a program older than the schema is refused with one sentence if the schema does not allow it', async () => {
  await write({ '0001_first.sql': FIRST, '0002_second.sql': `-- min_compatible: 2\n${SECOND}` })
  await migrate(database, folder)
  await rm(join(folder, '0002_second.sql'))
  await expect(migrate(database, folder)).rejects.toMatchObject({
    name: 'StartError',
    message:
      'The database was upgraded by a later version (migration 0002_second): start that version, or restore a backup',
  })
})

test('the migrations of the product apply, and a second run changes nothing', async () => {
  const shipped = (await readdir(join(packageRoot(), 'src', 'db', 'migrations'))).map((name) =>
    name.replace('.sql', ''),
  )
  expect(await migrate(database)).toEqual(shipped.sort())
  const before = await tables()
  expect(await migrate(database)).toEqual([])
  expect(await tables()).toEqual(before)
  expect(before.every((name) => name.startsWith('zerodb_'))).toBe(true)
})

test('each table of the product has a comment that says what it is for', async () => {
  await migrate(database)
  const comments = await database.query<{ name: string; comment: string | null }>(sql`
    select relname::text as name, obj_description(oid, 'pg_class') as comment
    from pg_class
    where relnamespace = current_schema()::regnamespace and relkind = 'r'`)
  expect(comments.map(({ name }) => name).sort()).toEqual(await tables())
  expect(comments.filter(({ comment }) => comment === null)).toEqual([])
})

test('an empty folder changes nothing', async () => {
  await mkdir(join(folder, 'empty'))
  expect(await migrate(database, join(folder, 'empty'))).toEqual([])
})
