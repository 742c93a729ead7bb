import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseTarGzip } from 'nanotar'
import { StartError } from '../../errors.ts'
import { packageRoot } from '../../platform/package.ts'

/** Returns whether `directory` already contains a database. */
export function hasPgliteDatabase(directory: string): boolean {
  return existsSync(join(directory, 'pg', 'PG_VERSION'))
}

/**
 * Unpacks the prepared database into a new directory, unless there is one. The files are unpacked next to the target and renamed into place, so
 * that a killed first start leaves no partial database. With `sync`, this also holds for a power failure.
 */
export async function unpackTemplate(directory: string, sync: boolean): Promise<void> {
  if (hasPgliteDatabase(directory)) return
  const place = join(directory, 'pg')
  if ((await readdir(place).catch(() => [])).length > 0) {
    throw new StartError(
      `${place} is not empty but contains no complete database: restore a backup there, or move it away`,
    )
  }
  const dist = join(packageRoot(), 'dist')
  const template = (await readdir(dist)).find((name) => name.startsWith('template-'))
  if (!template) throw new StartError(`No database template in ${dist}: run "npm run build"`)
  const unpacked = join(directory, 'pg.new')
  await rm(unpacked, { recursive: true, force: true })
  const folders = new Set([unpacked])
  for (const entry of await parseTarGzip(await readFile(join(dist, template)))) {
    const path = join(unpacked, entry.name)
    const folder = entry.type === 'directory' ? path : dirname(path)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    folders.add(folder)
    if (entry.type !== 'directory') await writeFile(path, entry.data ?? new Uint8Array(), { mode: 0o600, flush: sync })
  }
  if (sync) for (const folder of folders) await syncDirectory(folder)
  await rename(unpacked, place)
  if (sync) await syncDirectory(directory)
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory, and its rename is durable without this.
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  await handle.sync()
  await handle.close()
}
