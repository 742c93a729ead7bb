import type { Blobs } from '../blobs/index.ts'
import { ZeroError } from '../errors.ts'
import type { Line } from './format.ts'

/**
 * Keeps the contents of a file's lines, piece by piece, and passes on the other lines. `kept` then has the name and size of each that came whole.
 * Throws `invalid` for a content that is not what its name says.
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
        throw new ZeroError('invalid', `The content ${line.blob} is not what it was: the file is damaged`)
      kept.set(blob, size_bytes)
    }
  } finally {
    await source.return?.()
  }
}

async function* bytesOf(first: Line & { kind: 'piece' }, source: AsyncIterator<Line>): AsyncGenerator<Buffer> {
  for (let line: Line | undefined = first; ; ) {
    if (line?.kind !== 'piece' || line.blob !== first.blob)
      throw new ZeroError('invalid', `The content ${first.blob} is cut short: the file is damaged`)
    if (line.bytes.length === 0) return
    yield line.bytes
    const next: IteratorResult<Line> = await source.next()
    line = next.done ? undefined : next.value
  }
}
