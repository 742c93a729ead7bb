import { Command } from 'commander'
import { type Config, readConfig } from '../config.ts'
import { hasPgliteDatabase } from '../db/pglite-directory.ts'
import { StartError } from '../errors.ts'
import { dumpAll } from '../transfer/dump.ts'
import { loadAll } from '../transfer/load.ts'
import { counted } from './files.ts'
import { print } from './output.ts'
import { progress } from './progress.ts'

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
    const { openStorage } = await import('../main.ts')
    const from = await openStorage(source)
    try {
      const onto = await openStorage(target)
      try {
        if (!(await onto.store.load.isEmpty()))
          throw new StartError('The database that --to names has data already: name an empty one')
        // Contents of files stay where they are: both have the same directory.
        const { blob } = await from.blobs.put(await dumpAll(from, { contents: false }), Number.POSITIVE_INFINITY)
        const bar = progress('rows')
        let rows = 0
        const { counts } = await loadAll(
          onto,
          () => from.blobs.open(blob),
          async () => {},
          (count) => {
            rows += count
            bar.at(rows, rows)
          },
        )
        bar.end()
        const next = `Start with DATABASE_URL and the same data directory, ${source.dataDir}: it has the contents of files. Its pg/ is what was before; delete it when all is well`
        print(json ? JSON.stringify({ counts }) : `Moved ${counted(counts)}.\n${next}`)
      } finally {
        await onto.close()
      }
    } finally {
      await from.close()
    }
  })
