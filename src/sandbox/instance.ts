import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rootCertificates } from 'node:tls'
import type { Logger } from 'pino'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { onAbort } from '../platform/abort.ts'
import { forwardsOf, type NetworkPolicy } from '../platform/network-policy.ts'
import { Capture, MAX_PRINTED_BYTES } from './capture.ts'
import { createFrameReader, FRAME, frame, HEADER_BYTES, u32 } from './frames.ts'
import type { Call, Outcome, Program, Runtime } from './index.ts'
import { parseUntrustedJson } from './json.ts'
import { type Exit, type Guest, LOCAL_HOSTS } from './launcher.ts'
import type { InstanceNetwork, Network } from './network/proxy.ts'
import type { UsageSample } from './processor-share.ts'
import type { Protections } from './protections.ts'
import { failed, readResult, type Verdict } from './results.ts'

/** Certificate of the proxy's authority, and together with those of the public ones. */
const [AUTHORITY_FILE, AUTHORITIES_FILE] = ['authority.pem', 'authorities.pem']
/** Allowance of a RESULT frame beyond the result itself, for the head of a response or an error with its stack. */
const RESULT_EXTRA_BYTES = 65_536
const LOG_FRAME_BYTES = 32_768 + 2
/** Maximum size of one request of the guest to the host. */
const ASK_FRAME_BYTES = 4 * 1024 * 1024
/** Maximum number of concurrent requests of the guest to the host. */
const MAX_REQUESTS = 64
const BOOT_TEXT_BYTES = 4_000
/** A guest must exit within this time after it has closed its channel. */
const EXIT_WAIT_MS = 300
/** Background work of a call must end within this time. Until it ends, the process serves no other call. */
const MAX_LINGER_MS = 2_000
/** Shorter calls report the peak of memory that was read last, which is at most this much older. */
const PEAK_READ_MS = 100

interface Live {
  id: number
  call: Call
  resolve(outcome: Outcome): void
  began: number
  queuedMs: number
  cold: boolean
  timer: NodeJS.Timeout
  /** Created with the first output. */
  capture: Capture | undefined
  /** Set by the result. Later frames of the call are not allowed. */
  verdict: Verdict | undefined
  /** The result reports background work that continues. */
  leavesWork: boolean
  durationMs: number
  requests: number
  /** Aborted when the call ends, so that its requests to the host stop. */
  ended: AbortController | undefined
  /** Removes the listener of the call's signal. */
  ignoreSignal(): void
}

/** The previous call, which receives late output of its background work. */
interface PreviousCall {
  id: number
  call: Call
  capture: Capture
}

export interface InstanceOptions {
  runtime: Runtime
  memoryMb: number
  /** Null if guests have no network. */
  network: Network | null
  protections: Readonly<Protections>
  log: Logger
  /** Called once when the instance has ended for any reason. */
  onEnded(instance: Instance): void
  /** Called when the background work of the last call has ended. */
  onQuiet?(instance: Instance): void
}

/** A guest that serves the calls of one program, one at a time. Actions of the guest never make it throw. */
export class Instance {
  readonly runtime: Runtime
  readonly memoryMb: number
  readonly guest: Guest
  /** Resolves with the version of the interpreter when it is ready. Rejects with the printed text if the guest ends before. */
  readonly up: Promise<string>
  /** Number of served calls. */
  calls = 0
  /** Start of the idle time, by `performance.now()`. */
  idleSince = performance.now()
  /** False if the instance must not serve further calls. */
  reusable = true
  /** The instance failed because of an earlier call before it started the last one. */
  hasMissedCall = false
  /** Background work of the last call was responsive until it was stopped. */
  isHarmless = false
  #ended = false
  #previous: PreviousCall | undefined
  #lingering: NodeJS.Timeout | undefined
  #paused = false
  /** Set if the program has a network. */
  #network: InstanceNetwork | undefined
  /** Time of ended calls. */
  #runMs = 0
  /** Run time and processor time up to the last sample. */
  #sampled = { runMs: 0, processorMs: 0 }
  #options: InstanceOptions
  #reader: ReturnType<typeof createFrameReader>
  #live: Live | undefined
  #lastCall = 0
  #bootText = ''
  #unassignedBytes = 0
  #peakBytes: number | null = null
  #peakReadAt = 0
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
      onError: (reason) => this.#violation(reason),
    })
    guest.channel.on('data', (chunk: Buffer) => this.#reader.push(chunk))
    // The exit follows the end of the channel. A guest that only closes its channel could never answer a call.
    guest.channel.on('end', () => setTimeout(() => this.#violation('it closed its channel'), EXIT_WAIT_MS).unref())
    guest.stdout.on('data', (chunk: Buffer) => this.#printed(1, chunk))
    guest.stderr.on('data', (chunk: Buffer) => this.#printed(2, chunk))
    void guest.exited.then((exit) => this.#exited(exit))
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Whether background work of the last call continues. */
  get lingers(): boolean {
    return this.#lingering !== undefined
  }

  get busy(): boolean {
    return this.#live !== undefined
  }

  /** Loads a program into the instance. Call this at most once. Throws if the socket of its network cannot be created. */
  specialise(program: Program): void {
    const files = Object.entries(program.files).map(
      ([path, content]) => [path, typeof content === 'string' ? Buffer.from(content) : content] as const,
    )
    const { proxy } = this.guest
    if (program.network && proxy) this.#network = this.#options.network?.open(program.network, proxy.outside)
    const head = Buffer.from(
      JSON.stringify({
        network: this.#network ? this.#networkOf(program.network!, proxy!) : null,
        packages: this.guest.packages,
        entry: program.entry,
        env: program.env,
        files: files.map(([path, content]) => [path, content.length]),
      }),
    )
    // The start of the interpreter is not work of the program.
    this.#sampled.processorMs = this.guest.usage?.()?.processorMs ?? 0
    this.guest.channel.write(frame(FRAME.INIT, 0, u32(head.length), head, ...files.map(([, content]) => content)))
  }

  /** Returns what the guest is told about its network. It knows nothing about injected headers but the certificate that it must trust. */
  #networkOf(policy: NetworkPolicy, proxy: NonNullable<Guest['proxy']>): object {
    const { allow, inject = [] } = policy
    const forwards = proxy.hosts === null ? [] : forwardsOf(policy)
    if (proxy.hosts !== null && forwards.length > 0)
      writeFileSync(proxy.hosts, LOCAL_HOSTS + forwards.map(({ host, address }) => `${address} ${host}\n`).join(''))
    const told = { proxy: proxy.inside, allow, forwards }
    const certificate = this.#options.network!.certificate()
    if (inject.length === 0 || certificate === null) return told
    const path = (name: string, side: 'inside' | 'outside') => join(dirname(proxy[side]), name)
    // Programs and processes that they start find the certificates by path.
    writeFileSync(path(AUTHORITY_FILE, 'outside'), certificate)
    writeFileSync(path(AUTHORITIES_FILE, 'outside'), `${rootCertificates.join('\n')}\n${certificate}\n`)
    return { ...told, authority: path(AUTHORITY_FILE, 'inside'), authorities: path(AUTHORITIES_FILE, 'inside') }
  }

  /** Runs one call. Never rejects. `arrived` is when the call arrived, by `performance.now()`. */
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
        timer: setTimeout(() => this.#timeOut(live), call.timeout_seconds * 1000),
        capture: undefined,
        verdict: undefined,
        leavesWork: false,
        durationMs: 0,
        requests: 0,
        ended: undefined,
        ignoreSignal: () => {},
      }
      this.#live = live
      this.#network?.begin((request) => call.onRequest?.(request))
      if (this.#ended)
        return this.#settle(live, failed('crashed', 'Crashed', 'The sandbox ended before the call started'))
      const cancelled = failed('cancelled', 'Cancelled', 'The call was cancelled')
      live.ignoreSignal = onAbort(call.signal, () => this.#abort(live, cancelled))
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

  /** Returns what the instance did since the last sample. Null between calls, and if it is not known. */
  sample(): UsageSample | null {
    if (!this.#live || this.#live.verdict) return null
    const usage = this.guest.usage?.()
    if (!usage) return null
    const now = { runMs: this.#runMs + performance.now() - this.#live.began, processorMs: usage.processorMs }
    const before = this.#sampled
    this.#sampled = now
    return {
      isRunnable: usage.isRunnable,
      runMs: now.runMs - before.runMs,
      processorMs: now.processorMs - before.processorMs,
    }
  }

  /** Stops the interpreter process until the next call. */
  pause(): void {
    if (this.#paused || this.#live || this.#ended) return
    this.#paused = true
    this.guest.pause()
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Kills the guest. A running call ends as `cancelled`. */
  end(): void {
    if (this.#live) this.#abort(this.#live, failed('cancelled', 'Cancelled', 'The sandbox is closing'))
    else this.#kill()
  }

  /** Stops waiting for the background work of the last call. */
  allowLingering(): void {
    if (!this.lingers) return
    clearTimeout(this.#lingering)
    this.#lingering = undefined
    this.#network?.end()
  }

  /** Kills the guest because of the background work of the last call. */
  stopLingering(reason: string): void {
    if (!this.lingers) return
    this.#logLate('warn', `Background work of the function was stopped: ${reason}`)
    this.#kill()
  }

  #kill(): void {
    if (this.#ended) return
    this.#ended = true
    this.allowLingering()
    this.#previous?.capture.finish()
    this.reusable = false
    if (this.#options.protections.drop_after_kill) this.#reader.stop()
    this.guest.kill()
    this.#network?.close()
    if (!this.#isUp) this.#failUp(new Error(this.#bootText.trim() || 'it was stopped while it started'))
    this.#options.onEnded(this)
  }

  /** Ends the call with this verdict and kills the instance. Frames that are already read but not handled cannot change the verdict. */
  #abort(live: Live, verdict: Verdict): void {
    if (live.durationMs === 0) live.durationMs = performance.now() - live.began
    this.#kill()
    const settle = () => this.#settle(live, live.verdict ?? verdict)
    if (this.#options.protections.drop_after_kill) settle()
    else setImmediate(settle)
  }

  #timeOut(live: Live): void {
    if (!this.#options.protections.deadline) return
    const { timeout_seconds } = live.call
    this.#abort(live, failed('timeout', 'Timeout', `The call took longer than ${timeout_seconds} s`))
  }

  #violation(reason: string): void {
    const verdict = failed('crashed', 'ProtocolViolation', `The sandboxed process violated the protocol: ${reason}`)
    if (this.#live) this.#abort(this.#live, verdict)
    else this.#kill()
  }

  #cap(type: number): number | undefined {
    const { frame_caps, frame_order } = this.#options.protections
    const isOpen = this.#live !== undefined && this.#live.verdict === undefined
    const cap = (isDue: boolean, bytes: number) => {
      if (frame_order && !isDue) return undefined
      return frame_caps ? bytes : Number.POSITIVE_INFINITY
    }
    switch (type) {
      case FRAME.RESULT:
        return cap(isOpen, (this.#live?.call.output_limit_bytes ?? 0) + RESULT_EXTRA_BYTES)
      case FRAME.LOG:
        return cap(this.#isUp, LOG_FRAME_BYTES)
      case FRAME.ASK:
        return cap(isOpen, ASK_FRAME_BYTES)
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
      else if (this.#previous?.id === id && body.length >= 2)
        this.#captureLate(this.#previous, body[0]!, body[1]!, body.subarray(2), HEADER_BYTES)
      else this.#countUnassigned(body.length + HEADER_BYTES)
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
      this.#violation(`it sent a frame for call ${id} during call ${live.id}`)
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
      this.#abort(live, failed('crashed', 'Crashed', 'The sandboxed process failed because of an earlier call'))
    } else if (live) {
      if (hasFailed) this.reusable = false
    } else if (hasFailed) this.#kill()
    else if (this.lingers) {
      this.allowLingering()
      this.idleSince = performance.now()
      this.#options.onQuiet?.(this)
    }
  }

  /** Captures output of a call after its result. */
  #captureLate({ capture }: PreviousCall, stream: number, level: number, data: Uint8Array, overhead: number): void {
    capture.write(stream, level, data, overhead)
    if (capture.bytes > MAX_PRINTED_BYTES && this.#options.protections.log_cap)
      this.#violation('its output outside of the running call has no end')
  }

  #logLate(level: 'warn' | 'error', text: string): void {
    this.#previous?.call.onLateLog?.({ stream: 'log', level, text })
  }

  #answered(live: Live, body: Buffer): void {
    if (body.length < 2) {
      this.#violation('it sent an empty result')
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
    // Earlier output on descriptors 1 and 2 has arrived, but may not be read yet.
    setImmediate(() => this.#settle(live, live.verdict!))
  }

  #settle(live: Live, verdict: Verdict): void {
    if (this.#live !== live) return
    this.#live = undefined
    this.#runMs += live.durationMs
    clearTimeout(live.timer)
    live.ignoreSignal()
    live.ended?.abort(new Error('The call has ended'))
    const now = performance.now()
    if (now - this.#peakReadAt >= PEAK_READ_MS || live.cold || verdict.status !== 'ok') {
      this.#peakReadAt = now
      this.#peakBytes = this.guest.memory()?.peakBytes ?? this.#peakBytes
    }
    this.idleSince = now
    this.#unassignedBytes = 0
    this.#previous?.capture.finish()
    const { onLateLog } = live.call
    this.#previous = onLateLog && { id: live.id, call: live.call, capture: new Capture(onLateLog) }
    if (live.leavesWork && onLateLog && !this.#ended)
      this.#lingering = setTimeout(
        () => this.stopLingering(`it did not end within ${MAX_LINGER_MS / 1000} s after the result`),
        MAX_LINGER_MS,
      )
    else this.#network?.end()
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
    if (this.#previous) this.#captureLate(this.#previous, stream, 1, chunk, 0)
    else this.#countUnassigned(chunk.length)
  }

  /** Counts output that belongs to no call and is discarded. */
  #countUnassigned(bytes: number): void {
    this.#unassignedBytes += bytes
    if (this.#unassignedBytes > MAX_PRINTED_BYTES && this.#options.protections.log_cap)
      this.#violation('its output outside of the running call has no end')
  }

  /** Captures output of a call. The `overhead` of frames counts towards the limit, because empty messages would otherwise be unlimited. */
  #capture(live: Live, stream: number, level: number, data: Uint8Array, overhead: number): void {
    live.capture ??= new Capture(live.call.onLog)
    live.capture.write(stream, level, data, overhead)
    if (live.capture.bytes > MAX_PRINTED_BYTES && this.#options.protections.log_cap)
      this.#abort(live, failed('output_limit', 'OutputLimit', `The call printed more than ${MAX_PRINTED_BYTES} bytes`))
  }

  async #ask(live: Live, body: Buffer): Promise<void> {
    if (body.length < 5 + (body[4] ?? 0)) return this.#violation('it sent a request without a name')
    if (++live.requests > MAX_REQUESTS && this.#options.protections.ask_cap)
      return this.#violation(`it sent more than ${MAX_REQUESTS} requests at once`)
    const requestId = body.readUInt32LE(0)
    const name = body.toString('utf8', 5, 5 + body[4]!)
    let answer: string
    let isOk = 1
    try {
      answer = stringifyJson((await this.#answerTo(live, name, body.subarray(5 + body[4]!))) ?? null)
    } catch (error) {
      isOk = 0
      answer = stringifyJson(this.#errorReply(error, name))
    }
    if (this.#live !== live || live.verdict || this.#ended) return
    // A request counts until its reply is written: a guest that does not read replies must not fill the memory of the server with them.
    this.guest.channel.write(frame(FRAME.REPLY, live.id, u32(requestId), new Uint8Array([isOk]), answer), () => {
      live.requests--
    })
  }

  #answerTo(live: Live, name: string, json: Buffer): Promise<unknown> {
    if (!live.call.onHostCall) throw new ZeroError('invalid', `${name} is not available in this call`)
    let input: unknown
    try {
      input = parseUntrustedJson(json)
    } catch (error) {
      throw new ZeroError('invalid', `The input of ${name} is not valid: ${(error as Error).message}`)
    }
    live.ended ??= new AbortController()
    return live.call.onHostCall(name, input, live.ended.signal)
  }

  #errorReply(error: unknown, name: string): Record<string, unknown> {
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
      this.#options.log.error({ error, name }, 'request of a function to the host failed with an unexpected error')
    return { message: 'Internal Server Error', code: 'internal', status: 500 }
  }

  #exited(exit: Exit): void {
    const live = this.#live
    if (this.lingers) this.isHarmless = false
    if (this.lingers) this.#logLate('error', `The process of the function ended ${endOf(exit)} after the result`)
    this.#kill()
    if (!live) return
    if (live.durationMs === 0) live.durationMs = performance.now() - live.began
    this.#settle(live, live.verdict ?? verdictOf(exit, live.capture))
  }
}

/** Returns the verdict on a call during which the guest exited. V8 aborts with SIGABRT (134) when its heap is full. */
function verdictOf(exit: Exit, capture: Capture | undefined): Verdict {
  const isFullHeap = exit.code === 134 && /heap out of memory|allocation failed/i.test(capture?.finish().stderr ?? '')
  if (exit.outOfMemory || isFullHeap)
    return failed('memory', 'OutOfMemory', 'The call exceeded the memory limit of its function')
  return failed('crashed', 'Crashed', `The sandboxed process ended ${endOf(exit)} before the call returned a result`)
}

function endOf({ code, signal, reason }: Omit<Exit, 'outOfMemory'>): string {
  if (reason) return `because ${reason}`
  if (signal) return `by ${signal}`
  return code !== null && code > 128 ? `by signal ${code - 128}` : `with code ${code}`
}
