import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPglite } from '../../src/db/pglite/pglite.ts'
import { openPostgres } from '../../src/db/postgres/postgres.ts'
import { freshDatabaseUrl } from '../support/database.ts'
import type { OpenOptions, TestDatabase } from './database.ts'

/** Opens a new, empty database with the driver of this test run. */
export async function openHere(options: OpenOptions = {}): Promise<TestDatabase> {
  const server = await freshDatabaseUrl()
  if (server) {
    const database = await openPostgres({ url: server.url, poolSize: 5, ...options })
    return {
      database,
      async remove() {
        await database.close()
        await server.drop()
      },
    }
  }
  const directory = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
  const database = await openPglite({ directory, durability: 'process', ...options })
  return {
    database,
    async remove() {
      await database.close()
      await rm(directory, { recursive: true })
    },
  }
}
