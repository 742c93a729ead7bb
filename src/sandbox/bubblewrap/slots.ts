import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning, place, startOf } from '../../processes.ts'
import { signal } from '../processes.ts'

const SLOTS = 1024
const UIDS_PER_SLOT = 4096
/** Above what users, services and containers are usually given. */
const FIRST_UID = 0x20000000

interface Owner {
  pid: number
  started: string | null
  place: string
  /** Control groups that it has made, to be removed with what is left in them. */
  groups: string[]
}

/** This process's share of what all supervisors of a machine must not use twice: user ids and names of control groups. */
export interface Slot {
  number: number
  /** The first of `uids` user ids. */
  firstUid: number
  uids: number
  /** Remembers control groups, so that whoever finds us dead removes them. */
  keepGroups(groups: readonly string[]): Promise<void>
  release(): Promise<void>
}

/**
 * Takes a free slot below `folder`. What a dead supervisor has left behind is removed on the way: `onRemains` is told its control groups,
 * processes of its user ids are killed.
 */
export async function takeSlot(folder: string, onRemains: (groups: string[]) => Promise<void>): Promise<Slot> {
  const owner: Owner = { pid: process.pid, started: startOf(process.pid), place: place(), groups: [] }
  for (let number = 0; number < SLOTS; number++) {
    const path = join(folder, 'slots', String(number))
    if (!(await take(path, owner))) {
      const other = await read(path)
      if (other && isAlive(other)) continue
      // Only one of those who find it dead gets to move it away.
      const away = `${path}.${randomBytes(6).toString('hex')}`
      if (
        !(await rename(path, away).then(
          () => true,
          () => false,
        ))
      )
        continue
      await onRemains(other?.groups ?? [])
      killUids(uidsOf(number))
      await rm(away, { recursive: true, force: true })
      if (!(await take(path, owner))) continue
    }
    return {
      number,
      ...uidsOf(number),
      async keepGroups(groups) {
        owner.groups = [...groups]
        await write(path, owner)
      },
      release: () => rm(path, { recursive: true, force: true }),
    }
  }
  throw new Error(`All of the ${SLOTS} places for sandboxes below ${folder} are taken`)
}

/** In a user namespace with few ids there are fewer for each. */
function uidsOf(slot: number): { firstUid: number; uids: number } {
  const [, , count = '0'] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/)
  if (FIRST_UID + SLOTS * UIDS_PER_SLOT <= Number(count))
    return { firstUid: FIRST_UID + slot * UIDS_PER_SLOT, uids: UIDS_PER_SLOT }
  return { firstUid: 20_000 + (slot % 40) * 1000, uids: 1000 }
}

async function take(path: string, owner: Owner): Promise<boolean> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 })
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  await write(path, owner)
  return true
}

async function write(path: string, owner: Owner): Promise<void> {
  await writeFile(join(path, 'owner.new'), JSON.stringify(owner), { mode: 0o600 })
  await rename(join(path, 'owner.new'), join(path, 'owner'))
}

/** Null for one that has not written its name, or died before. */
async function read(path: string): Promise<Owner | null> {
  const text = await readFile(join(path, 'owner'), 'utf8').catch(() => null)
  if (text !== null) return JSON.parse(text) as Owner
  const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 }
  return Date.now() - mtimeMs < 2_000 ? { pid: process.pid, started: null, place: place(), groups: [] } : null
}

function isAlive({ pid, started, place: where }: Owner): boolean {
  const [boot, namespace] = place().split(' ')
  const [otherBoot, otherNamespace] = where.split(' ')
  if (boot !== otherBoot) return false
  // In another container: whether it lives cannot be told from here.
  if (namespace !== otherNamespace) return true
  return isRunning(pid) && (started === null || startOf(pid) === started)
}

function killUids({ firstUid, uids }: { firstUid: number; uids: number }): void {
  if (process.getuid?.() !== 0) return
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const { uid } = statSync(`/proc/${name}`, { throwIfNoEntry: false }) ?? { uid: 0 }
    if (uid >= firstUid && uid < firstUid + uids) signal(Number(name), 'SIGKILL')
  }
}
