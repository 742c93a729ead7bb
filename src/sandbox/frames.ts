// The protocol between the supervisor and a guest: `u32 length, u8 type, u32 call, body`, little endian, the length without this header.
//
//   INIT    to the guest   u32 length of a JSON head {entry, env, files: [[path, size], …]}, the head, the concatenated bytes of the files
//   CALL    to the guest   JSON {mode, input, timeout_ms, limit}
//   REPLY   to the guest   u32 request id, u8 1 (then JSON value) or 0 (then JSON {message, code, status})
//   UP      from the guest version of the interpreter; once, before any other frame
//   RESULT  from the guest u8 kind, u8 1 if the process accepts no further call, 2 if work of the call continues in the background, then by kind:
//                          0 JSON · 1 u32 length of a JSON head {status, headers}, the head, bytes · 2 JSON of an error · 3 size in digits, or empty
//   LOG     from the guest u8 stream, u8 level, text
//   ASK     from the guest u32 request id, u8 length of a name, the name, JSON
//   QUIET   from the guest u8 0: background work of the call has ended; 1: it has failed, and the process accepts no further call; 2: it continues
export const FRAME = { INIT: 1, CALL: 2, REPLY: 3, UP: 16, RESULT: 17, LOG: 18, ASK: 19, QUIET: 20 } as const
export const RESULT_KIND = { JSON: 0, RESPONSE: 1, THREW: 2, TOO_LARGE: 3 } as const
export const STREAMS = ['', 'stdout', 'stderr', 'log'] as const
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** Length of a frame's header. */
export const HEADER_BYTES = 9

/** Encodes a frame. */
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
  /** Returns the maximum length of a frame of this type in the current state, or undefined if it is not allowed. Called before the body is stored. */
  cap(type: number): number | undefined
  /** Handles a frame. `body` is only valid until this returns. */
  frame(type: number, call: number, body: Buffer): void
  /** Called when the sender violates the protocol. */
  onError(reason: string): void
}

/** Splits a stream of bytes into frames. After `stop` no frame is delivered, not even from data that is already read. */
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
          handler.onError(
            cap === undefined ? `unexpected frame of type ${type}` : `a frame of ${length} bytes is too long`,
          )
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
