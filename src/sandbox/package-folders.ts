import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgramPackages } from './index.ts'

/** Unpacked sets of packages that are kept although no instance uses them. */
const MAX_UNUSED_SETS = 20

interface Unpacked {
  path: Promise<string>
  /** Number of instances that use the set. */
  users: number
}

/** The unpacked packages of one server process. Each set is unpacked once, however many instances and programs use it. */
export class PackageFolders {
  #folder: string
  /** Sets by key, the one that was used longest ago first. */
  #sets = new Map<string, Unpacked>()
  #finish: (folder: string) => Promise<void>
  #last = 0

  /** Unpacks below `folder`, which must be empty or not exist. `finish` is called for each new set before it is used. */
  constructor(folder: string, finish: (folder: string) => Promise<void> = async () => {}) {
    this.#folder = folder
    this.#finish = finish
  }

  /** Returns the folder of a set. It stays until `release` is called as often as this. */
  async use(packages: ProgramPackages): Promise<string> {
    const known = this.#sets.get(packages.key)
    const found = known ?? { path: this.#unpack(packages), users: 0 }
    this.#sets.delete(packages.key)
    this.#sets.set(packages.key, found)
    found.users++
    try {
      return await found.path
    } catch (error) {
      // The next call tries again: the content may be back.
      if (this.#sets.get(packages.key) === found) this.#sets.delete(packages.key)
      throw error
    }
  }

  async release({ key }: ProgramPackages): Promise<void> {
    const found = this.#sets.get(key)
    if (found) found.users--
    const unused = [...this.#sets].filter(([, { users }]) => users === 0)
    for (const [name, { path }] of unused.slice(0, Math.max(0, unused.length - MAX_UNUSED_SETS))) {
      this.#sets.delete(name)
      await rm(await path, { recursive: true, force: true })
    }
  }

  async #unpack({ unpack }: ProgramPackages): Promise<string> {
    const target = join(this.#folder, String(++this.#last))
    const temporary = `${target}.new`
    await mkdir(temporary, { recursive: true, mode: 0o755 })
    // All users can open a path below it, but not list it.
    await chmod(this.#folder, 0o711)
    try {
      await unpack(temporary)
      await this.#finish(temporary)
      await makeReadable(temporary)
      await rename(temporary, target)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
    return target
  }
}

/** Makes everything readable for all users, independent of the umask. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await makeReadable(path)
    else await chmod(path, (await stat(path)).mode & 0o111 ? 0o755 : 0o644)
  }
}
