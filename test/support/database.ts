import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** The PostgreSQL server that tests may use, or undefined: then they run on PGlite. */
export const SERVER = process.env['ZERODB_TEST_DATABASE_URL'] || undefined

/** A new, empty database on the tests' server; null when tests run on PGlite. */
export async function freshDatabaseUrl(): Promise<{ url: string; drop(): Promise<void> } | null> {
  if (!SERVER) return null
  const name = `zerodb_test_${randomBytes(6).toString('hex')}`
  await asAdministrator(`create database ${name}`)
  const url = new URL(SERVER)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asAdministrator(`drop database if exists ${name} with (force)`) }
}

async function asAdministrator(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: SERVER })
  await client.connect()
  await client.query(statement)
  await client.end()
}
