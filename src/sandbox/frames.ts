// What the supervisor and a guest say to each other: `u32 length, u8 type, u32 call, body`, little endian, the length without this header.
//
//   INIT    to the guest   u32 length of a JSON head {entry, env, files: [[path, size], …]}, the head, the files' bytes one after the other
//   CALL    to the guest   JSON {mode, input, timeout_ms, limit}
//   REPLY   to the guest   u32 question, u8 1 (then JSON value) or 0 (then JSON {message, code, status})
//   UP      from the guest version of the interpreter; once, before anything else
//   RESULT  from the guest u8 kind, u8 1 when this process takes no further call, 2 when the call has left work that goes on, then by kind:
//                          0 JSON · 1 u32 length of a JSON head {status, headers}, the head, bytes · 2 JSON of an error · 3 size in digits, or nothing
//   LOG     from the guest u8 stream, u8 level, text
//   ASK     from the guest u32 question, u8 length of a name, the name, JSON
//   QUIET   from the guest u8 0: what the call has left has ended; 1: it has failed, and this process takes no further call; 2: it goes on
export const FRAME = { INIT: 1, CALL: 2, REPLY: 3, UP: 16, RESULT: 17, LOG: 18, ASK: 19, QUIET: 20 } as const
export const RESULT_KIND = { JSON: 0, RESPONSE: 1, THREW: 2, TOO_LARGE: 3 } as const
export const STREAMS = ['', 'stdout', 'stderr', 'log'] as const
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** Of every frame. */
export const HEADER_BYTES = 9

/** One frame as bytes. */
export function frame(type: number, call: number, ...parts: readonly (string | Uint8Array)[]): Buffer {
  let length = 0
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length)
  bytes.writeUInt32LE(length, 0)
  bytes[4] = type
  bytes.writeUInt32LE(call, 5)
  let at = HEADER_BYTES
  for (const part of parts) {
    if (typeof part === 'string') at += bytes.write(part, at)
    else {
      bytes.set(part, at)
      at += part.length
    }
  }
  return bytes
}

export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value, 0)
  return bytes
}

export interface FrameHandler {
  /** The most bytes that a frame of this type may have as things stand. Asked before any of them is kept; undefined: no such frame may come. */
  cap(type: number): number | undefined
  /** `body` is only good until this returns. */
  frame(type: number, call: number, body: Buffer): void
  /** The sender does not keep to the rules. */
  broken(why: string): void
}

/** Cuts a stream of bytes into frames. After `stop` nothing more is handed out, not even of what has been read already. */
export function createFrameReader(handler: FrameHandler): { push(chunk: Buffer): void; stop(): void } {
  let pieces: Buffer[] = []
  let have = 0
  let need = HEADER_BYTES
  let stopped = false

  function stop(): void {
    stopped = true
    pieces = []
  }
  return {
    stop,
    push(chunk) {
      if (stopped) return
      pieces.push(chunk)
      have += chunk.length
      if (have < need) return
      let data = pieces.length === 1 ? chunk : Buffer.concat(pieces, have)
      for (;;) {
        need = HEADER_BYTES
        if (data.length < need) break
        const length = data.readUInt32LE(0)
        const type = data[4]!
        const cap = handler.cap(type)
        if (cap === undefined || length > cap) {
          stop()
          handler.broken(cap === undefined ? `a frame of type ${type} came` : `a frame of ${length} bytes came`)
          return
        }
        need += length
        if (data.length < need) break
        const call = data.readUInt32LE(5)
        const body = data.subarray(HEADER_BYTES, need)
        data = data.subarray(need)
        handler.frame(type, call, body)
        if (stopped) return
      }
      pieces = data.length === 0 ? [] : [data]
      have = data.length
    },
  }
}
