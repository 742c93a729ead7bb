import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { openPostgres } from '../../src/db/postgres/postgres.ts'
import { sql } from '../../src/db/sql.ts'
import { freshDatabaseUrl, SERVER } from '../support/database.ts'
import { databaseContract } from './database.ts'
import { openHere } from './open.ts'

describe(SERVER ? 'PostgreSQL' : 'PGlite', () => databaseContract(openHere))

if (SERVER) {
  describe('a PostgreSQL server', () => {
    async function withServer(work: (url: string) => Promise<void>): Promise<void> {
      const server = await freshDatabaseUrl()
      try {
        await work(server!.url)
      } finally {
        await server!.drop()
      }
    }

    test('the server’s defaults for the format of dates, bytes and numbers have no effect', () =>
      withServer(async (url) => {
        const name = new URL(url).pathname.slice(1)
        const first = await openPostgres({ url, poolSize: 2 })
        for (const setting of [
          `datestyle = 'SQL, DMY'`,
          `bytea_output = 'escape'`,
          `timezone = 'Asia/Tokyo'`,
          'extra_float_digits = -15',
        ])
          await first.exec(`alter database ${name} set ${setting}`)
        await first.close()
        const database = await openPostgres({ url, poolSize: 2 })
        const values = sql`select ${'2026-06-10T08:00:00.5Z'}::timestamptz as at, '\\x00ff'::bytea as bytes, 0.1::float8 + 0.2 as number`
        expect(await database.query(values)).toEqual([
          { at: '2026-06-10T08:00:00.500000Z', bytes: Buffer.from([0, 255]), number: 0.1 + 0.2 },
        ])
        await database.close()
      }))

    test('a connection that the server closes fails its transaction and nothing else', () =>
      withServer(async (url) => {
        const database = await openPostgres({ url, poolSize: 2 })
        await database.exec('create table t (n int)')
        const failed = database.transaction(async (tx) => {
          await tx.query(sql`insert into t values (1)`)
          const [mine] = await tx.query<{ pid: number }>(sql`select pg_backend_pid() as pid`)
          const other = new pg.Client({ connectionString: url })
          await other.connect()
          await other.query('select pg_terminate_backend($1)', [mine!.pid])
          await other.end()
          await new Promise(() => undefined)
        })
        await expect(failed).rejects.toMatchObject({ name: 'ZeroError', code: 'unavailable' })
        expect(await database.query(sql`select n from t`)).toEqual([])
        await database.close()
      }))

    test('an unreachable server is a start error with a remedy', async () => {
      const started = openPostgres({ url: 'postgresql://user@127.0.0.1:1/none', poolSize: 2 })
      await expect(started).rejects.toMatchObject({
        name: 'StartError',
        message: expect.stringMatching(/^Cannot connect to the database at 127\.0\.0\.1:1\/none: .*Check DATABASE_URL/),
      })
    })
  })
}
