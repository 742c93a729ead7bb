import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MAX_UNPACKED_BYTES, MAX_UNPACKED_FILES } from '../../schema/package.ts'
import { BadZip, readZip, type ZipEntry } from './zip.ts'

/** The parts of a wheel's file name. */
export interface WheelName {
  /** Name of the package in normal form. */
  name: string
  version: string
  pythons: string[]
  abis: string[]
  platforms: string[]
}

/** Returns the parts of a valid file name of a wheel: name, version, an optional build, and the tags. */
export function wheelName(fileName: string): WheelName {
  const parts = fileName.slice(0, -'.whl'.length).split('-')
  const [pythons, abis, platforms] = parts.slice(-3).map((tags) => tags.split('.'))
  return {
    name: parts[0]!.toLowerCase().replace(/[-_.]+/g, '-'),
    version: parts[1]!,
    pythons: pythons!,
    abis: abis!,
    platforms: platforms!,
  }
}

/** A file of a wheel that is installed. */
interface InstalledFile {
  /** Path in the folder of packages. */
  path: string
  entry: ZipEntry
}

/** Size of a wheel when it is unpacked. */
export interface WheelSize {
  files: number
  bytes: number
}

/**
 * Checks that the bytes are a wheel of this name and version that can be unpacked safely, without unpacking it. Returns its size. Throws `BadZip`.
 */
export function checkWheel(fileName: string, bytes: Buffer): WheelSize {
  const { name, version } = wheelName(fileName)
  const files = filesOf(bytes)
  const info = files.find(({ path }) => /^[^/]+\.dist-info\/METADATA$/.test(path))
  if (!info) throw new BadZip('it is not a wheel: it has no .dist-info/METADATA')
  const [found = '', foundVersion] = dirname(info.path).slice(0, -'.dist-info'.length).split('-')
  if (found.toLowerCase().replace(/[-_.]+/g, '-') !== name || foundVersion !== version)
    throw new BadZip(`it contains ${found} ${foundVersion}, which differs from its file name`)
  const size = sizeOf(files)
  checkSize(size)
  return size
}

/** Throws `BadZip` if files of this number and size are too large for one version. */
export function checkSize({ files, bytes }: WheelSize): void {
  if (files > MAX_UNPACKED_FILES) throw new BadZip(`it has ${files} files; at most ${MAX_UNPACKED_FILES} are allowed`)
  if (bytes > MAX_UNPACKED_BYTES)
    throw new BadZip(
      `it has ${Math.ceil(bytes / 1024 / 1024)} MB when it is unpacked; at most ${MAX_UNPACKED_BYTES / 1024 / 1024} MB are allowed`,
    )
}

function sizeOf(files: readonly InstalledFile[]): WheelSize {
  return { files: files.length, bytes: files.reduce((sum, { entry }) => sum + entry.size, 0) }
}

/**
 * Returns the files of a wheel that are installed as modules. `name.data/purelib` and `platlib` become part of the folder; scripts, headers and
 * data for other folders are left out.
 */
function filesOf(bytes: Buffer): InstalledFile[] {
  return readZip(bytes).flatMap((entry) => {
    const data = /^[^/]+\.data\/([^/]+)\/(.+)$/.exec(entry.path)
    if (!data) return [{ path: entry.path, entry }]
    return data[1] === 'purelib' || data[1] === 'platlib' ? [{ path: data[2]!, entry }] : []
  })
}

/** Unpacks a wheel into a folder, where files of earlier wheels can be. Only writes regular files. Throws `BadZip`. */
export async function unpackWheel(bytes: Buffer, folder: string): Promise<WheelSize> {
  const files = filesOf(bytes)
  const size = sizeOf(files)
  checkSize(size)
  const folders = new Set(files.map(({ path }) => dirname(path)))
  for (const each of folders) await mkdir(join(folder, each), { recursive: true, mode: 0o755 })
  for (const { path, entry } of files)
    await writeFile(join(folder, path), await entry.read(), { mode: entry.isExecutable ? 0o755 : 0o644 })
  return size
}
