import type { Readable } from 'node:stream'
import { diskBlobs } from './disk.ts'

/** A half-open range of bytes. */
export interface ByteRange {
  start: number
  end: number
}

/** Keeps the contents of files. A content's name is the hash of its bytes: the same bytes are kept once. */
export interface Blobs {
  readonly name: string
  /** Keeps all of `content`; when the answer is there it survives a crash. Throws `too_large` past `maxBytes`, and keeps nothing then or when the stream fails. */
  put(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ blob: string; size_bytes: number }>
  /** Throws `not_found` when there is no such content. */
  open(blob: string, range?: ByteRange): Promise<Readable>
  /** Deletes contents older than `graceSeconds` that `inUse` does not name. Returns how many. */
  collect(inUse: (blobs: readonly string[]) => Promise<Set<string>>, graceSeconds: number): Promise<number>
}

/** Every blob driver, by the name that configuration uses. */
export const BLOBS = { disk: diskBlobs }
