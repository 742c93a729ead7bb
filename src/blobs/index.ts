import type { Readable } from 'node:stream'
import { diskBlobs } from './disk.ts'

/** A half-open range of bytes. */
export interface ByteRange {
  start: number
  end: number
}

/** Stores the contents of files. A blob is named after the hash of its bytes, so equal contents are stored once. */
export interface Blobs {
  readonly name: string
  /** Stores `content` durably before it resolves. Throws `too_large` past `maxBytes`. Stores nothing on that or any other error. */
  put(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ blob: string; size_bytes: number }>
  /** Opens a blob, or a range of its bytes. Throws `not_found` when it does not exist. */
  open(blob: string, range?: ByteRange): Promise<Readable>
  /** Deletes blobs older than `graceSeconds` that `inUse` does not return. Returns the number of deleted blobs. */
  collect(inUse: (blobs: readonly string[]) => Promise<Set<string>>, graceSeconds: number): Promise<number>
}

/** All blob drivers, by their names in the configuration. */
export const BLOBS = { disk: diskBlobs }
