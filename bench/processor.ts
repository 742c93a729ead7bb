import { readFileSync } from 'node:fs'
import { sql } from '../src/db/sql.ts'
import type { Bench } from './support.ts'

/** Milliseconds of processor time that have been used so far. */
export interface ProcessorTime {
  here: number
  /** By the connections to the bench's database, as long as they are open; null where this cannot be seen. On PGlite it is part of `here`. */
  database: number | null
}

/** Of a tick, of which Linux counts a hundred a second. */
const TICK_MS = 10

export async function processorTime({ database }: Bench): Promise<ProcessorTime> {
  const { user, system } = process.cpuUsage()
  const here = (user + system) / 1000
  if (database.kind === 'pglite') return { here, database: null }
  const backends = await database.query<{ pid: number }>(
    sql`select pid from pg_stat_activity where datname = current_database()`,
  )
  try {
    return { here, database: backends.reduce((sum, { pid }) => sum + timeOf(pid), 0) }
  } catch {
    // The server is on another machine, or this is no Linux.
    return { here, database: null }
  }
}

function timeOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  if (!stat.includes('postgres')) throw new Error(`process ${pid} is none of PostgreSQL's`)
  // Behind the name, which may hold anything: the state is the third field, and the two times the fourteenth and fifteenth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** What `work` has used for each of `count`, in words, and as one number. */
export async function processorOf(
  bench: Bench,
  count: number,
  work: () => Promise<void>,
): Promise<{ here: number; database: number | null }> {
  const before = await processorTime(bench)
  await work()
  const after = await processorTime(bench)
  const each = (used: number | null, began: number | null) =>
    used === null || began === null ? null : (used - began) / count
  return { here: each(after.here, before.here)!, database: each(after.database, before.database) }
}
