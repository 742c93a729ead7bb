import { readFileSync } from 'node:fs'
import { sql } from '../src/db/sql.ts'
import type { Bench } from './support.ts'

/** Milliseconds of processor time used so far. */
export interface ProcessorTime {
  here: number
  /** Time of the open and closed connections to the database; null if it cannot be read. On PGlite it is part of `here`. */
  database: number | null
}

/** Length of a clock tick: Linux has 100 per second. */
const TICK_MS = 10

export async function processorTime({ database }: Bench): Promise<ProcessorTime> {
  const { user, system } = process.cpuUsage()
  const here = (user + system) / 1000
  if (database.kind === 'pglite') return { here, database: null }
  const backends = await database.query<{ pid: number }>(
    sql`select pid from pg_stat_activity where datname = current_database()`,
  )
  try {
    const living = backends.map(({ pid }) => timesOf(pid))
    const closed = timesOf(living[0]!.parent).ended
    return { here, database: living.reduce((sum, { own }) => sum + own, closed) }
  } catch {
    // The server is on another machine, or this is not Linux.
    return { here, database: null }
  }
}

/** Returns the processor time of process `pid` and of its ended children. */
function timesOf(pid: number): { parent: number; own: number; ended: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  if (!stat.includes('postgres')) throw new Error(`process ${pid} is not a PostgreSQL process`)
  // Splits after the name, which may contain any character: field 3 is the state, field 4 the parent, the times start at field 14.
  const [, parent, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system, endedUser, endedSystem] = fields.slice(9, 13).map((ticks) => Number(ticks) * TICK_MS)
  return { parent: Number(parent), own: user! + system!, ended: endedUser! + endedSystem! }
}

/** Returns the processor time of `work` divided by `count`. */
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
