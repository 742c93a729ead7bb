import { access, chmod, constants, lstat, mkdir } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

export const isRoot = (): boolean => process.getuid?.() === 0

/**
 * Where the roots of sandboxes are kept. As root it must be a folder that every user id can reach, since each instance has its own; else one
 * of our own, in which nobody else can have prepared anything.
 */
export async function sandboxStateDir(): Promise<string> {
  if (isRoot()) {
    const folder = '/var/lib/zerodb-functions'
    await mkdir(folder, { recursive: true, mode: 0o755 })
    await chmod(folder, 0o755)
    return folder
  }
  const uid = process.getuid!()
  const candidates = [
    join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'zerodb-functions'),
    join(tmpdir(), `zerodb-functions-${uid}`),
  ]
  for (const folder of candidates) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const { uid: owner, mode } = await lstat(folder)
      if (owner !== uid || (mode & 0o022) !== 0) continue
      await access(folder, constants.W_OK)
      return folder
    } catch {
      // The next one, then.
    }
  }
  throw new Error(`None of ${candidates.join(', ')} can be made: the sandbox needs a folder of its own`)
}
