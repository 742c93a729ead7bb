import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { mkdir, open, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../../errors.ts'
import { isRunning, place, startOf } from '../../platform/processes.ts'

// Two processes can open the same PGlite directory without an error, and acknowledged rows are lost: this lock prevents that. The holder is
// alive if its pid exists and that process started at the recorded time. Pids are not comparable across machines and containers. For a
// holder from another boot or pid namespace, the heartbeat counts: the modification time of the file.

interface Holder {
  token: string
  pid: number
  /** Boot id and pid namespace in which `pid` is valid. */
  place: string
  /** Start time of the process in kernel ticks; null where the system does not report it. */
  started: string | null
}

export interface DirectoryLock {
  release(): Promise<void>
}

const HEARTBEAT_MS = 2_000
const STALE_MS = 10_000

/** Creates `directory/lock` for this process. Throws `StartError` with the holder's pid when a running process holds the lock. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'lock')
  const mine: Holder = { token: randomUUID(), pid: process.pid, place: place(), started: startOf(process.pid) }
  while (!(await create(path, mine))) {
    const holder = await read(path)
    if (!holder) continue
    if (await isAlive(path, holder)) {
      // The first read may have come before the holder wrote its pid.
      const { pid } = (await read(path)) ?? holder
      throw new StartError(
        `The data directory ${directory} is in use by process ${pid}: stop it, or choose another with ZERODB_DATA_DIR ` +
          `(if you are certain that no such process exists, delete ${path})`,
      )
    }
    await removeStale(path, holder)
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    try {
      utimesSync(path, now, now)
    } catch {
      // If the directory was deleted, the next database statement fails with a better error.
    }
  }, HEARTBEAT_MS).unref()
  // Someone may have deleted the file by hand and started another process, which then owns the lock.
  const remove = () => {
    try {
      if ((JSON.parse(readFileSync(path, 'utf8')) as Holder).token === mine.token) rmSync(path)
    } catch {
      // The file is missing or unreadable: nothing to remove.
    }
  }
  process.once('exit', remove)
  return {
    async release() {
      clearInterval(heartbeat)
      process.off('exit', remove)
      remove()
    },
  }
}

async function create(path: string, holder: Holder): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(JSON.stringify(holder))
    await file.sync()
    await file.close()
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new StartError(
      `Cannot write to the data directory (${code}): check the owner and the free space of ${path}`,
      { cause: error },
    )
  }
}

/** Reads the holder. Returns null if the lock was just released, and an empty holder if the file is incomplete. */
async function read(path: string): Promise<Holder | null> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    return JSON.parse(text) as Holder
  } catch {
    return { token: '', pid: 0, place: '', started: null }
  }
}

async function isAlive(path: string, holder: Holder): Promise<boolean> {
  if (holder.place === place()) {
    if (!isRunning(holder.pid)) return false
    return holder.started === null || startOf(holder.pid) === holder.started
  }
  const readHeartbeat = () => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const first = readHeartbeat()
  const silentMs = STALE_MS - (Date.now() - first)
  // Another boot id may mean another machine, whose clock may differ: then only a missing heartbeat proves that the holder is dead.
  const watchMs = Math.max(silentMs, bootOf(holder.place) === bootOf(place()) ? 0 : HEARTBEAT_MS * 1.5)
  const until = performance.now() + Math.min(watchMs, STALE_MS)
  while (performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    if (readHeartbeat() !== first) return true
  }
  return false
}

/** Removes the lock file of a dead holder. Guarded by a directory, because another process may replace the file between read and delete. */
async function removeStale(path: string, dead: Holder): Promise<void> {
  const guard = `${path}.taking-over`
  try {
    await mkdir(guard)
  } catch {
    const { mtimeMs } = statSync(guard, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
    // The guard is normally held for a millisecond: after ten seconds its holder is dead.
    if (Date.now() - mtimeMs > STALE_MS) await rmdir(guard).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))
    return
  }
  try {
    if ((await read(path))?.token === dead.token) await rm(path, { force: true })
  } finally {
    await rmdir(guard)
  }
}

function bootOf(place: string): string {
  return place.split(' ')[0]!
}
