import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFrameReader, frame } from './frames.ts'

interface Seen {
  frames: [type: number, call: number, body: string][]
  errors: string[]
}

function reader(cap: (type: number) => number | undefined, onFrame?: (stop: () => void) => void) {
  const seen: Seen = { frames: [], errors: [] }
  const it = createFrameReader({
    cap,
    frame(type, call, body) {
      seen.frames.push([type, call, body.toString()])
      onFrame?.(it.stop)
    },
    onError: (reason) => seen.errors.push(reason),
  })
  return { ...it, seen }
}

test('frames are read unchanged, however the bytes are split', () => {
  const one = fc.record({ type: fc.integer({ min: 0, max: 255 }), call: fc.nat(), body: fc.string({ maxLength: 50 }) })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
      const { push, seen } = reader(() => 1000)
      let bytes = Buffer.concat(frames.map(({ type, call, body }) => frame(type, call, body)))
      for (const cut of [...cuts, bytes.length]) {
        push(bytes.subarray(0, cut))
        bytes = bytes.subarray(cut)
      }
      push(bytes)
      expect(seen).toEqual({ frames: frames.map(({ type, call, body }) => [type, call, body]), errors: [] })
    }),
  )
})

test('a frame is composed of strings and bytes', () => {
  const { push, seen } = reader(() => 100)
  push(frame(7, 4_000_000_000, 'ä', new Uint8Array([33]), ''))
  expect(seen.frames).toEqual([[7, 4_000_000_000, 'ä!']])
})

test('a frame that is too long is rejected by its header, before its body arrives, and later frames are ignored', () => {
  const { push, seen } = reader((type) => (type === 1 ? 5 : undefined))
  push(frame(1, 1, '12345'))
  push(frame(1, 1, '123456').subarray(0, 9))
  push(frame(1, 1, 'ok'))
  expect(seen).toEqual({ frames: [[1, 1, '12345']], errors: ['a frame of 6 bytes is too long'] })
})

test('an unexpected frame is rejected', () => {
  const { push, seen } = reader((type) => (type === 1 ? 5 : undefined))
  push(Buffer.concat([frame(2, 1, ''), frame(1, 1, 'ok')]))
  expect(seen).toEqual({ frames: [], errors: ['unexpected frame of type 2'] })
})

test('after stop, no frame is delivered, not even one of the same chunk', () => {
  const { push, seen } = reader(
    () => 100,
    (stop) => stop(),
  )
  push(Buffer.concat([frame(1, 1, 'bad'), frame(1, 1, 'good')]))
  push(frame(1, 1, 'late'))
  expect(seen.frames).toEqual([[1, 1, 'bad']])
})
