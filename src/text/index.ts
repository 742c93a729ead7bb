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
  /** Bytes, a stream of bytes, or the path of a local file. */
  content: Uint8Array | AsyncIterable<Uint8Array> | string
  content_type: string | null
  file_name: string
}

export interface ExtractedText {
  /** Extracted text. Never empty; has no control characters except `\n`, which ends lines, and tab. */
  text: string
  type: TextType
  /** Length of `text` in UTF-16 units. */
  characters: number
  /** Whether the file has more text than this. */
  truncated: boolean
}

/** Extracts text from untrusted files. */
export interface TextExtractor {
  /**
   * Extracts the text of a file. Throws `NeverRetry` with the reason if no further attempt can succeed. Reasons are an unsupported type, a
   * broken or encrypted file, a file without text, and an exceeded limit of size, memory or time. Rejects with the reason of `signal` if
   * that is aborted, and with the error of `content` if that cannot be read.
   */
  extract(file: FileToRead, signal?: AbortSignal): Promise<ExtractedText>
  /** Ends the reader process. Running and later calls reject. */
  close(): Promise<void>
}

export interface TextExtractorOptions {
  /** Maximum time from the first byte of a file to its text. Default 30. */
  timeoutSeconds?: number
  /** Maximum size of a file. Default 64 MB. */
  maxFileBytes?: number
  /** Maximum size of the text in UTF-8; further text is left out. Default 2 MB. */
  maxTextBytes?: number
}

/**
 * Creates an extractor that reads one file at a time; further calls wait. Each file has a separate process without
 * environment, with 200 MB of heap and, if the system can limit it, 512 MB of total memory.
 */
export function createTextExtractor(options: TextExtractorOptions = {}): TextExtractor {
  const { timeoutSeconds = 30, maxFileBytes = 64 * MB, maxTextBytes = 2 * MB } = options
  const closing = new AbortController()
  let last: Promise<unknown> = Promise.resolve()

  async function read(file: FileToRead, signal: AbortSignal): Promise<ExtractedText> {
    signal.throwIfAborted()
    const neverRetry = (reason: string, cause?: unknown) =>
      new NeverRetry(`"${shortName(file.file_name)}" ${reason}`, { cause })
    if (file.content instanceof Uint8Array && file.content.length > maxFileBytes)
      throw neverRetry(tooLarge(maxFileBytes))
    const job: TextJob = {
      content_type: file.content_type?.slice(0, 200) ?? null,
      ending: extname(file.file_name).slice(1, 20).toLowerCase(),
      max_text_bytes: maxTextBytes,
    }
    const child = startReader(job, timeoutSeconds)
    const answer = await new Promise<TextAnswer>((resolve, reject) => {
      let outcome: { answer: TextAnswer } | { error: unknown } | undefined
      let errorText = ''
      const fail = (error: unknown) => {
        outcome ??= { error }
        child.kill('SIGKILL')
      }
      const timer = setTimeout(() => fail(neverRetry(tooSlow(timeoutSeconds))), timeoutSeconds * 1000)
      const ignoreSignal = onAbort(signal, () => fail(signal.reason))
      child.on('message', (message) => {
        outcome ??= { answer: message as TextAnswer }
      })
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        errorText = (errorText + text).slice(-2000)
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
        // Errors of the input of an ended reader are ignored; its exit code tells the cause.
        if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') fail(error)
      })

      function endOfReader(code: number | null, by: NodeJS.Signals | null): Error {
        const cause = new Error(errorText || 'no error output')
        if (by === 'SIGXCPU') return neverRetry(tooSlow(timeoutSeconds), cause)
        // V8 aborts a process that is out of memory with these signals; 134 is SIGABRT under a shell.
        if (by === 'SIGABRT' || by === 'SIGTRAP' || by === 'SIGILL' || by === 'SIGSEGV' || code === 134)
          return neverRetry(`takes more than ${HEAP_MB} MB of memory to read`, cause)
        return new Error(`The process that reads the file ended (${by ?? `exit code ${code}`})`, { cause })
      }
      async function* atMost(content: FileToRead['content']): AsyncGenerator<Uint8Array> {
        let size = 0
        for await (const chunk of chunksOf(content)) {
          size += chunk.length
          if (size > maxFileBytes) throw neverRetry(tooLarge(maxFileBytes))
          yield chunk
        }
      }
    })
    if ('unreadable' in answer) throw neverRetry(answer.unreadable)
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
 * Starts the reader as a process. In a thread, a few kilobytes of pdf can make V8 abort in a large allocation. That ends the whole process
 * despite the limits of the thread.
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
  return `is larger than ${Math.floor(maxFileBytes / MB)} MB, the maximum size of a file to read`
}

function tooSlow(timeoutSeconds: number): string {
  return `takes longer than ${timeoutSeconds} seconds to read`
}

function shortName(name: string): string {
  return name.length <= 100 ? name : `${name.slice(0, 99)}…`
}
