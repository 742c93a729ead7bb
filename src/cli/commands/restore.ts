import { createReadStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { dropSchema, migrate } from '../../db/migrate.ts'
import { StartError } from '../../errors.ts'
import type { Header } from '../../transfer/format.ts'
import { checkHeader, loadAll } from '../../transfer/load.ts'
import { print } from '../lib/output.ts'
import { progress } from '../lib/progress.ts'
import { counted, megabytes, readTwice, sizeOf } from './files.ts'

export const restore = new Command('restore')
  .description('bring a backup into a new data directory, or into an empty database (DATABASE_URL)')
  .argument('<file>', 'as "zerodb backup" has written it')
  .option('--data-dir <path>', 'where data is kept (ZERODB_DATA_DIR)')
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
          'There is data here, which a backup would not be mixed with: choose a new directory with --data-dir, or an empty database',
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
          // Its rows fit the schema of their time; what came later is done to them afterwards, as on the day of an upgrade.
          await dropSchema(database)
          await migrate(database, undefined, header.schema.number)
        },
      ).finally(bar.end)
      await migrate(database)
      print(options.json ? JSON.stringify({ counts }) : `Restored ${counted(counts)}. Start it: zerodb start`)
    } finally {
      await storage.close()
    }
  })

/** The key of a backup that has one becomes that of this directory. Throws where another is in force: it could not open what comes. */
async function keepKey(config: Config, { encryption_key }: Header): Promise<void> {
  if (encryption_key === undefined) return
  const path = join(config.dataDir, 'encryption-key')
  const there = config.encryptionKey ?? (await readFile(path, 'utf8').catch(() => null))
  if (there === null) return writeFile(path, encryption_key, { mode: 0o600, flag: 'wx', flush: true })
  const digits = typeof there === 'string' ? there.trim() : Buffer.from(there).toString('hex')
  if (digits !== encryption_key)
    throw new StartError(
      `The backup brings its encryption key, and another is in force here: take away ${config.encryptionKey ? 'ZERODB_ENCRYPTION_KEY' : path}`,
    )
}
