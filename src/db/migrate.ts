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
}

/**
 * Brings the schema up to date: applies each missing `NNNN_name.sql` in order, all in one transaction. Several processes may call it at
 * once. Migrations above `upTo` are skipped. Returns the names of the migrations applied. Throws `StartError` and changes nothing if a
 * migration fails or an applied file was edited. Throws it also if a later, incompatible version has upgraded the schema.
 */
export async function migrate(
  database: Database,
  folder = join(packageRoot(), 'dist', 'migrations'),
  upTo = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const known = await readMigrations(folder)
  return database.transaction(async (tx) => {
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
    for (const migration of missing) {
      await apply(tx, migration)
      await tx.query(sql`
        insert into zerodb_migrations (number, name, checksum, min_compatible)
        values (${migration.number}, ${migration.name}, ${migration.checksum}, ${migration.minCompatible})`)
    }
    return missing.map(({ name }) => name)
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

async function apply(tx: Executor, { name, text }: Migration): Promise<void> {
  try {
    for (const statement of splitStatements(text)) await tx.query(new Statement(statement, []), LONG_TIMEOUT)
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
