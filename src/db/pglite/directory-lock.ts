import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { mkdir, open, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../../errors.ts'
import { isRunning, place, startOf } from '../../platform/processes.ts'

// Two processes on one PGlite directory both open happily, and acknowledged rows vanish without an error: this lock is what prevents it.
// A holder is alive when its pid is and started when the lock says. Pids mean nothing across machines and containers: a holder from
// another boot or pid namespace is judged by its beat, the file's modification time.

interface Holder {
  token: string
  pid: number
  /** Boot and pid namespace: where `pid` means something. */
  place: string
  /** When that process started, in the kernel's own unit; null where the system does not say. */
  started: string | null
}

export interface DirectoryLock {
  release(): Promise<void>
}

const BEAT_MS = 2_000
const STALE_MS = 10_000

/** Takes `directory/lock` for this process. Throws `StartError`, naming the holder, when a living process has it. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'lock')
  const mine: Holder = { token: randomUUID(), pid: process.pid, place: place(), started: startOf(process.pid) }
  while (!(await create(path, mine))) {
    const holder = await read(path)
    if (!holder) continue
    if (await isAlive(path, holder)) {
      // By now it has surely written its name.
      const { pid } = (await read(path)) ?? holder
      throw new StartError(
        `The data directory ${directory} is in use by process ${pid}: stop it, or choose another with ZERODB_DATA_DIR ` +
          `(if you are certain that no such process exists, delete ${path})`,
      )
    }
    await removeStale(path, holder)
  }
  const beat = setInterval(() => {
    const now = new Date()
    try {
      utimesSync(path, now, now)
    } catch {
      // The directory may have been deleted under a running process; the database itself will say so.
    }
  }, BEAT_MS).unref()
  // Who was certain and deleted the file may have started another process: the lock is its own then.
  const remove = () => {
    try {
      if ((JSON.parse(readFileSync(path, 'utf8')) as Holder).token === mine.token) rmSync(path)
    } catch {
      // Not there any more, or not ours.
    }
  }
  process.once('exit', remove)
  return {
    async release() {
      clearInterval(beat)
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
      `The data directory cannot be written (${code}): check its owner and the free space, ${path}`,
      { cause: error },
    )
  }
}

/** Null when it has just been released. A holder that is still writing its name, or died doing so, counts as one of unknown place. */
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
  const beat = () => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const first = beat()
  const silentMs = STALE_MS - (Date.now() - first)
  // Another boot may be another machine, whose clock may differ: then only a beat that does not come proves anything.
  const watchMs = Math.max(silentMs, bootOf(holder.place) === bootOf(place()) ? 0 : BEAT_MS * 1.5)
  const until = performance.now() + Math.min(watchMs, STALE_MS)
  while (performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    if (beat() !== first) return true
  }
  return false
}

/** Between reading a dead holder's name and removing its file another starter may have done both, so only one at a time may try. */
async function removeStale(path: string, dead: Holder): Promise<void> {
  const taking = `${path}.taking-over`
  try {
    await mkdir(taking)
  } catch {
    const { mtimeMs } = statSync(taking, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
    // What takes a millisecond and is not done after ten seconds will never be.
    if (Date.now() - mtimeMs > STALE_MS) await rmdir(taking).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))
    return
  }
  try {
    if ((await read(path))?.token === dead.token) await rm(path, { force: true })
  } finally {
    await rmdir(taking)
  }
}

function bootOf(place: string): string {
  return place.split(' ')[0]!
}
