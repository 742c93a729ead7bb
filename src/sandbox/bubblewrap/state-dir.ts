import { access, chmod, constants, lstat, mkdir } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

export const isRoot = (): boolean => process.getuid?.() === 0

/**
 * Returns the folder for the roots of sandboxes. As root, all user ids must be able to read it, because each instance has its own. Otherwise
 * only this user may write to it, so that no other user can plant files.
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
      // The folder cannot be used: try the next one.
    }
  }
  throw new Error(`Cannot create ${candidates.join(' or ')}: the sandbox needs a folder that only this user can write`)
}
