import type { Logger } from 'pino'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { onAbort } from '../platform/abort.ts'
import { Capture, MAX_PRINTED_BYTES } from './capture.ts'
import { createFrameReader, FRAME, frame, HEADER_BYTES, u32 } from './frames.ts'
import type { Call, Outcome, Program, Runtime } from './index.ts'
import { parseForeignJson } from './json.ts'
import type { Exit, Guest } from './launcher.ts'
import type { Protections } from './protections.ts'
import { failed, readResult, type Verdict } from './results.ts'

/** What a result may have besides its bytes: the head of a response, or an error with its stack. */
const RESULT_EXTRA_BYTES = 65_536
const LOG_FRAME_BYTES = 32_768 + 2
/** What a guest may ask of the host in one question; and how many at once. */
const ASK_FRAME_BYTES = 4 * 1024 * 1024
const MAX_ASKING = 64
const BOOT_TEXT_BYTES = 4_000
const LAST_WORD_MS = 300
/** What a call leaves running has so long to end. Until then, the process serves no other call. */
const MAX_LINGER_MS = 2_000
/** Shorter calls are reported with the peak that was read last. */
const FRESH_PEAK_MS = 5

interface Live {
  id: number
  call: Call
  resolve(outcome: Outcome): void
  began: number
  queuedMs: number
  cold: boolean
  timer: NodeJS.Timeout
  /** Made by the first thing printed. */
  capture: Capture | undefined
  /** Set by its result: from then on it may say nothing more. */
  verdict: Verdict | undefined
  /** Its result says that it has left work that goes on. */
  leavesWork: boolean
  durationMs: number
  asking: number
  /** Aborted when the call ends: what it has asked for is not wanted any more. */
  over: AbortController | undefined
  /** Removes the listener of the call's signal. */
  ignoreSignal(): void
}

/** The call before: what comes of it late is told to it. */
interface Past {
  id: number
  call: Call
  capture: Capture
}

export interface InstanceOptions {
  runtime: Runtime
  memoryMb: number
  protections: Readonly<Protections>
  log: Logger
  /** It has ended, for whatever reason, and serves no further call. Told once. */
  onEnded(instance: Instance): void
  /** What its last call has left running has ended. */
  onQuiet?(instance: Instance): void
}

/** One guest and what it is doing. It serves one program, one call at a time. Nothing that the guest does throws here. */
export class Instance {
  readonly runtime: Runtime
  readonly memoryMb: number
  readonly guest: Guest
  /** The version of its interpreter, when it is ready. Rejects with what it printed when it ends before. */
  readonly up: Promise<string>
  /** Calls served. */
  calls = 0
  /** Since when it has had nothing to do, in the milliseconds of `performance.now()`. */
  idleSince = performance.now()
  /** Cleared by whoever shall not use it again. */
  reusable = true
  /** It failed over an earlier call before it took the one that it was given last. */
  hasMissedCall = false
  /** What its last call has left running was at work and answered, until it was stopped. */
  isHarmless = false
  #ended = false
  #past: Past | undefined
  #lingering: NodeJS.Timeout | undefined
  #paused = false
  #options: InstanceOptions
  #reader: ReturnType<typeof createFrameReader>
  #live: Live | undefined
  #lastCall = 0
  #bootText = ''
  #looseBytes = 0
  #peakBytes: number | null = null
  #isUp = false
  #setUp!: (version: string) => void
  #failUp!: (error: Error) => void

  constructor(guest: Guest, options: InstanceOptions) {
    this.guest = guest
    this.runtime = options.runtime
    this.memoryMb = options.memoryMb
    this.#options = options
    this.up = new Promise((resolve, reject) => {
      this.#setUp = resolve
      this.#failUp = reject
    })
    this.up.catch(() => {})
    this.#reader = createFrameReader({
      cap: (type) => this.#cap(type),
      frame: (type, call, body) => this.#receive(type, call, body),
      broken: (why) => this.#violation(why),
    })
    guest.channel.on('data', (chunk: Buffer) => this.#reader.push(chunk))
    // Its end follows its last word at once, unless it has only closed the channel: then no call could ever be answered.
    guest.channel.on('end', () => setTimeout(() => this.#violation('it has closed its channel'), LAST_WORD_MS).unref())
    guest.stdout.on('data', (chunk: Buffer) => this.#printed(1, chunk))
    guest.stderr.on('data', (chunk: Buffer) => this.#printed(2, chunk))
    void guest.exited.then((exit) => this.#exited(exit))
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Whether its last call has left work that goes on. */
  get lingers(): boolean {
    return this.#lingering !== undefined
  }

  get busy(): boolean {
    return this.#live !== undefined
  }

  /** Makes it the instance of this program. At most once. */
  specialise(program: Program): void {
    const files = Object.entries(program.files).map(
      ([path, content]) => [path, typeof content === 'string' ? Buffer.from(content) : content] as const,
    )
    const head = Buffer.from(
      JSON.stringify({
        entry: program.entry,
        env: program.env,
        files: files.map(([path, content]) => [path, content.length]),
      }),
    )
    this.guest.channel.write(frame(FRAME.INIT, 0, u32(head.length), head, ...files.map(([, content]) => content)))
  }

  /** Runs one call to its end. Never rejects. `arrived`: when the call came, in the milliseconds of `performance.now()`. */
  run(call: Call, arrived: number, cold: boolean): Promise<Outcome> {
    return new Promise((resolve) => {
      const began = performance.now()
      this.calls++
      this.isHarmless = false
      const live: Live = {
        id: ++this.#lastCall,
        call,
        resolve,
        began,
        queuedMs: began - arrived,
        cold,
        timer: setTimeout(() => this.#late(live), call.timeout_seconds * 1000),
        capture: undefined,
        verdict: undefined,
        leavesWork: false,
        durationMs: 0,
        asking: 0,
        over: undefined,
        ignoreSignal: () => {},
      }
      this.#live = live
      if (this.#ended)
        return this.#settle(live, failed('crashed', 'Crashed', 'The sandbox ended before the call began'))
      const cancelled = failed('cancelled', 'Cancelled', 'The call was cancelled')
      live.ignoreSignal = onAbort(call.signal, () => this.#cut(live, cancelled))
      if (call.signal?.aborted) return
      if (this.#paused) {
        this.#paused = false
        this.guest.resume()
      }
      const body = stringifyJson({
        mode: call.mode,
        timeout_ms: call.timeout_seconds * 1000,
        limit: call.output_limit_bytes,
        input: call.input,
      })
      this.guest.channel.write(frame(FRAME.CALL, live.id, body))
    })
  }

  /** Stops it until its next call. */
  pause(): void {
    if (this.#paused || this.#live || this.#ended) return
    this.#paused = true
    this.guest.pause()
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Ends it at once. A call under way ends as `cancelled`. */
  end(): void {
    if (this.#live) this.#cut(this.#live, failed('cancelled', 'Cancelled', 'The sandbox is closing'))
    else this.#kill()
  }

  /** Does not wait for what its last call has left running. */
  allowLingering(): void {
    clearTimeout(this.#lingering)
    this.#lingering = undefined
  }

  /** Ends it because of what its last call has left running. */
  stopLingering(why: string): void {
    if (!this.lingers) return
    this.#sayLate('warn', `What the function left running was stopped: ${why}`)
    this.#kill()
  }

  #kill(): void {
    if (this.#ended) return
    this.#ended = true
    this.allowLingering()
    this.#past?.capture.finish()
    this.reusable = false
    if (this.#options.protections.drop_after_kill) this.#reader.stop()
    this.guest.kill()
    if (!this.#isUp) this.#failUp(new Error(this.#bootText.trim() || 'it was ended while it started'))
    this.#options.onEnded(this)
  }

  /** Ends the call with this verdict, and the instance with it. Nothing that has been read already, behind what ended it, can change that. */
  #cut(live: Live, verdict: Verdict): void {
    if (live.durationMs === 0) live.durationMs = performance.now() - live.began
    this.#kill()
    const settle = () => this.#settle(live, live.verdict ?? verdict)
    if (this.#options.protections.drop_after_kill) settle()
    else setImmediate(settle)
  }

  #late(live: Live): void {
    if (!this.#options.protections.deadline) return
    const { timeout_seconds } = live.call
    this.#cut(live, failed('timeout', 'Timeout', `The call took longer than ${timeout_seconds} s`))
  }

  #violation(why: string): void {
    const verdict = failed('crashed', 'ProtocolViolation', `The sandboxed process broke the protocol: ${why}`)
    if (this.#live) this.#cut(this.#live, verdict)
    else this.#kill()
  }

  #cap(type: number): number | undefined {
    const { frame_caps, frame_order } = this.#options.protections
    const speaking = this.#live !== undefined && this.#live.verdict === undefined
    const cap = (isDue: boolean, bytes: number) => {
      if (frame_order && !isDue) return undefined
      return frame_caps ? bytes : Number.POSITIVE_INFINITY
    }
    switch (type) {
      case FRAME.RESULT:
        return cap(speaking, (this.#live?.call.output_limit_bytes ?? 0) + RESULT_EXTRA_BYTES)
      case FRAME.LOG:
        return cap(this.#isUp, LOG_FRAME_BYTES)
      case FRAME.ASK:
        return cap(speaking, ASK_FRAME_BYTES)
      case FRAME.QUIET:
        return cap(this.#isUp, 1)
      case FRAME.UP:
        return cap(!this.#isUp, 64)
      default:
        return undefined
    }
  }

  #receive(type: number, id: number, body: Buffer): void {
    const live = this.#live
    if (type === FRAME.LOG) {
      if (live && live.id === id && body.length >= 2)
        this.#capture(live, body[0]!, body[1]!, body.subarray(2), HEADER_BYTES)
      else if (this.#past?.id === id && body.length >= 2)
        this.#captureLate(this.#past, body[0]!, body[1]!, body.subarray(2), HEADER_BYTES)
      else this.#loose(body.length + HEADER_BYTES)
      return
    }
    if (type === FRAME.UP) {
      this.#isUp = true
      this.#setUp(body.toString('latin1'))
      return
    }
    if (type === FRAME.QUIET) {
      if (body[0] === 2) this.isHarmless = this.lingers
      else this.#quiet(id, body[0] === 1)
      return
    }
    if (!live) return
    if (this.#options.protections.frame_order && live.id !== id) {
      this.#violation(`a frame for call ${id} came during call ${live.id}`)
      return
    }
    if (type === FRAME.RESULT) this.#answered(live, body)
    else void this.#ask(live, body)
  }

  #quiet(id: number, hasFailed: boolean): void {
    const live = this.#live
    if (hasFailed) this.isHarmless = false
    if (live && hasFailed && live.id !== id && !live.verdict) {
      this.hasMissedCall = true
      this.#cut(live, failed('crashed', 'Crashed', 'The sandboxed process failed over an earlier call'))
    } else if (live) {
      if (hasFailed) this.reusable = false
    } else if (hasFailed) this.#kill()
    else if (this.lingers) {
      this.allowLingering()
      this.idleSince = performance.now()
      this.#options.onQuiet?.(this)
    }
  }

  /** What comes of a call after its result. */
  #captureLate({ capture }: Past, stream: number, level: number, data: Uint8Array, overhead: number): void {
    capture.write(stream, level, data, overhead)
    if (capture.bytes > MAX_PRINTED_BYTES && this.#options.protections.log_cap)
      this.#violation('it prints without end, and not for the call under way')
  }

  #sayLate(level: 'warn' | 'error', text: string): void {
    this.#past?.call.onLateLog?.({ stream: 'log', level, text })
  }

  #answered(live: Live, body: Buffer): void {
    if (body.length < 2) {
      this.#violation('an empty result came')
      return
    }
    clearTimeout(live.timer)
    live.durationMs = performance.now() - live.began
    live.verdict = readResult(
      body[0]!,
      body.subarray(2),
      live.call.output_limit_bytes,
      this.#options.protections.result_check,
    )
    if (body[1] === 2) live.leavesWork = true
    else if (body[1] !== 0) this.reusable = false
    // What it has printed to descriptors 1 and 2 before is there already, but may not have been read.
    setImmediate(() => this.#settle(live, live.verdict!))
  }

  #settle(live: Live, verdict: Verdict): void {
    if (this.#live !== live) return
    this.#live = undefined
    clearTimeout(live.timer)
    live.ignoreSignal()
    live.over?.abort(new Error('The call has ended'))
    if (live.durationMs >= FRESH_PEAK_MS || live.cold || verdict.status !== 'ok')
      this.#peakBytes = this.guest.memory()?.peakBytes ?? this.#peakBytes
    this.idleSince = performance.now()
    this.#looseBytes = 0
    this.#past?.capture.finish()
    const { onLateLog } = live.call
    this.#past = onLateLog && { id: live.id, call: live.call, capture: new Capture(onLateLog) }
    if (live.leavesWork && onLateLog && !this.#ended)
      this.#lingering = setTimeout(
        () => this.stopLingering(`it had not ended ${MAX_LINGER_MS / 1000} s after the result`),
        MAX_LINGER_MS,
      )
    const { stdout, stderr } = live.capture?.finish() ?? { stdout: '', stderr: '' }
    live.resolve({
      status: verdict.status,
      result: verdict.result,
      error: verdict.error,
      stdout,
      stderr,
      duration_ms: live.durationMs,
      queued_ms: live.queuedMs,
      cold: live.cold,
      peak_memory_bytes: this.#peakBytes,
    })
  }

  #printed(stream: 1 | 2, chunk: Buffer): void {
    if (!this.#isUp && stream === 2)
      this.#bootText = (this.#bootText + chunk.toString('latin1')).slice(-BOOT_TEXT_BYTES)
    if (this.#live) {
      this.#capture(this.#live, stream, 1, chunk, 0)
      return
    }
    if (this.#past) this.#captureLate(this.#past, stream, 1, chunk, 0)
    else this.#loose(chunk.length)
  }

  /** Counts what is printed for no call, and is thrown away. */
  #loose(bytes: number): void {
    this.#looseBytes += bytes
    if (this.#looseBytes > MAX_PRINTED_BYTES && this.#options.protections.log_cap)
      this.#violation('it prints without end, and not for the call under way')
  }

  /** `overhead`: bytes that came with the data. They count, or printing nothing could go on for ever. */
  #capture(live: Live, stream: number, level: number, data: Uint8Array, overhead: number): void {
    live.capture ??= new Capture(live.call.onLog)
    live.capture.write(stream, level, data, overhead)
    if (live.capture.bytes > MAX_PRINTED_BYTES && this.#options.protections.log_cap)
      this.#cut(live, failed('output_limit', 'OutputLimit', `The call printed more than ${MAX_PRINTED_BYTES} bytes`))
  }

  async #ask(live: Live, body: Buffer): Promise<void> {
    if (body.length < 5 + (body[4] ?? 0)) return this.#violation('a question without a name came')
    if (++live.asking > MAX_ASKING && this.#options.protections.ask_cap)
      return this.#violation(`more than ${MAX_ASKING} questions at once came`)
    const question = body.readUInt32LE(0)
    const name = body.toString('utf8', 5, 5 + body[4]!)
    let answer: string
    let isGood = 1
    try {
      answer = stringifyJson((await this.#answerTo(live, name, body.subarray(5 + body[4]!))) ?? null)
    } catch (error) {
      isGood = 0
      answer = stringifyJson(this.#refusal(error, name))
    }
    if (this.#live !== live || live.verdict || this.#ended) return
    // Under way until it has left us: who does not read the answers can ask no more, and they do not pile up here.
    this.guest.channel.write(frame(FRAME.REPLY, live.id, u32(question), new Uint8Array([isGood]), answer), () => {
      live.asking--
    })
  }

  #answerTo(live: Live, name: string, json: Buffer): Promise<unknown> {
    if (!live.call.onHostCall) throw new ZeroError('invalid', `Nothing answers ${name} here`)
    let input: unknown
    try {
      input = parseForeignJson(json)
    } catch (error) {
      throw new ZeroError('invalid', `The input of ${name} cannot be read: ${(error as Error).message}`)
    }
    live.over ??= new AbortController()
    return live.call.onHostCall(name, input, live.over.signal)
  }

  #refusal(error: unknown, name: string): Record<string, unknown> {
    if (error instanceof ZeroError) {
      const { message, code, status, fields, retryAfter } = error
      return {
        message,
        code,
        status,
        ...(fields && { fields }),
        ...(retryAfter && { retry_after_seconds: retryAfter }),
      }
    }
    if ((error as Error)?.name !== 'AbortError')
      this.#options.log.error({ error, name }, 'a question of a function failed')
    return { message: 'Internal Server Error', code: 'internal', status: 500 }
  }

  #exited(exit: Exit): void {
    const live = this.#live
    if (this.lingers) this.isHarmless = false
    if (this.lingers) this.#sayLate('error', `The process of the function ended ${endOf(exit)} after the result`)
    this.#kill()
    if (!live) return
    if (live.durationMs === 0) live.durationMs = performance.now() - live.began
    this.#settle(live, live.verdict ?? becauseOf(exit, live.capture))
  }
}

/** What the end of a guest during a call means. V8 ends itself with SIGABRT (134) when its heap is full. */
function becauseOf({ code, signal, outOfMemory }: Exit, capture: Capture | undefined): Verdict {
  const isFullHeap = code === 134 && /heap out of memory|allocation failed/i.test(capture?.finish().stderr ?? '')
  if (outOfMemory || isFullHeap)
    return failed('memory', 'OutOfMemory', 'The call used more memory than its function may')
  return failed(
    'crashed',
    'Crashed',
    `The sandboxed process ended ${endOf({ code, signal })} before the call had a result`,
  )
}

function endOf({ code, signal }: Pick<Exit, 'code' | 'signal'>): string {
  if (signal) return `by ${signal}`
  return code !== null && code > 128 ? `by signal ${code - 128}` : `with code ${code}`
}
