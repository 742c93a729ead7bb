import { readFileSync } from 'node:fs'
import { sql } from '../src/db/sql.ts'
import type { Bench } from './support.ts'

/** Milliseconds of processor time that have been used so far. */
export interface ProcessorTime {
  here: number
  /** By the connections to the bench's database, and by all that have been closed; null where this cannot be seen. On PGlite it is part of `here`. */
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
    const living = backends.map(({ pid }) => timesOf(pid))
    const closed = timesOf(living[0]!.parent).ended
    return { here, database: living.reduce((sum, { own }) => sum + own, closed) }
  } catch {
    // The server is on another machine, or this is no Linux.
    return { here, database: null }
  }
}

/** What process `pid` has used, and what its children have that have ended. */
function timesOf(pid: number): { parent: number; own: number; ended: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  if (!stat.includes('postgres')) throw new Error(`process ${pid} is none of PostgreSQL's`)
  // Behind the name, which may hold anything: the state is the third field, then the parent, and the times are from the fourteenth on.
  const [, parent, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system, endedUser, endedSystem] = fields.slice(9, 13).map((ticks) => Number(ticks) * TICK_MS)
  return { parent: Number(parent), own: user! + system!, ended: endedUser! + endedSystem! }
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
