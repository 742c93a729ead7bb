import { createWriteStream, rmSync } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StartError } from '../../errors.ts'
import { type Progress, progress } from '../lib/progress.ts'

/** The embedded database reads for one at a time: an export may have to wait for another. */
export const PATIENTLY = { timeoutSeconds: 300 }

/** Writes all of `content` to a file for its owner's eyes only, whole or not at all. Returns its size. */
export async function writeWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<number> {
  const part = `${path}.part`
  const leave = () => {
    rmSync(part, { force: true })
    process.exit(130)
  }
  process.once('SIGINT', leave).once('SIGTERM', leave)
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
  } finally {
    process.off('SIGINT', leave).off('SIGTERM', leave)
  }
}

/** Writes all of `content` to a file, and shows how much that has been. */
export function writeShown(
  path: string,
  content: AsyncIterable<Uint8Array>,
  label: string,
  json: boolean | undefined,
): Promise<number> {
  const shown = progress(label, { amount: megabytes, json })
  return writeWhole(
    path,
    counting(content, (bytes) => shown.at(bytes, null)),
  ).finally(shown.end)
}

/** In bytes. Throws `StartError` unless the file is there. */
export async function sizeOf(path: string): Promise<number> {
  const { size } = await stat(path).catch((cause) => {
    throw new StartError(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  })
  return size
}

/** What `open` gives, which is of `size` and read twice in all; `shown` says how much of both has been read. */
export function readTwice(open: () => Promise<Readable>, size: number, shown: Progress): () => Promise<Readable> {
  let times = -1
  return async () => {
    const before = size * ++times
    const pieces = counting((await open()) as AsyncIterable<Buffer>, (bytes) => shown.at(before + bytes, 2 * size))
    return Readable.from(pieces, { objectMode: false })
  }
}

/** The same pieces; `say` hears of each how many bytes have gone by with it. */
export async function* counting<Piece extends { length: number }>(
  pieces: AsyncIterable<Piece>,
  say: (bytes: number) => void,
): AsyncGenerator<Piece, void> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    say(bytes)
    yield piece
  }
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
