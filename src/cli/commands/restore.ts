import { createReadStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { dropSchema, migrate } from '../../db/migrate.ts'
import { StartError } from '../../errors.ts'
import type { Header } from '../../transfer/format.ts'
import { checkHeader, loadAll } from '../../transfer/load.ts'
import { formatCounts, megabytes, readTwice, sizeOf } from '../lib/file-io.ts'
import { print } from '../lib/output.ts'
import { progress } from '../lib/progress.ts'

export const restore = new Command('restore')
  .description('restore a backup into a new data directory, or into an empty database (DATABASE_URL)')
  .argument('<file>', 'file written by "zerodb backup"')
  .option('--data-dir <path>', 'data directory (ZERODB_DATA_DIR)')
  .option('--json', 'print JSON')
  .action(async (file: string, options: { dataDir?: string; json?: boolean }) => {
    const size = await sizeOf(file)
    const config = readConfig({ ...process.env, ...(options.dataDir ? { ZERODB_DATA_DIR: options.dataDir } : {}) })
    const { openStorage } = await import('../../main.ts')
    const storage = await openStorage(config)
    const { database, store } = storage
    try {
      if (!(await store.load.isEmpty()))
        throw new StartError(
          'The target already has data: choose a new directory with --data-dir, or an empty database',
        )
      const own = await store.dump.schema()
      const bar = progress('read', { amount: megabytes, json: options.json })
      const { counts } = await loadAll(
        storage,
        readTwice(async () => createReadStream(file), size, bar),
        async (header) => {
          checkHeader(header, 'backup', own)
          await keepKey(config, header)
          if (header.schema.number === own.number) return
          // The rows fit the schema version of the backup. Later migrations run after loading, as in an upgrade.
          await dropSchema(database)
          await migrate(database, undefined, header.schema.number)
        },
      ).finally(bar.end)
      await migrate(database)
      print(
        options.json ? JSON.stringify({ counts }) : `Restored ${formatCounts(counts)}. Start the server: zerodb start`,
      )
    } finally {
      await storage.close()
    }
  })

/** Stores the encryption key of the backup, if it includes one. Throws if a different key is configured, which could not decrypt the data. */
async function keepKey(config: Config, { encryption_key }: Header): Promise<void> {
  if (encryption_key === undefined) return
  const path = join(config.dataDir, 'encryption-key')
  const current = config.encryptionKey ?? (await readFile(path, 'utf8').catch(() => null))
  if (current === null) return writeFile(path, encryption_key, { mode: 0o600, flag: 'wx', flush: true })
  const digits = typeof current === 'string' ? current.trim() : Buffer.from(current).toString('hex')
  if (digits !== encryption_key)
    throw new StartError(
      `The backup includes an encryption key, and a different one is configured: remove ${config.encryptionKey ? 'ZERODB_ENCRYPTION_KEY' : path}`,
    )
}
