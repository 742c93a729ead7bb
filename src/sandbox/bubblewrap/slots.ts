import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning, place, startOf } from '../../platform/processes.ts'
import { signal } from '../processes.ts'

const SLOTS = 1024
const UIDS_PER_SLOT = 4096
/** Above the ids that users, services and containers usually have. */
const FIRST_UID = 0x20000000
const CLAIM = 'removing'
const CLAIM_MS = 60_000

interface Owner {
  pid: number
  started: string | null
  place: string
  /** Control groups of the owner, which are removed after its death together with their processes. */
  groups: string[]
}

/** What a dead supervisor may have left behind: control groups, and processes with its user ids. */
export interface Remains {
  groups: readonly string[]
  firstUid: number
  uids: number
}

/** Exclusive range of user ids and control group names of one supervisor on this machine. */
export interface Slot {
  number: number
  /** A folder that is removed with the slot. All users can open paths below it, but not list it. */
  folder: string
  /** First of `uids` user ids. */
  firstUid: number
  uids: number
  /** Records control groups, so that another supervisor can remove them after this process has died. */
  keepGroups(groups: readonly string[]): Promise<void>
  release(): Promise<void>
}

/** Claims a free slot below `folder`. First calls `remove` for the remains of each dead supervisor. */
export async function takeSlot(folder: string, remove: (remains: Remains) => Promise<void>): Promise<Slot> {
  const owner: Owner = { pid: process.pid, started: startOf(process.pid), place: place(), groups: [] }
  await removeDead(folder, remove)
  for (let number = 0; number < SLOTS; number++) {
    const path = pathOf(folder, number)
    if (!(await take(path, owner))) continue
    return {
      number,
      folder: path,
      ...uidsOf(number),
      async keepGroups(groups) {
        owner.groups = [...groups]
        await write(path, owner)
      },
      release: () => rm(path, { recursive: true, force: true }),
    }
  }
  throw new Error(`All ${SLOTS} sandbox slots below ${folder} are in use: stop another server on this machine`)
}

const pathOf = (folder: string, number: number) => join(folder, 'slots', String(number))

/** Frees the slots of all dead supervisors. */
async function removeDead(folder: string, remove: (remains: Remains) => Promise<void>): Promise<void> {
  const names = await readdir(join(folder, 'slots')).catch(() => [])
  for (const number of names.filter((name) => /^\d+$/.test(name)).map(Number)) {
    const path = pathOf(folder, number)
    const dead = await stateOf(path)
    if (isAlive(dead) || !(await claim(path))) continue
    // Another process may have removed the slot, and a live one may have claimed it.
    const { text, inode } = await stateOf(path)
    if (text === dead.text && inode === dead.inode) {
      await remove({ groups: ownerIn(text)?.groups ?? [], ...uidsOf(number) })
      await rm(path, { recursive: true, force: true })
    } else await rm(join(path, CLAIM), { recursive: true, force: true })
  }
}

/** Claims the removal of a slot. Returns false if another process does it. The slot cannot be taken until it is removed. */
async function claim(path: string): Promise<boolean> {
  const made = () =>
    mkdir(join(path, CLAIM)).then(
      () => true,
      () => false,
    )
  if (await made()) return true
  const { mtimeMs } = statSync(join(path, CLAIM), { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
  if (Date.now() - mtimeMs < CLAIM_MS) return false
  // The process that claimed the cleanup died.
  const isOurs = await rename(join(path, CLAIM), join(path, randomBytes(6).toString('hex'))).then(
    () => true,
    () => false,
  )
  return isOurs && (await made())
}

/** Returns the user ids of a slot. A user namespace with few ids has fewer for each slot. */
function uidsOf(slot: number): { firstUid: number; uids: number } {
  const [, , count = '0'] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/)
  if (FIRST_UID + SLOTS * UIDS_PER_SLOT <= Number(count))
    return { firstUid: FIRST_UID + slot * UIDS_PER_SLOT, uids: UIDS_PER_SLOT }
  return { firstUid: 20_000 + (slot % 40) * 1000, uids: 1000 }
}

async function take(path: string, owner: Owner): Promise<boolean> {
  await mkdir(join(path, '..'), { recursive: true })
  try {
    await mkdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  await write(path, owner)
  // A guest opens the socket of its proxy below this folder as another user.
  for (const each of [join(path, '..'), path]) await chmod(each, 0o711)
  return true
}

async function write(path: string, owner: Owner): Promise<void> {
  await writeFile(join(path, 'owner.new'), JSON.stringify(owner), { mode: 0o600 })
  await rename(join(path, 'owner.new'), join(path, 'owner'))
}

interface State {
  /** Content of the owner file; null if it is not written yet or already removed. */
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
  // The owner file may not be written yet.
  if (!owner) return Date.now() - changedMs < 2_000
  const { pid, started, place: where } = owner
  const [boot, namespace] = place().split(' ')
  const [otherBoot, otherNamespace] = where.split(' ')
  if (boot !== otherBoot) return false
  // The owner is in another container, where its state is not visible.
  if (namespace !== otherNamespace) return true
  return isRunning(pid) && (started === null || startOf(pid) === started)
}

/** Kills all processes of these user ids. Does nothing unless this process is root, because only root assigns user ids. */
export function killUids({ firstUid, uids }: Pick<Remains, 'firstUid' | 'uids'>): void {
  if (process.getuid?.() !== 0) return
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const { uid } = statSync(`/proc/${name}`, { throwIfNoEntry: false }) ?? { uid: 0 }
    if (uid >= firstUid && uid < firstUid + uids) signal(Number(name), 'SIGKILL')
  }
}
