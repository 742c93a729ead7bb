import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../errors.ts'
import { packageRoot } from '../platform/package.ts'
import { type Database, DbError, type Executor, Statement, sql } from './sql.ts'

interface Migration {
  number: number
  name: string
  text: string
  checksum: string
  /** A program whose latest migration is below this number cannot use the schema after this migration. */
  minCompatible: number
  /** The file begins with `-- concurrently` and only creates indexes: `create index concurrently if not exists <name> …`. */
  isConcurrent: boolean
}

/**
 * Brings the schema up to date: applies each missing `NNNN_name.sql` in order, all in one transaction. Several processes may call it at
 * once. Migrations above `upTo` are skipped. Returns the names of the migrations applied. Throws `StartError` and changes nothing if a
 * migration fails or an applied file was edited. Throws it also if a later, incompatible version has upgraded the schema.
 *
 * On a server that has data, migrations that begin with `-- concurrently` follow after the transaction. They do not block the writes of
 * other processes. If one is interrupted, the next start continues with it.
 */
export async function migrate(
  database: Database,
  folder = join(packageRoot(), 'dist', 'migrations'),
  upTo = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const known = await readMigrations(folder)
  const { applied, later } = await database.transaction(async (tx) => {
    // The number is arbitrary but the same in every process. Another process may hold the lock during a long migration.
    await tx.query(sql`select pg_advisory_xact_lock(7317320441)`, LONG_TIMEOUT)
    await tx.query(sql`
      create table if not exists zerodb_migrations (
        number int primary key,
        name text not null,
        checksum text not null,
        min_compatible int not null,
        applied_at timestamptz not null default now()
      )`)
    const done = await tx.query<Applied>(
      sql`select number, name, checksum, min_compatible from zerodb_migrations order by number`,
    )
    for (const row of done) checkApplied(row, known)
    const missing = known.filter(({ number }) => number <= upTo && !done.some((row) => row.number === number))
    // An empty database has no writers to block. The embedded one has no other connection.
    const isLater = ({ isConcurrent }: Migration) => isConcurrent && database.kind === 'postgres' && done.length > 0
    const now = missing.filter((migration) => !isLater(migration))
    for (const migration of now) {
      await apply(tx, migration)
      await record(tx, migration)
    }
    return { applied: now.map(({ name }) => name), later: missing.filter(isLater) }
  })
  for (const migration of later) if (await applyConcurrently(database, migration)) applied.push(migration.name)
  return applied
}

async function record(db: Executor, { number, name, checksum, minCompatible }: Migration): Promise<void> {
  await db.query(sql`
    insert into zerodb_migrations (number, name, checksum, min_compatible)
    values (${number}, ${name}, ${checksum}, ${minCompatible})`)
}

/**
 * Builds the indexes of a migration without a transaction around them. Returns false if another process has built them or is building
 * them: the program works without the indexes, only more slowly.
 */
async function applyConcurrently(database: Database, migration: Migration): Promise<boolean> {
  return database.transaction(async (lock) => {
    await lock.query(sql`select set_config('idle_in_transaction_session_timeout', '0', true)`)
    // Only tried: the build waits for the snapshots of all other statements, and a statement that waited for this lock would have one. The
    // time limit matters too: `set local` follows the statement and closes its portal, which would keep a snapshot.
    const [locked] = await lock.query<{ locked: boolean }>(
      sql`
        select pg_try_advisory_xact_lock(7317320442)
          and not exists (select from zerodb_migrations where number = ${migration.number}) as locked`,
      LONG_TIMEOUT,
    )
    if (!locked!.locked) return false
    // The other pool: the main one may have a single connection, which holds the lock.
    const db = database.asyncCommit
    const created = migration.text.matchAll(/^create index concurrently if not exists (\w+)/gm)
    const names = Array.from(created, ([, name]) => name!)
    // An interrupted build leaves an invalid index that PostgreSQL neither uses nor repairs.
    const invalid = await db.query<{ name: string }>(sql`
      select quote_ident(c.relname) as name
      from pg_class c join pg_index i on i.indexrelid = c.oid
      where c.relname = any(${names}::text[]) and c.relnamespace = current_schema()::regnamespace and not i.indisvalid`)
    for (const { name } of invalid) await db.query(new Statement(`drop index concurrently ${name}`, []))
    await run(db, migration, migration.text)
    await record(db, migration)
    return true
  })
}

/** Drops all tables and functions that the migrations created, with all data. */
export async function dropSchema(database: Database): Promise<void> {
  await database.exec(`
    do $$
    declare thing record;
    begin
      for thing in select format('table %I', relname) as name from pg_class
        where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname like 'zerodb\\_%'
      loop
        execute 'drop ' || thing.name || ' cascade';
      end loop;
      for thing in select 'function ' || oid::regprocedure as name from pg_proc
        where pronamespace = current_schema()::regnamespace and proname like 'zerodb\\_%'
      loop
        execute 'drop ' || thing.name || ' cascade';
      end loop;
    end
    $$`)
}

interface Applied {
  number: number
  name: string
  checksum: string
  min_compatible: number
}

const LONG_TIMEOUT = { timeoutSeconds: 3600 }

function checkApplied(row: Applied, known: readonly Migration[]): void {
  const file = known.find((migration) => migration.number === row.number)
  if (!file && row.min_compatible > (known.at(-1)?.number ?? 0)) {
    throw new StartError(
      `The database was upgraded by a later version (migration ${row.name}): start that version, or restore a backup`,
    )
  }
  if (file && file.checksum !== row.checksum) {
    throw new StartError(`Migration ${row.name} was changed after it was applied: restore the original file`)
  }
}

async function apply(tx: Executor, migration: Migration): Promise<void> {
  await run(tx, migration, migration.isConcurrent ? migration.text.replace(/\bconcurrently\b/g, '') : migration.text)
}

async function run(db: Executor, { name }: Migration, text: string): Promise<void> {
  try {
    for (const statement of splitStatements(text)) await db.query(new Statement(statement, []), LONG_TIMEOUT)
  } catch (error) {
    if (!(error instanceof DbError)) throw error
    throw new StartError(
      `Migration ${name} failed and was rolled back: ${error.message}. Start the previous version, and report this error`,
      { cause: error },
    )
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return {
        number: Number(name.slice(0, 4)),
        name: name.slice(0, -4),
        text,
        checksum: createHash('sha256').update(text).digest('hex'),
        minCompatible: Number(/^-- min_compatible: (\d+)/m.exec(text)?.[1] ?? 0),
        isConcurrent: text.startsWith('-- concurrently\n'),
      }
    }),
  )
}

/** Splits a migration into statements. A statement ends with a semicolon at the end of a line, outside of `$$` function bodies. */
function splitStatements(text: string): string[] {
  const [first = '', ...rest] = text.split('$$')
  const all: string[] = []
  let current = ''
  const take = (piece: string) => {
    const [head = '', ...others] = piece.split(/;[ \t]*$/m)
    current += head
    for (const other of others) {
      all.push(current)
      current = other
    }
  }
  take(first)
  rest.forEach((piece, i) => {
    // Even pieces are function bodies.
    if (i % 2 === 0) current += `$$${piece}$$`
    else take(piece)
  })
  return [...all, current]
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/--.*$/gm, '').trim() !== '')
}
