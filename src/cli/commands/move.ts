import { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { hasPgliteDatabase } from '../../db/pglite/directory.ts'
import { StartError } from '../../errors.ts'
import { dumpAll } from '../../transfer/dump.ts'
import { loadAll } from '../../transfer/load.ts'
import { print } from '../lib/output.ts'
import { progress } from '../lib/progress.ts'
import { counted, counting, megabytes, readTwice } from './files.ts'

export const move = new Command('move')
  .description('move all data from the embedded database to a PostgreSQL server; the server here must be stopped')
  .requiredOption('--to <url>', 'an empty database: postgres://user:password@host/name')
  .option('--data-dir <path>', 'where data is kept (ZERODB_DATA_DIR)')
  .option('--json', 'print JSON')
  .action(async ({ to, dataDir, json }: { to: string; dataDir?: string; json?: boolean }) => {
    const env = { ...process.env, ...(dataDir ? { ZERODB_DATA_DIR: dataDir } : {}) }
    const target = readConfig({ ...env, DATABASE_URL: to })
    const source: Config = { ...target, databaseUrl: undefined }
    if (!hasPgliteDatabase(source.dataDir))
      throw new StartError(`There is no embedded database in ${source.dataDir}: name its directory with --data-dir`)
    const { openStorage } = await import('../../main.ts')
    const from = await openStorage(source)
    try {
      const onto = await openStorage(target)
      try {
        if (!(await onto.store.load.isEmpty()))
          throw new StartError('The database that --to names has data already: name an empty one')
        // Contents of files stay where they are: both have the same directory.
        const options = { amount: megabytes, json }
        const first = progress('taken', options)
        const rows = counting(await dumpAll(from, { contents: false }), (bytes) => first.at(bytes, null))
        const { blob, size_bytes } = await from.blobs.put(rows, Number.POSITIVE_INFINITY).finally(first.end)
        const second = progress('written', options)
        const open = readTwice(() => from.blobs.open(blob), size_bytes, second)
        const { counts } = await loadAll(onto, open, async () => {}).finally(second.end)
        const next = `Start with DATABASE_URL and the same data directory, ${source.dataDir}: it has the contents of files. Its pg/ is what was before; delete it when all is well`
        print(json ? JSON.stringify({ counts }) : `Moved ${counted(counts)}.\n${next}`)
      } finally {
        await onto.close()
      }
    } finally {
      await from.close()
    }
  })
