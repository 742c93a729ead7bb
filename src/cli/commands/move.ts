import { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { hasPgliteDatabase } from '../../db/pglite/directory.ts'
import { StartError } from '../../errors.ts'
import { dumpAll } from '../../transfer/dump.ts'
import { loadAll } from '../../transfer/load.ts'
import { counting, formatCounts, megabytes, readTwice } from '../lib/file-io.ts'
import { print } from '../lib/output.ts'
import { progress } from '../lib/progress.ts'

export const move = new Command('move')
  .description('move all data from the embedded database to a PostgreSQL server; the server here must be stopped')
  .requiredOption('--to <url>', 'target, an empty database: postgres://user:password@host/name')
  .option('--data-dir <path>', 'data directory (ZERODB_DATA_DIR)')
  .option('--json', 'print JSON')
  .action(async ({ to, dataDir, json }: { to: string; dataDir?: string; json?: boolean }) => {
    const env = { ...process.env, ...(dataDir ? { ZERODB_DATA_DIR: dataDir } : {}) }
    const target = readConfig({ ...env, DATABASE_URL: to })
    const source: Config = { ...target, databaseUrl: undefined }
    if (!hasPgliteDatabase(source.dataDir))
      throw new StartError(`${source.dataDir} has no embedded database: name its directory with --data-dir`)
    const { openStorage } = await import('../../main.ts')
    const from = await openStorage(source)
    try {
      const destination = await openStorage(target)
      try {
        if (!(await destination.store.load.isEmpty()))
          throw new StartError('The database of --to already has data: name an empty database')
        // Contents of files stay in place: source and destination use the same directory.
        const options = { amount: megabytes, json }
        const first = progress('read', options)
        const rows = counting(await dumpAll(from, { contents: false }), (bytes) => first.at(bytes, null))
        const { blob, size_bytes } = await from.blobs.put(rows, Number.POSITIVE_INFINITY).finally(first.end)
        const second = progress('written', options)
        const open = readTwice(() => from.blobs.open(blob), size_bytes, second)
        const { counts } = await loadAll(destination, open, async () => {}).finally(second.end)
        const next = `Start the server with DATABASE_URL and the same data directory, ${source.dataDir}, which has the contents of files. Its pg/ is the old database; delete it when everything works`
        print(json ? JSON.stringify({ counts }) : `Moved ${formatCounts(counts)}.\n${next}`)
      } finally {
        await destination.close()
      }
    } finally {
      await from.close()
    }
  })
