import type { Blobs } from '../blobs/index.ts'
import { ZeroError } from '../errors.ts'
import type { Line } from './format.ts'

/**
 * Stores the blobs in the lines of an import file, piece by piece, and yields the other lines. Adds the name and size of each complete blob to
 * `kept`. Throws `invalid` for a blob that does not match its hash.
 */
export async function* keepContents(
  lines: AsyncIterable<Line>,
  blobs: Blobs,
  kept: Map<string, number>,
): AsyncGenerator<Line> {
  const source = lines[Symbol.asyncIterator]()
  try {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      const line = next.value
      if (line.kind !== 'piece') {
        yield line
        continue
      }
      const { blob, size_bytes } = await blobs.put(bytesOf(line, source), Number.POSITIVE_INFINITY)
      if (blob !== line.blob)
        throw new ZeroError('invalid', `The content ${line.blob} does not match its hash: the file is damaged`)
      kept.set(blob, size_bytes)
    }
  } finally {
    await source.return?.()
  }
}

async function* bytesOf(first: Line & { kind: 'piece' }, source: AsyncIterator<Line>): AsyncGenerator<Buffer> {
  for (let line: Line | undefined = first; ; ) {
    if (line?.kind !== 'piece' || line.blob !== first.blob)
      throw new ZeroError('invalid', `The content ${first.blob} is truncated: the file is damaged`)
    if (line.bytes.length === 0) return
    yield line.bytes
    const next: IteratorResult<Line> = await source.next()
    line = next.done ? undefined : next.value
  }
}
