import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'
import type { Call, Outcome, Runtime, SandboxLoad } from './index.ts'
import { Instance } from './instance.ts'
import type { Launcher } from './launcher.ts'
import { Pool } from './pool.ts'
import { ALL_PROTECTIONS, type Protections } from './protections.ts'

/** Instances of this size stand ready; others start when they are needed. */
export const DEFAULT_MEMORY_MB = 256
const POOL_SIZE = 2
/**
 * A call waits so long for a busy instance of its function before another one is started: many short calls are done sooner by few
 * instances. More of them than there are processors help only those that wait for something else.
 */
const SPREAD_MS = 5
const SPREAD_WIDE_MS = 20
/** Per concurrent call, so many may wait, and so many instances may live. */
const QUEUE_FACTOR = 10
const INSTANCES_FACTOR = 3
/** The share of the slots, and of the places in the queue, that one project can take: calls of others start while it has long ones. */
const PROJECT_SHARE = 0.5
const MAX_QUEUED_MS = 30_000
/** An instance that has served so many calls is replaced. */
export const MAX_CALLS = 10_000
const MAX_IDLE_MS = 60_000
/** Idle for so long, an instance is stopped until its next call. */
const PAUSE_MS = 10
const HOUSEKEEPING_MS = 20
/** What an instance has left behind is looked at no more often than this while it is busy. */
const INSPECT_MS = 250
const MAX_MEMORY_SHARE = 0.8
const START_MS = 15_000
/** Instances of one function in which a call's work may go on; of all, as many as calls at once. */
const MAX_LINGERING_OF_LANE = 2
/** After so many calls in a row whose left work did no harm, a function's process is used again at once. */
const MAX_HARMLESS = 3

export interface SupervisorOptions {
  launcher: Launcher
  /** Calls at once. */
  concurrency: number
  log: Logger
  protections?: Readonly<Protections>
  /** How many instances of each runtime stand ready once it has been used; 2 unless given. */
  poolSize?: number
}

/** What calls of one program share; calls of no key share one lane in the queue. */
interface Lane {
  key: string | null
  waiting: Waiting[]
  idle: Instance[]
  /** Instances that live, and those that a call waits for to start. */
  instances: number
  retired: boolean
  /** Calls in a row that have left work which did not fail. */
  harmless: number
}

interface Waiting {
  call: Call
  arrived: number
  resolve(outcome: Outcome): void
  reject(error: unknown): void
  /** Set while it is in the queue. */
  leave: (() => void) | undefined
}

/** Decides which call runs when, and where. Knows nothing of how a guest is confined. */
export class Supervisor {
  #options: SupervisorOptions
  #protections: Readonly<Protections>
  #pools = new Map<string, Pool>()
  #lanes = new Map<string | null, Lane>()
  /** Lanes with waiting calls, the one whose turn it is first. */
  #turns = new Set<Lane>()
  /** Instances with nothing to do, the one that has had nothing for longest first. */
  #idle = new Map<Instance, Lane>()
  /** Instances in which work of their last call goes on, the oldest first. They serve no call until it has ended. */
  #lingering = new Map<Instance, { lane: Lane; call: Call }>()
  #all = new Set<Instance>()
  #inspected = new WeakMap<Instance, number>()
  #running = 0
  #nested = 0
  #queued = 0
  /** Calls by project, without nested ones. */
  #byProject = new Map<string, { running: number; queued: number }>()
  #housekeeping: NodeJS.Timeout | undefined
  #spread: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#protections = options.protections ?? ALL_PROTECTIONS
  }

  load(): SandboxLoad {
    return { running: this.#running + this.#nested, queued: this.#queued, instances: this.#all.size }
  }

  /** Has instances stand ready from now on. */
  prepare(runtime: Runtime): void {
    this.#pool(runtime, DEFAULT_MEMORY_MB).keep(this.#options.poolSize ?? POOL_SIZE)
  }

  /** A new guest that has said that it is up; for the probe, which looks at it from outside. */
  async start(runtime: Runtime, memoryMb: number): Promise<Instance> {
    const { launcher, log } = this.#options
    const guest = await launcher.launch(runtime, memoryMb)
    const instance = new Instance(guest, {
      runtime,
      memoryMb,
      log,
      protections: this.#protections,
      onEnded: (ended) => this.#forget(ended),
      onQuiet: (quiet) => this.#hasQuieted(quiet),
    })
    this.#all.add(instance)
    const late = setTimeout(() => instance.end(), START_MS)
    await instance.up.finally(() => clearTimeout(late))
    return instance
  }

  call(call: Call): Promise<Outcome> {
    const arrived = performance.now()
    const lane = this.#lane(call)
    const hasSlot = this.#hasSlot(call)
    // The usual way: an instance of this function has nothing to do, and nobody has waited for longer.
    if (hasSlot && lane.waiting.length === 0 && lane.idle.length > 0 && !this.#closed && !isFresh(call))
      return this.#runOn(lane, this.#takeIdle(lane)!, call, arrived, false)
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ZeroError('sandbox_unavailable', 'The sandbox is closing'))
      if (this.#queued + this.#running >= this.#options.concurrency * (1 + QUEUE_FACTOR) && !call.nested)
        return reject(busy('Too many calls wait for a free sandbox'))
      if (!call.nested && this.#countOf(call).queued >= this.#projectSlots() * QUEUE_FACTOR)
        return reject(busy('Too many calls of this project wait for a free sandbox'))
      this.#enqueue(lane, { call, arrived, resolve, reject, leave: undefined })
      this.#pump()
    })
  }

  #projectSlots(): number {
    return Math.max(1, Math.floor(this.#options.concurrency * PROJECT_SHARE))
  }

  #countOf({ project }: Call): { running: number; queued: number } {
    return (project === undefined ? undefined : this.#byProject.get(project)) ?? { running: 0, queued: 0 }
  }

  #count({ project, nested }: Call, what: 'running' | 'queued', change: 1 | -1): void {
    if (project === undefined || nested) return
    const count = this.#byProject.get(project) ?? { running: 0, queued: 0 }
    count[what] += change
    if (count.running + count.queued === 0) this.#byProject.delete(project)
    else this.#byProject.set(project, count)
  }

  #hasSlot(call: Call): boolean {
    if (call.nested) return true
    return this.#running < this.#options.concurrency && this.#countOf(call).running < this.#projectSlots()
  }

  /** Idle instances of this program end, busy ones when they are done. */
  retire(key: string): void {
    const lane = this.#lanes.get(key)
    if (!lane) return
    // Who calls it again meanwhile gets a lane of its own.
    lane.retired = true
    this.#lanes.delete(key)
    for (const instance of lane.idle.splice(0)) instance.end()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#housekeeping)
    clearTimeout(this.#spread)
    for (const lane of this.#turns)
      for (const waiting of lane.waiting.splice(0)) {
        waiting.leave?.()
        waiting.reject(new ZeroError('sandbox_unavailable', 'The sandbox is closing'))
      }
    for (const pool of this.#pools.values()) pool.close()
    const guests = [...this.#all].map((instance) => instance.guest)
    for (const instance of [...this.#all]) instance.end()
    await Promise.all(guests.map((guest) => guest.exited))
    await this.#options.launcher.close()
  }

  #lane({ program: { key } }: Call): Lane {
    const name = this.#protections.own_instance ? key : 'all'
    let lane = this.#lanes.get(name)
    if (!lane) {
      lane = { key: name, waiting: [], idle: [], instances: 0, retired: false, harmless: 0 }
      this.#lanes.set(name, lane)
    }
    return lane
  }

  #enqueue(lane: Lane, waiting: Waiting): void {
    const leave = (then: () => void) => () => {
      if (!waiting.leave) return
      waiting.leave()
      lane.waiting.splice(lane.waiting.indexOf(waiting), 1)
      if (lane.waiting.length === 0) this.#turns.delete(lane)
      then()
    }
    const { signal } = waiting.call
    const late = setTimeout(
      leave(() => waiting.reject(busy(`No sandbox became free within ${MAX_QUEUED_MS / 1000} s`))),
      MAX_QUEUED_MS,
    )
    const cancelled = leave(() => waiting.resolve(cancelledInQueue(waiting)))
    let ignoreSignal = () => {}
    this.#queued++
    this.#count(waiting.call, 'queued', 1)
    waiting.leave = () => {
      clearTimeout(late)
      ignoreSignal()
      waiting.leave = undefined
      this.#queued--
      this.#count(waiting.call, 'queued', -1)
    }
    lane.waiting.push(waiting)
    this.#turns.add(lane)
    ignoreSignal = onAbort(signal, cancelled)
  }

  /** Starts what can be started: one call of each lane in turn, for as long as there are slots. */
  #pump(): void {
    const now = performance.now()
    let later = Number.POSITIVE_INFINITY
    for (let started = true; started; ) {
      started = false
      for (const lane of [...this.#turns]) {
        const next = lane.waiting[0]
        if (!next || !this.#hasSlot(next.call)) continue
        const warm = isFresh(next.call) ? undefined : this.#takeIdle(lane)
        if (!warm) {
          const spreadMs = lane.instances < availableParallelism() ? SPREAD_MS : SPREAD_WIDE_MS
          const waitMs = lane.key === null || isFresh(next.call) ? 0 : next.arrived + spreadMs - now
          if (lane.instances > 0 && waitMs > 0) {
            later = Math.min(later, waitMs)
            continue
          }
          if (!this.#hasRoom()) continue
        }
        started = true
        lane.waiting.shift()
        next.leave!()
        this.#turns.delete(lane)
        if (lane.waiting.length > 0) this.#turns.add(lane)
        const outcome = warm
          ? this.#runOn(lane, warm, next.call, next.arrived, false)
          : this.#runOnNew(lane, next.call, next.arrived)
        outcome.then(next.resolve, next.reject)
      }
    }
    if (later < Number.POSITIVE_INFINITY)
      this.#spread ??= setTimeout(() => {
        this.#spread = undefined
        this.#pump()
      }, later)
  }

  /** Whether one more instance may live; makes room by ending the one that has been idle for longest. */
  #hasRoom(): boolean {
    const most = this.#options.concurrency * INSTANCES_FACTOR
    let owned = 0
    for (const lane of this.#lanes.values()) owned += lane.instances
    if (owned < most) return true
    const [oldest] = this.#idle.keys()
    const [lingering] = this.#lingering.keys()
    if (oldest) oldest.end()
    else lingering?.stopLingering('its process was needed')
    return (oldest ?? lingering) !== undefined
  }

  async #runOnNew(lane: Lane, call: Call, arrived: number): Promise<Outcome> {
    lane.instances++
    this.#occupy(call, 1)
    let instance: Instance
    try {
      const { runtime, memory_mb } = call.program
      const pool = this.#pool(runtime, memory_mb)
      if (memory_mb === DEFAULT_MEMORY_MB) pool.keep(this.#options.poolSize ?? POOL_SIZE)
      do instance = await pool.take()
      while (instance.ended)
    } catch (error) {
      lane.instances--
      this.#occupy(call, -1)
      this.#pump()
      throw new ZeroError('sandbox_unavailable', `No sandbox could be started: ${(error as Error).message}`, {
        cause: error,
      })
    }
    this.#occupy(call, -1)
    instance.specialise(call.program)
    return this.#runOn(lane, instance, call, arrived, true)
  }

  async #runOn(lane: Lane, instance: Instance, call: Call, arrived: number, isCold: boolean): Promise<Outcome> {
    this.#occupy(call, 1)
    const outcome = await instance.run(call, arrived, isCold)
    this.#occupy(call, -1)
    this.#giveBack(lane, instance, call)
    // It had not begun.
    if (instance.hasMissedCall && !isCold) return this.#runOnNew(lane, call, arrived)
    if (this.#queued > 0) this.#pump()
    return outcome
  }

  #occupy(call: Call, change: 1 | -1): void {
    if (call.nested) this.#nested += change
    else this.#running += change
    this.#count(call, 'running', change)
  }

  #giveBack(lane: Lane, instance: Instance, call: Call): void {
    if (instance.lingers && !instance.ended && !this.#closed && lane.harmless < MAX_HARMLESS) {
      this.#linger(lane, instance, call)
      return
    }
    instance.allowLingering()
    if (instance.ended) lane.harmless = 0
    const isWorn = instance.calls >= MAX_CALLS || !instance.reusable || isFresh(call) || lane.retired
    if (!instance.ended && (isWorn || this.#closed || this.#isSpoilt(instance))) instance.end()
    if (instance.ended) {
      lane.instances--
      this.#dropEmpty(lane)
      return
    }
    lane.idle.push(instance)
    this.#idle.set(instance, lane)
    this.#housekeeping ??= setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS).unref()
  }

  #linger(lane: Lane, instance: Instance, call: Call): void {
    this.#lingering.set(instance, { lane, call })
    const ofLane = [...this.#lingering].filter(([, entry]) => entry.lane === lane)
    if (ofLane.length > MAX_LINGERING_OF_LANE) ofLane[0]![0].stopLingering('later calls left work as well')
    if (this.#lingering.size <= this.#options.concurrency) return
    const [oldest] = this.#lingering.keys()
    oldest?.stopLingering('too many functions have left work')
  }

  #hasQuieted(instance: Instance): void {
    const lingering = this.#lingering.get(instance)
    if (!lingering) return
    const { lane, call } = lingering
    this.#lingering.delete(instance)
    lane.harmless++
    this.#giveBack(lane, instance, call)
    if (this.#queued > 0) this.#pump()
  }

  #takeIdle(lane: Lane): Instance | undefined {
    const instance = lane.idle.pop()
    if (instance) this.#idle.delete(instance)
    return instance
  }

  /** Whether an instance has something left that it should not have, looked at not too often. */
  #isSpoilt(instance: Instance): boolean {
    const now = performance.now()
    if (now - (this.#inspected.get(instance) ?? 0) < INSPECT_MS) return false
    return this.#inspect(instance, now)
  }

  #inspect(instance: Instance, now: number): boolean {
    this.#inspected.set(instance, now)
    const memory = instance.guest.memory()
    if (memory && memory.bytes > memory.limitBytes * MAX_MEMORY_SHARE) return true
    return this.#protections.strays && instance.guest.hasStrays()
  }

  #keepHouse(): void {
    const now = performance.now()
    for (const instance of [...this.#idle.keys()]) {
      const idleMs = now - instance.idleSince
      if (idleMs > MAX_IDLE_MS) instance.end()
      else if (idleMs > PAUSE_MS && !instance.paused) {
        if (this.#inspect(instance, now)) instance.end()
        else if (this.#protections.paused_when_idle) instance.pause()
      }
    }
    if (this.#idle.size > 0) return
    clearInterval(this.#housekeeping)
    this.#housekeeping = undefined
  }

  #forget(instance: Instance): void {
    this.#all.delete(instance)
    for (const pool of this.#pools.values()) pool.remove(instance)
    const lingering = this.#lingering.get(instance)
    if (lingering) {
      this.#lingering.delete(instance)
      lingering.lane.harmless = instance.isHarmless ? lingering.lane.harmless + 1 : 0
      lingering.lane.instances--
      this.#dropEmpty(lingering.lane)
      return
    }
    const lane = this.#idle.get(instance)
    if (!lane) return
    this.#idle.delete(instance)
    const at = lane.idle.indexOf(instance)
    if (at >= 0) lane.idle.splice(at, 1)
    lane.instances--
    this.#dropEmpty(lane)
  }

  #dropEmpty(lane: Lane): void {
    if (lane.instances === 0 && lane.waiting.length === 0 && this.#lanes.get(lane.key) === lane)
      this.#lanes.delete(lane.key)
  }

  #pool(runtime: Runtime, memoryMb: number): Pool {
    const name = `${runtime} ${memoryMb}`
    let pool = this.#pools.get(name)
    if (!pool) {
      pool = new Pool(() => this.start(runtime, memoryMb))
      this.#pools.set(name, pool)
    }
    return pool
  }
}

/** Nothing of an earlier call may be there. */
function isFresh({ program }: Call): boolean {
  return program.isolation === 'fresh' || program.key === null
}

function busy(message: string): ZeroError {
  return new ZeroError('sandbox_busy', message, { retryAfter: 1 })
}

function cancelledInQueue({ arrived }: Waiting): Outcome {
  return {
    status: 'cancelled',
    result: null,
    error: { name: 'Cancelled', message: 'The call was cancelled before it began' },
    stdout: '',
    stderr: '',
    duration_ms: 0,
    queued_ms: performance.now() - arrived,
    cold: false,
    peak_memory_bytes: null,
  }
}
