import { mkdir } from 'node:fs/promises'
import { StartError } from '../../errors.ts'
import { type Database, oneTurnLater, type QueryOptions, type Statement, sql } from '../sql.ts'
import { retryUnstarted } from './connection.ts'
import { unpackTemplate } from './directory.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { startMaintenance } from './maintenance.ts'
import { startSupervisor } from './supervisor.ts'
import { createTransactions } from './transactions.ts'

export interface PgliteOptions {
  /** Absolute path of the directory for `pg/` (PostgreSQL's files) and our lock. Created when missing. */
  directory: string
  /** `process`: acknowledged writes survive a crash of this process. `power`: also a crash of the machine. */
  durability: 'process' | 'power'
  /** A statement that runs longer is ended by restarting the database, because PGlite cannot cancel. This takes about a second. */
  statementTimeoutSeconds?: number
  /** Seconds between runs of CHECKPOINT, with VACUUM every tenth time: PGlite has no background processes. */
  maintenanceSeconds?: number
}

/** Opens the embedded PostgreSQL in `directory`, and creates it if missing. Throws `StartError` when another process uses the directory. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  const { directory, durability, statementTimeoutSeconds = 60, maintenanceSeconds = 60 } = options
  await mkdir(directory, { recursive: true })
  const lock = await lockDirectory(directory)
  try {
    await unpackTemplate(directory, durability === 'power')
    return await openLocked({ directory, durability, statementTimeoutSeconds, maintenanceSeconds }, lock)
  } catch (error) {
    await lock.release()
    if (error instanceof StartError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new StartError(`No space left for ${directory}: free 100 MB, or choose another disk with ZERODB_DATA_DIR`, {
        cause: error,
      })
    }
    throw new StartError(`Cannot open the database in ${directory}: ${(error as Error).message}`, { cause: error })
  }
}

async function openLocked(options: Required<PgliteOptions>, lock: DirectoryLock): Promise<Database> {
  const supervisor = await startSupervisor(options)
  const transactions = createTransactions(supervisor, options.statementTimeoutSeconds)
  const maintenance = startMaintenance(exec, options.maintenanceSeconds)
  let closing: Promise<void> | undefined

  async function query<Row>(statement: Statement, queryOptions?: QueryOptions): Promise<Row[]> {
    return retryUnstarted(async () => {
      while (transactions.current) await transactions.current
      const connection = await supervisor.getConnection()
      return connection.query<Row>(statement, queryOptions)
    })
  }

  async function exec(script: string): Promise<void> {
    await retryUnstarted(async () => {
      while (transactions.current) await transactions.current
      const connection = await supervisor.getConnection()
      await connection.runScript(script)
    })
  }

  async function shut(): Promise<void> {
    while (transactions.current) await transactions.current
    clearInterval(maintenance)
    await supervisor.close()
    transactions.close()
    await lock.release()
  }

  const database: Database = {
    kind: 'pglite',
    query,
    get asyncCommit() {
      return database
    },
    // The thread executes requests in order, so a second request waits in its queue while the first one runs.
    pipeline<First, Next>(first: Statement, next: () => Statement | null) {
      const sendNext = async () => {
        const statement = next()
        return statement && query<Next>(statement)
      }
      return { first: query<First>(first), next: oneTurnLater(sendNext) }
    },
    transaction: transactions.run,
    exec,
    async version() {
      const [row] = await query<{ version: string }>(sql`select split_part(version(), ' on ', 1) as version`)
      return `${row!.version} (embedded)`
    },
    close() {
      closing ??= shut()
      return closing
    },
  }
  return database
}
