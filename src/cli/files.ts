import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StartError } from '../errors.ts'

/** Writes all of `content` to a file for its owner's eyes only, whole or not at all. Returns its size. */
export async function writeWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<number> {
  const part = `${path}.part`
  try {
    await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(part, { mode: 0o600, flush: true }))
    const { size } = await stat(part)
    await rename(part, path)
    return size
  } catch (error) {
    await rm(part, { force: true })
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR' || code === 'ENOSPC')
      throw new StartError(`${path} cannot be written (${code})`, { cause: error })
    throw error
  }
}

/** Throws `StartError` unless the file is there. */
export async function mustExist(path: string): Promise<void> {
  await stat(path).catch((cause) => {
    throw new StartError(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  })
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** Not every stream of the web can be gone through by itself. */
export function iterable(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  return Readable.fromWeb(stream as never)
}

/** `3 vectors, 1 file`, of what there is. */
export function counted(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([table, count]) => `${count} ${table.replaceAll('_', ' ')}`)
    .join(', ')
}
