import { Transform } from 'node:stream'

/** Shorter values are not masked: they occur in texts by chance. */
export const MIN_MASKED_BYTES = 8
const STAR = 0x2a

/** Creates a stream that replaces each occurrence of these values with stars. The length stays, so that a declared length remains true. */
export function createMask(values: readonly string[]): Transform {
  const wanted = values.map((value) => Buffer.from(value)).filter(({ length }) => length >= MIN_MASKED_BYTES)
  let held: Buffer = Buffer.alloc(0)

  /** Masks the values that begin before `end`. */
  function maskUntil(data: Buffer, end: number): Buffer {
    let result = data
    for (const value of wanted)
      for (let at = data.indexOf(value); at >= 0 && at < end; at = data.indexOf(value, at + 1)) {
        if (result === data) result = Buffer.from(data)
        result.fill(STAR, at, at + value.length)
      }
    return result
  }
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const data = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      const end = data.length - Math.max(0, ...wanted.map((value) => lengthOfStart(data, value)))
      const result = maskUntil(data, end)
      held = Buffer.from(result.subarray(end))
      done(null, result.subarray(0, end))
    },
    flush(done) {
      done(null, maskUntil(held, held.length))
    },
  })
}

/** Returns the length of the longest end of `data` that is the beginning of `value`, but not all of it. */
function lengthOfStart(data: Buffer, value: Buffer): number {
  for (let length = Math.min(value.length - 1, data.length); length > 0; length--)
    if (data.subarray(data.length - length).equals(value.subarray(0, length))) return length
  return 0
}
