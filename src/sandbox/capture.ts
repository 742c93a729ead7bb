import { StringDecoder } from 'node:string_decoder'
import { LEVELS, STREAMS } from './frames.ts'
import type { GuestLog } from './index.ts'

/** Maximum output that is stored per stream. */
const MAX_STORED_BYTES = 51_200
/** A call that prints more than this over all streams is killed. */
export const MAX_PRINTED_BYTES = 1_048_576

interface Stream {
  name: GuestLog['stream']
  decoder: StringDecoder
  text: string
  bytes: number
  /** The incomplete last line. */
  line: string
}

/** Captures the output of one call: passes on each line, and stores the text up to a limit. */
export class Capture {
  #streams = new Map<number, Stream>()
  #onLog: ((line: GuestLog) => void) | undefined
  /** All received bytes, stored or not, including the overhead of frames. */
  bytes = 0

  constructor(onLog: ((line: GuestLog) => void) | undefined) {
    this.#onLog = onLog
  }

  write(number: number, level: number, data: Uint8Array, overhead = 0): void {
    this.bytes += data.length + overhead
    const stream = this.#stream(number)
    if (!stream || stream.bytes > MAX_STORED_BYTES) return
    const room = MAX_STORED_BYTES - stream.bytes
    // An empty message counts as well: it is a line of the log.
    stream.bytes += Math.max(data.length, 1)
    let text = stream.decoder.write(Buffer.from(data.subarray(0, room)))
    if (stream.bytes > MAX_STORED_BYTES) text += `\n[cut here: more than ${MAX_STORED_BYTES} bytes]\n`
    if (stream.name === 'log') {
      this.#emit(stream, level, text.replace(/\n$/, ''))
      return
    }
    stream.text += text
    const lines = (stream.line + text).split('\n')
    stream.line = lines.pop()!
    for (const line of lines) this.#emit(stream, level, line)
  }

  /** Passes on incomplete last lines and returns the stored output. */
  finish(): { stdout: string; stderr: string } {
    for (const stream of this.#streams.values()) {
      if (stream.line !== '') this.#emit(stream, 1, stream.line)
      stream.line = ''
    }
    return { stdout: this.#streams.get(1)?.text ?? '', stderr: this.#streams.get(2)?.text ?? '' }
  }

  #stream(number: number): Stream | undefined {
    const known = this.#streams.get(number)
    const name = STREAMS[number]
    if (known || !name) return known
    const stream = { name, decoder: new StringDecoder('utf8'), text: '', bytes: 0, line: '' }
    this.#streams.set(number, stream)
    return stream
  }

  #emit(stream: Stream, level: number, text: string): void {
    this.#onLog?.({ stream: stream.name, level: stream.name === 'log' ? (LEVELS[level] ?? 'info') : 'info', text })
  }
}
