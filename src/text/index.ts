import type { ChildProcess } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { NeverRetry } from '../errors.ts'
import { abortable, onAbort } from '../platform/abort.ts'
import { spawnLimited } from '../platform/spawn-limited.ts'
import type { TextType } from './sniff.ts'
import type { TextAnswer, TextJob } from './worker.ts'

const HEAP_MB = 200
const DATA_MB = 512
const MB = 1024 * 1024

export interface FileToRead {
  /** Bytes, a stream of them, or the path of a file on this machine. */
  content: Uint8Array | AsyncIterable<Uint8Array> | string
  content_type: string | null
  file_name: string
}

export interface ExtractedText {
  /** Never empty; lines end with `\n`, and no control characters but this and tab are left. */
  text: string
  type: TextType
  /** Length of `text` in UTF-16 units. */
  characters: number
  /** Whether the file holds more text than this. */
  truncated: boolean
}

/** Gets the text out of files that nobody vouches for. */
export interface TextExtractor {
  /**
   * Throws `NeverRetry` with the reason when no further attempt can succeed: a type that is not read, a broken or
   * encrypted file, one over a limit of size, memory or time, or one without text. Rejects with the reason of `signal`
   * when that is aborted, and with the error of `content` when that cannot be read.
   */
  extract(file: FileToRead, signal?: AbortSignal): Promise<ExtractedText>
  /** Ends what runs; calls under way and later ones reject. */
  close(): Promise<void>
}

export interface TextExtractorOptions {
  /** From the first byte of a file to its text; 30 by default. */
  timeoutSeconds?: number
  /** 64 MB by default. */
  maxFileBytes?: number
  /** Of UTF-8; text behind is left out. 2 MB by default. */
  maxTextBytes?: number
}

/**
 * Reads one file at a time, each in a process of its own that has no environment, 200 MB of heap and, where the system
 * can limit it, 512 MB of memory in all; further calls wait for their turn.
 */
export function createTextExtractor(options: TextExtractorOptions = {}): TextExtractor {
  const { timeoutSeconds = 30, maxFileBytes = 64 * MB, maxTextBytes = 2 * MB } = options
  const closing = new AbortController()
  let last: Promise<unknown> = Promise.resolve()

  async function read(file: FileToRead, signal: AbortSignal): Promise<ExtractedText> {
    signal.throwIfAborted()
    const refuse = (reason: string, cause?: unknown) =>
      new NeverRetry(`"${shortName(file.file_name)}" ${reason}`, { cause })
    if (file.content instanceof Uint8Array && file.content.length > maxFileBytes) throw refuse(tooLarge(maxFileBytes))
    const job: TextJob = {
      content_type: file.content_type?.slice(0, 200) ?? null,
      ending: extname(file.file_name).slice(1, 20).toLowerCase(),
      max_text_bytes: maxTextBytes,
    }
    const child = startReader(job, timeoutSeconds)
    const answer = await new Promise<TextAnswer>((resolve, reject) => {
      let outcome: { answer: TextAnswer } | { error: unknown } | undefined
      let complaint = ''
      const fail = (error: unknown) => {
        outcome ??= { error }
        child.kill('SIGKILL')
      }
      const timer = setTimeout(() => fail(refuse(tooSlow(timeoutSeconds))), timeoutSeconds * 1000)
      const ignoreSignal = onAbort(signal, () => fail(signal.reason))
      child.on('message', (message) => {
        outcome ??= { answer: message as TextAnswer }
      })
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        complaint = (complaint + text).slice(-2000)
      })
      child.once('error', fail)
      child.once('close', (code, by) => {
        clearTimeout(timer)
        ignoreSignal()
        outcome ??= { error: endOfReader(code, by) }
        if ('error' in outcome) reject(outcome.error)
        else resolve(outcome.answer)
      })
      pipeline(Readable.from(atMost(file.content)), child.stdin!).catch((error) => {
        // A reader that has ended takes no more input; how it ended says why.
        if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') fail(error)
      })

      function endOfReader(code: number | null, by: NodeJS.Signals | null): Error {
        const cause = new Error(complaint || 'it said nothing')
        if (by === 'SIGXCPU') return refuse(tooSlow(timeoutSeconds), cause)
        // This is how the engine ends a process that is out of memory; 134 stands for the first of them under a shell.
        if (by === 'SIGABRT' || by === 'SIGTRAP' || by === 'SIGILL' || by === 'SIGSEGV' || code === 134)
          return refuse(`takes more than ${HEAP_MB} MB of memory to read`, cause)
        return new Error(`The process that reads files ended (${by ?? `exit code ${code}`})`, { cause })
      }
      async function* atMost(content: FileToRead['content']): AsyncGenerator<Uint8Array> {
        let size = 0
        for await (const chunk of chunksOf(content)) {
          size += chunk.length
          if (size > maxFileBytes) throw refuse(tooLarge(maxFileBytes))
          yield chunk
        }
      }
    })
    if ('unreadable' in answer) throw refuse(answer.unreadable)
    return { ...answer, characters: answer.text.length }
  }

  return {
    extract(file, signal) {
      const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal
      const mine = last.then(() => read(file, either))
      last = mine.catch(() => {})
      return abortable(mine, either)
    },
    async close() {
      closing.abort(new Error('the text extractor is closed'))
      await last
    },
  }
}

/**
 * A process and not a thread: a file can make V8 give up in the middle of one large allocation, and then the whole
 * process ends, whatever limits the thread was given. A few kilobytes of pdf suffice.
 */
function startReader(job: TextJob, timeoutSeconds: number): ChildProcess {
  const limits = { heapMb: HEAP_MB, dataMb: DATA_MB, cpuSeconds: 2 * timeoutSeconds }
  return spawnLimited('text', [JSON.stringify(job)], limits)
}

function chunksOf(content: FileToRead['content']): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof content === 'string') return createReadStream(content)
  return content instanceof Uint8Array ? [content] : content
}

function tooLarge(maxFileBytes: number): string {
  return `has more than ${Math.floor(maxFileBytes / MB)} MB, which is the most that is read`
}

function tooSlow(timeoutSeconds: number): string {
  return `takes longer than ${timeoutSeconds} seconds to read`
}

function shortName(name: string): string {
  return name.length <= 100 ? name : `${name.slice(0, 99)}…`
}
