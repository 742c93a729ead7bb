import { Duplex, PassThrough } from 'node:stream'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createFrameReader, FRAME, frame } from './frames.ts'
import type { Call, Outcome } from './index.ts'
import type { Exit, Guest } from './launcher.ts'
import { Supervisor } from './supervisor.ts'

// Guests in this process, with a clock that the tests move: every number of starts is exact.

const PROCESSORS = 2
const START_MS = 100
const CALL_MS = 50

/** What a program does during its calls. */
interface Behaviour {
  /** Whether a sample finds the interpreter running or waiting for a processor. */
  isRunnable: boolean
  /** Processor time per millisecond of run time. */
  processorShare: number
  /** Time from a call to its result; null if the call never ends. */
  callMs: number | null
}

const COMPUTES: Behaviour = { isRunnable: true, processorShare: 1, callMs: CALL_MS }
/** Only computes, but other programs use nine tenths of the machine. */
const STARVES: Behaviour = { isRunnable: true, processorShare: 0.1, callMs: CALL_MS * 10 }
const WAITS: Behaviour = { isRunnable: false, processorShare: 0.01, callMs: CALL_MS }

let starts = 0
let startsAtOnce = 0
let maxStartsAtOnce = 0
let failure: Error | undefined
let supervisor: Supervisor

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'performance'],
  })
  starts = 0
  startsAtOnce = 0
  maxStartsAtOnce = 0
  failure = undefined
})
afterEach(async () => {
  const closing = supervisor.close()
  await vi.advanceTimersByTimeAsync(1)
  await closing
  vi.useRealTimers()
})

function open(behaviour: Behaviour, concurrency = 100): void {
  supervisor = new Supervisor({
    launcher: {
      noNetwork: null,
      noPackages: null,
      async launch() {
        starts++
        startsAtOnce++
        maxStartsAtOnce = Math.max(maxStartsAtOnce, startsAtOnce)
        await new Promise((resolve) => setTimeout(resolve, START_MS))
        startsAtOnce--
        if (failure) throw failure
        return guest(behaviour)
      },
      async close() {},
    },
    network: null,
    concurrency,
    log: pino({ level: 'silent' }),
    poolSize: 0,
    processors: PROCESSORS,
  })
}

function guest(behaviour: Behaviour): Guest {
  let end!: (exit: Exit) => void
  const exited = new Promise<Exit>((resolve) => {
    end = resolve
  })
  const born = performance.now()
  const reader = createFrameReader({
    cap: () => Number.POSITIVE_INFINITY,
    frame(type, id) {
      if (type !== FRAME.CALL || behaviour.callMs === null) return
      setTimeout(() => channel.push(frame(FRAME.RESULT, id, new Uint8Array([0, 0]), 'null')), behaviour.callMs)
    },
    onError: (reason) => {
      throw new Error(reason)
    },
  })
  const channel = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      reader.push(chunk)
      done()
    },
  })
  channel.push(frame(FRAME.UP, 0, '20.0.0'))
  return {
    pid: () => undefined,
    channel,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    exited,
    kill: () => end({ code: null, signal: 'SIGKILL', outOfMemory: false }),
    pause() {},
    resume() {},
    hasStrays: () => false,
    usage: () => ({
      isRunnable: behaviour.isRunnable,
      processorMs: (performance.now() - born) * behaviour.processorShare,
    }),
    memory: () => null,
    proxy: null,
    packages: null,
  }
}

function call(more: Partial<Call> = {}, isolation: 'warm' | 'fresh' = 'warm'): Promise<Outcome> {
  return supervisor.call({
    program: {
      key: 'f',
      runtime: 'nodejs20',
      files: {},
      entry: 'main.mjs',
      env: {},
      isolation,
      memory_mb: 256,
      network: null,
    },
    mode: 'handler',
    input: {},
    timeout_seconds: 60,
    output_limit_bytes: 1_000,
    ...more,
  })
}

/** Starts calls that end when the supervisor closes. */
function callEndlessly(count: number, more: Partial<Call> = {}): void {
  for (let n = 0; n < count; n++) call({ timeout_seconds: 1_000, ...more }).catch(() => 'closed')
}

const passes = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Makes one call, and then one in each of `callers` loops until `ms` have passed. Returns the longest time of a call. */
async function burst(callers: number, ms: number): Promise<number> {
  const first = call()
  await passes(START_MS + CALL_MS * 10 + 20)
  await first
  let slowest = 0
  const until = performance.now() + ms
  const loops = Array.from({ length: callers }, async () => {
    while (performance.now() < until) {
      const began = performance.now()
      await call()
      slowest = Math.max(slowest, performance.now() - began)
    }
  })
  await passes(ms + 12_000)
  await Promise.all(loops)
  return slowest
}

test('20 callers of a program that only computes use one instance per processor', async () => {
  open(COMPUTES)
  await burst(20, 5_000)
  expect(starts).toBe(2)
})

test('a busy machine, on which every call takes long, does not cause more starts', async () => {
  open(STARVES)
  await burst(20, 900)
  expect(starts).toBe(2)
})

test('20 callers of a program that waits get an instance each, and no more than one start per processor at a time', async () => {
  open(WAITS)
  const slowest = await burst(20, 5_000)
  expect(starts).toBe(20)
  expect(maxStartsAtOnce).toBe(2)
  // The longest call waits until all others of the burst have been served by the instances that exist by then.
  expect(slowest).toBeLessThan(20 * CALL_MS)
})

test('a burst on a new program starts one instance, and a second one when calls wait', async () => {
  open(COMPUTES)
  const calls = Array.from({ length: 20 }, () => call())
  await passes(1)
  expect(starts).toBe(1)
  await passes(20)
  expect(starts).toBe(2)
  await passes(2_000)
  await Promise.all(calls)
  expect(starts).toBe(2)
})

test('one caller uses one instance', async () => {
  open(WAITS)
  await burst(1, 2_000)
  expect(starts).toBe(1)
})

test('a call is served by the first instance that is free, not by the one that starts', async () => {
  open(WAITS)
  const first = call()
  await passes(START_MS + 1)
  let second: Outcome | undefined
  void call().then((outcome) => {
    second = outcome
  })
  // Shorter than the start of the instance that is requested after 10 ms.
  await passes(CALL_MS * 2 + 5)
  await first
  expect(second?.cold).toBe(false)
  expect(starts).toBe(2)
})

test('endless calls block other calls of the program for a second', async () => {
  open({ ...COMPUTES, callMs: null })
  callEndlessly(10)
  await passes(900)
  expect(starts).toBe(2)
  await passes(2_000)
  expect(starts).toBe(4)
})

test('nested calls get an instance although the instances of the program are enough for the processors', async () => {
  open({ ...COMPUTES, callMs: null })
  callEndlessly(5)
  await passes(300)
  expect(starts).toBe(2)
  callEndlessly(1, { nested: true })
  await passes(30)
  expect(starts).toBe(3)
})

test('no instance starts that would have no slot', async () => {
  open(WAITS, 4)
  await burst(20, 1_000)
  expect(starts).toBe(4)
})

test('every call of an isolated program starts an instance', async () => {
  open(COMPUTES)
  const calls = Array.from({ length: 5 }, () => call({}, 'fresh'))
  await passes(1_000)
  expect((await Promise.all(calls)).every(({ cold }) => cold)).toBe(true)
  expect(starts).toBe(5)
  expect(maxStartsAtOnce).toBe(2)
})

test('each waiting call gets the error if no instance can start', async () => {
  open(COMPUTES)
  failure = new Error('no memory')
  const calls = [call(), call()].map((each) => each.catch((error) => error.message))
  await passes(1_000)
  expect(await Promise.all(calls)).toEqual(Array(2).fill('A sandbox cannot start: no memory'))
  expect(supervisor.load()).toEqual({ running: 0, queued: 0, instances: 0 })
})

test('waiting calls use the instances that exist if another one cannot start', async () => {
  open(COMPUTES)
  const first = call()
  await passes(START_MS + 1)
  failure = new Error('no memory')
  const calls = [first, call(), call()]
  await passes(1_000)
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok'])
})
