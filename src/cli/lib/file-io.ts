import { createWriteStream, rmSync } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StartError } from '../../errors.ts'
import { type Progress, progress } from './progress.ts'

/** Options for exports: the embedded database runs one at a time, so an export may wait for another. */
export const LONG_TIMEOUT = { timeoutSeconds: 300 }

/** Writes `content` to a file atomically, readable only by its owner. Returns its size in bytes. */
export async function writeAtomically(path: string, content: AsyncIterable<Uint8Array>): Promise<number> {
  const part = `${path}.part`
  const abort = () => {
    rmSync(part, { force: true })
    process.exit(130)
  }
  process.once('SIGINT', abort).once('SIGTERM', abort)
  try {
    await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(part, { mode: 0o600, flush: true }))
    const { size } = await stat(part)
    await rename(part, path)
    return size
  } catch (error) {
    await rm(part, { force: true })
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR' || code === 'ENOSPC')
      throw new StartError(`Cannot write ${path} (${code})`, { cause: error })
    throw error
  } finally {
    process.off('SIGINT', abort).off('SIGTERM', abort)
  }
}

/** Writes `content` to a file atomically and shows the progress. Returns its size in bytes. */
export function writeWithProgress(
  path: string,
  content: AsyncIterable<Uint8Array>,
  label: string,
  json: boolean | undefined,
): Promise<number> {
  const shown = progress(label, { amount: megabytes, json })
  return writeAtomically(
    path,
    counting(content, (bytes) => shown.at(bytes, null)),
  ).finally(shown.end)
}

/** Returns the size of a file in bytes. Throws `StartError` if it cannot be read. */
export async function sizeOf(path: string): Promise<number> {
  const { size } = await stat(path).catch((cause) => {
    throw new StartError(`Cannot read ${path} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  })
  return size
}

/** Wraps `open`, whose content of `size` bytes is read twice; `shown` gets the progress over both passes. */
export function readTwice(open: () => Promise<Readable>, size: number, shown: Progress): () => Promise<Readable> {
  let times = -1
  return async () => {
    const before = size * ++times
    const pieces = counting((await open()) as AsyncIterable<Buffer>, (bytes) => shown.at(before + bytes, 2 * size))
    return Readable.from(pieces, { objectMode: false })
  }
}

/** Passes the pieces through and calls `onBytes` with the total of bytes after each. */
export async function* counting<Piece extends { length: number }>(
  pieces: AsyncIterable<Piece>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Piece, void> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    onBytes(bytes)
    yield piece
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** Converts a web stream, which is not async iterable everywhere. */
export function iterable(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  return Readable.fromWeb(stream as never)
}

/** Formats counts of rows by table: `3 vectors, 1 files`. */
export function formatCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([table, count]) => `${count} ${table.replaceAll('_', ' ')}`)
    .join(', ')
}
