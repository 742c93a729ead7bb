import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** URL of the PostgreSQL server for tests, or undefined if tests run on PGlite. */
export const SERVER = process.env['ZERODB_TEST_DATABASE_URL'] || undefined

interface FreshDatabase {
  url: string
  drop(): Promise<void>
}

/** Creates an empty database on the server for tests. Returns null if tests run on PGlite. */
export async function freshDatabaseUrl(): Promise<FreshDatabase | null> {
  return SERVER ? freshDatabaseOn(SERVER) : null
}

/** Creates an empty database on `server`, the URL of an administrator. */
export async function freshDatabaseOn(server: string): Promise<FreshDatabase> {
  const name = `zerodb_test_${randomBytes(6).toString('hex')}`
  await asAdministrator(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asAdministrator(server, `drop database if exists ${name} with (force)`) }
}

async function asAdministrator(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(statement)
  await client.end()
}
