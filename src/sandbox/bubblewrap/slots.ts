import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning, place, startOf } from '../../platform/processes.ts'
import { signal } from '../processes.ts'

const SLOTS = 1024
const UIDS_PER_SLOT = 4096
/** Above what users, services and containers are usually given. */
const FIRST_UID = 0x20000000
const CLAIM = 'removing'
const CLAIM_MS = 60_000

interface Owner {
  pid: number
  started: string | null
  place: string
  /** Control groups that it has made, to be removed with what is left in them. */
  groups: string[]
}

/** What a dead supervisor may have left: control groups, and processes of its user ids. */
export interface Remains {
  groups: readonly string[]
  firstUid: number
  uids: number
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
 * Takes a free slot below `folder`. What a dead supervisor has left behind is removed before, by `remove`.
 */
export async function takeSlot(folder: string, remove: (remains: Remains) => Promise<void>): Promise<Slot> {
  const owner: Owner = { pid: process.pid, started: startOf(process.pid), place: place(), groups: [] }
  await removeDead(folder, remove)
  for (let number = 0; number < SLOTS; number++) {
    const path = pathOf(folder, number)
    if (!(await take(path, owner))) continue
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

const pathOf = (folder: string, number: number) => join(folder, 'slots', String(number))

/** Frees the slots of all that are dead, wherever they are among those of the living. */
async function removeDead(folder: string, remove: (remains: Remains) => Promise<void>): Promise<void> {
  const names = await readdir(join(folder, 'slots')).catch(() => [])
  for (const number of names.filter((name) => /^\d+$/.test(name)).map(Number)) {
    const path = pathOf(folder, number)
    const dead = await stateOf(path)
    if (isAlive(dead) || !(await claim(path))) continue
    // Another may have removed it meanwhile, and one that lives have taken it.
    const { text, inode } = await stateOf(path)
    if (text === dead.text && inode === dead.inode) {
      await remove({ groups: ownerIn(text)?.groups ?? [], ...uidsOf(number) })
      await rm(path, { recursive: true, force: true })
    } else await rm(join(path, CLAIM), { recursive: true, force: true })
  }
}

/** Whether we are the one who removes it. Nobody can take the slot before it is gone. */
async function claim(path: string): Promise<boolean> {
  const made = () =>
    mkdir(join(path, CLAIM)).then(
      () => true,
      () => false,
    )
  if (await made()) return true
  const { mtimeMs } = statSync(join(path, CLAIM), { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
  if (Date.now() - mtimeMs < CLAIM_MS) return false
  // Who was to remove it has died over it.
  const isOurs = await rename(join(path, CLAIM), join(path, randomBytes(6).toString('hex'))).then(
    () => true,
    () => false,
  )
  return isOurs && (await made())
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

interface State {
  /** What its owner has written; null when that is nothing so far, or no more. */
  text: string | null
  inode: number
  changedMs: number
}

async function stateOf(path: string): Promise<State> {
  const text = await readFile(join(path, 'owner'), 'utf8').catch(() => null)
  const { ino = 0, mtimeMs = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {}
  return { text, inode: ino, changedMs: mtimeMs }
}

const ownerIn = (text: string | null): Owner | null => (text === null ? null : (JSON.parse(text) as Owner))

function isAlive({ text, changedMs }: State): boolean {
  const owner = ownerIn(text)
  // It may be about to write its name.
  if (!owner) return Date.now() - changedMs < 2_000
  const { pid, started, place: where } = owner
  const [boot, namespace] = place().split(' ')
  const [otherBoot, otherNamespace] = where.split(' ')
  if (boot !== otherBoot) return false
  // In another container: whether it lives cannot be told from here.
  if (namespace !== otherNamespace) return true
  return isRunning(pid) && (started === null || startOf(pid) === started)
}

/** Kills all processes of these user ids; as root only, who alone has given them out. */
export function killUids({ firstUid, uids }: Pick<Remains, 'firstUid' | 'uids'>): void {
  if (process.getuid?.() !== 0) return
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const { uid } = statSync(`/proc/${name}`, { throwIfNoEntry: false }) ?? { uid: 0 }
    if (uid >= firstUid && uid < firstUid + uids) signal(Number(name), 'SIGKILL')
  }
}
