import { constants } from 'node:fs'
import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'

const inflate = promisify(inflateRaw)

const END_SIGNATURE = 0x06054b50
const ENTRY_SIGNATURE = 0x02014b50
const LOCAL_SIGNATURE = 0x04034b50
const END_BYTES = 22
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const MAX_COMMENT_BYTES = 65_535
const [STORED, DEFLATED] = [0, 8]

/** A file in a zip archive. */
export interface ZipEntry {
  path: string
  /** Size of the content, as the directory says. A content with another size cannot be read. */
  size: number
  isExecutable: boolean
  /** Reads the content. Throws `BadZip` if it is damaged or larger than `size`. */
  read(): Promise<Buffer>
}

/** The archive is damaged, or has something that a wheel must not have. */
export class BadZip extends Error {}

/**
 * Returns the files of a zip archive, without folders. Throws `BadZip` for paths that leave the folder, for links and special files, for two files
 * with one path, for encryption and for archives of more than 4 GB.
 */
export function readZip(bytes: Buffer): ZipEntry[] {
  const end = findEnd(bytes)
  const count = bytes.readUInt16LE(end + 10)
  let at = bytes.readUInt32LE(end + 16)
  if (count === 0xffff || at === 0xffffffff) throw new BadZip('the archive is in the format for more than 4 GB')
  const entries: ZipEntry[] = []
  const paths = new Set<string>()
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > end || bytes.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw new BadZip('its directory is damaged')
    const nameLength = bytes.readUInt16LE(at + 28)
    const path = bytes.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameLength)
    const mode = bytes.readUInt32LE(at + 38) >>> 16
    if (!path.endsWith('/')) {
      checkPath(path)
      if (paths.has(path)) throw new BadZip(`it has two files "${path.slice(0, 200)}"`)
      paths.add(path)
      entries.push(entryAt(bytes, at, path, mode))
    }
    at += ENTRY_BYTES + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  for (const path of paths)
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
      if (paths.has(path.slice(0, slash))) throw new BadZip(`"${path.slice(0, slash)}" is both a file and a folder`)
  return entries
}

function findEnd(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES)
  for (let at = bytes.length - END_BYTES; at >= first; at--) if (bytes.readUInt32LE(at) === END_SIGNATURE) return at
  throw new BadZip('it is not a zip archive')
}

function checkPath(path: string): void {
  const isBad =
    /[\\\0]/.test(path) || path.length > 500 || path.split('/').some((part) => ['', '.', '..'].includes(part))
  if (isBad) throw new BadZip(`the path "${path.slice(0, 200)}" leads out of its folder, or is not a relative path`)
}

function entryAt(bytes: Buffer, at: number, path: string, mode: number): ZipEntry {
  const flags = bytes.readUInt16LE(at + 8)
  const method = bytes.readUInt16LE(at + 10)
  const packed = bytes.readUInt32LE(at + 20)
  const size = bytes.readUInt32LE(at + 24)
  const local = bytes.readUInt32LE(at + 42)
  const kind = mode & constants.S_IFMT
  if (kind !== 0 && kind !== constants.S_IFREG) throw new BadZip(`"${path.slice(0, 200)}" is a link or a special file`)
  if ((flags & 1) !== 0) throw new BadZip(`"${path.slice(0, 200)}" is encrypted`)
  if (method !== STORED && method !== DEFLATED)
    throw new BadZip(`"${path.slice(0, 200)}" has an unknown compression (${method})`)
  const damaged = (cause?: unknown) => new BadZip(`"${path.slice(0, 200)}" is damaged`, { cause })
  return {
    path,
    size,
    isExecutable: (mode & 0o111) !== 0,
    async read() {
      if (local + LOCAL_BYTES > bytes.length || bytes.readUInt32LE(local) !== LOCAL_SIGNATURE) throw damaged()
      const start = local + LOCAL_BYTES + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
      if (start + packed > bytes.length) throw damaged()
      const content = bytes.subarray(start, start + packed)
      const unpacked =
        method === STORED
          ? content
          : // One more byte than declared, so that an empty file is possible and a larger one is noticed.
            await inflate(content, { maxOutputLength: size + 1 }).catch((error: unknown) => {
              throw damaged(error)
            })
      if (unpacked.length !== size) throw damaged()
      return unpacked
    },
  }
}
