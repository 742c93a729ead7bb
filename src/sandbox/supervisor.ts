import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'
import { isSamePolicy, type NetworkPolicy } from '../platform/network-policy.ts'
import type { Call, Outcome, Program, ProgramPackages, Runtime, SandboxLoad } from './index.ts'
import { Instance } from './instance.ts'
import type { Launcher } from './launcher.ts'
import type { Network } from './network/proxy.ts'
import { Pool } from './pool.ts'
import { ProcessorShare } from './processor-share.ts'
import { ALL_PROTECTIONS, type Protections } from './protections.ts'

/** The pool keeps instances of this size ready; others start on demand. */
export const DEFAULT_MEMORY_MB = 256
const POOL_SIZE = 2
/** A call waits this long for a busy instance of its function before the function can get another one. */
const SPREAD_MS = 5
/** Interval at which functions with waiting calls are measured, and can get further instances. */
const GROWTH_MS = 10
/**
 * A function gets another instance each time that calls wait and none has ended for this long, even if its instances use all processors: a few
 * endless calls do not block all others.
 */
const STARVED_MS = 1_000
/** Length of the queue, and maximum number of instances, per concurrent call. */
const QUEUE_FACTOR = 10
const INSTANCES_FACTOR = 3
/** Share of the slots and of the queue that one project can use, so that long calls of one project do not block others. */
const PROJECT_SHARE = 0.5
const MAX_QUEUED_MS = 30_000
/** An instance is replaced after this many calls. */
export const MAX_CALLS = 10_000
const MAX_IDLE_MS = 60_000
/** An instance that is idle for this long is stopped until its next call. */
const PAUSE_MS = 10
const MAINTENANCE_MS = 20
/** Minimum interval between inspections of a busy instance. */
const INSPECT_MS = 250
const MAX_MEMORY_SHARE = 0.8
const START_MS = 15_000
/** Maximum number of instances per function with background work. Over all functions the maximum is the concurrency. */
const MAX_LINGERING_OF_LANE = 2
/** After this many calls in a row with harmless background work, a function's process is reused without waiting for it. */
const MAX_HARMLESS = 3

export interface SupervisorOptions {
  launcher: Launcher
  /** Null if the launcher has no network. */
  network: Network | null
  /** Maximum number of concurrent calls. */
  concurrency: number
  log: Logger
  protections?: Readonly<Protections>
  /** Number of instances of each used runtime that are kept ready. Default 2. */
  poolSize?: number
  /** Number of processors for guests. By default, all of this machine. */
  processors?: number
}

/** State of the calls of one program. Calls without a key share one lane. */
interface Lane {
  key: string | null
  network: NetworkPolicy | null
  /** Nested calls come first: the calls that started them hold instances. */
  waiting: Waiting[]
  idle: Instance[]
  busy: Set<Instance>
  /** Number of running and starting instances. */
  instances: number
  /** Number of starting instances that will serve waiting calls. */
  starting: number
  /** When an instance was last requested or a call last ended, by `performance.now()`. */
  progressAt: number
  /** Whether its instances use processors of another machine. */
  isRemote: boolean
  share: ProcessorShare
  retired: boolean
  /** Number of calls in a row whose background work did not fail. */
  harmless: number
}

interface Waiting {
  call: Call
  arrived: number
  resolve(outcome: Outcome): void
  reject(error: unknown): void
  /** Removes the call from the queue. Set while it is queued. */
  leave: (() => void) | undefined
}

/** Schedules calls to instances, independent of how guests are isolated. */
export class Supervisor {
  #options: SupervisorOptions
  #protections: Readonly<Protections>
  #pools = new Map<string, Pool>()
  #lanes = new Map<string | null, Lane>()
  /** Lanes with waiting calls, the next one first. */
  #queue = new Set<Lane>()
  /** Idle instances, the one that is idle for longest first. */
  #idle = new Map<Instance, Lane>()
  /** Instances with background work of their last call, oldest first. They serve no call until it has ended. */
  #lingering = new Map<Instance, { lane: Lane; call: Call }>()
  #all = new Set<Instance>()
  #inspected = new WeakMap<Instance, number>()
  #running = 0
  #nested = 0
  #queued = 0
  /** Number of instances that start for functions that have others. */
  #growing = 0
  #processors: number
  /** Number of calls by project, without nested calls. */
  #byProject = new Map<string, { running: number; queued: number }>()
  #maintenance: NodeJS.Timeout | undefined
  #growth: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#protections = options.protections ?? ALL_PROTECTIONS
    this.#processors = options.processors ?? availableParallelism()
  }

  load(): SandboxLoad {
    return { running: this.#running + this.#nested, queued: this.#queued, instances: this.#all.size }
  }

  /** Keeps instances of this runtime ready from now on. */
  prepare(runtime: Runtime): void {
    this.#pool(runtime, DEFAULT_MEMORY_MB).keep(this.#options.poolSize ?? POOL_SIZE)
  }

  /** Starts an instance and waits until it is ready. Used by the probe and the pools. */
  async start(runtime: Runtime, memoryMb: number, packages: ProgramPackages | null = null): Promise<Instance> {
    const { launcher, network, log } = this.#options
    const guest = await launcher.launch(runtime, memoryMb, packages)
    const instance = new Instance(guest, {
      runtime,
      memoryMb,
      network,
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
    const { noNetwork, noPackages } = this.#options.launcher
    if (call.program.network && noNetwork !== null)
      return Promise.reject(new ZeroError('sandbox_unavailable', noNetwork))
    if (call.program.packages && noPackages !== null)
      return Promise.reject(new ZeroError('sandbox_unavailable', noPackages))
    const lane = this.#lane(call)
    const hasSlot = this.#hasSlot(call)
    // Fast path: the function has an idle instance and no waiting calls.
    if (hasSlot && lane.waiting.length === 0 && lane.idle.length > 0 && !this.#closed && !isFresh(call))
      return this.#runOnIdle(lane, this.#takeIdle(lane)!, call, arrived)
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ZeroError('sandbox_unavailable', 'The sandbox is closing'))
      if (this.#queued + this.#running >= this.#options.concurrency * (1 + QUEUE_FACTOR) && !call.nested)
        return reject(busy('The queue of sandbox calls is full'))
      if (!call.nested && this.#countOf(call).queued >= this.#projectSlots() * QUEUE_FACTOR)
        return reject(busy('This project has reached its share of the queue of sandbox calls'))
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

  /** Tells whether a slot is free besides `others`. */
  #hasSlot(call: Call, others = 0): boolean {
    if (call.nested) return true
    return (
      this.#running + others < this.#options.concurrency && this.#countOf(call).running + others < this.#projectSlots()
    )
  }

  /** Ends the instances of a program: idle ones now, busy ones after their call. */
  retire(key: string): void {
    const lane = this.#lanes.get(key)
    if (!lane) return
    // Removed from the map, so that later calls of the program get a new lane.
    lane.retired = true
    this.#lanes.delete(key)
    for (const instance of lane.idle.splice(0)) instance.end()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#maintenance)
    clearTimeout(this.#growth)
    for (const lane of this.#queue)
      for (const waiting of lane.waiting.splice(0)) {
        waiting.leave?.()
        waiting.reject(new ZeroError('sandbox_unavailable', 'The sandbox is closing'))
      }
    this.#queue.clear()
    for (const pool of this.#pools.values()) pool.close()
    const guests = [...this.#all].map((instance) => instance.guest)
    for (const instance of [...this.#all]) instance.end()
    await Promise.all(guests.map((guest) => guest.exited))
    await this.#options.launcher.close()
  }

  #lane({ program: { key, network } }: Call): Lane {
    const name = this.#protections.own_instance ? key : 'all'
    let lane = this.#lanes.get(name)
    if (lane && name !== null && this.#protections.own_instance && !isSamePolicy(lane.network, network)) {
      this.retire(name)
      lane = undefined
    }
    if (!lane) {
      lane = {
        key: name,
        network,
        waiting: [],
        idle: [],
        busy: new Set(),
        instances: 0,
        starting: 0,
        progressAt: 0,
        isRemote: false,
        share: new ProcessorShare(),
        retired: false,
        harmless: 0,
      }
      this.#lanes.set(name, lane)
    }
    return lane
  }

  #enqueue(lane: Lane, waiting: Waiting): void {
    const leave = (after: () => void) => () => {
      if (!waiting.leave) return
      waiting.leave()
      lane.waiting.splice(lane.waiting.indexOf(waiting), 1)
      if (lane.waiting.length === 0) this.#queue.delete(lane)
      after()
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
    if (waiting.call.nested) lane.waiting.splice(lane.waiting.findIndex(({ call }) => !call.nested) >>> 0, 0, waiting)
    else lane.waiting.push(waiting)
    this.#queue.add(lane)
    ignoreSignal = onAbort(signal, cancelled)
  }

  /** Starts waiting calls, one of each lane in turn, while slots and instances are free. */
  #pump(): void {
    for (let started = true; started; ) {
      started = false
      for (const lane of [...this.#queue]) {
        const next = lane.waiting[0]
        if (!next || !this.#hasSlot(next.call)) continue
        const instance = isFresh(next.call) ? undefined : this.#takeIdle(lane)
        if (!instance) {
          if (!isFresh(next.call)) {
            if (lane.instances === 0 && this.#hasRoom()) void this.#grow(lane)
            continue
          }
          if (!this.#hasRoom()) continue
        }
        started = true
        this.#dequeue(lane, next)
        const outcome = instance
          ? this.#runOnIdle(lane, instance, next.call, next.arrived)
          : this.#runOnNew(lane, next.call, next.arrived)
        outcome.then(next.resolve, next.reject)
      }
    }
    if (this.#queue.size > 0 && !this.#closed) this.#growth ??= setTimeout(() => this.#considerGrowth(), GROWTH_MS)
  }

  #dequeue(lane: Lane, next: Waiting): void {
    lane.waiting.shift()
    next.leave!()
    // Lanes take turns.
    this.#queue.delete(lane)
    if (lane.waiting.length > 0) this.#queue.add(lane)
  }

  #considerGrowth(): void {
    // After the results that have arrived are read, so that the program is measured and not the delay of this process.
    setImmediate(() => {
      this.#growth = undefined
      for (const lane of [...this.#queue]) this.#growIfUseful(lane)
      this.#pump()
    })
  }

  /** Starts instances for a program if its waiting calls are done sooner with them. Starts at most as many at a time as there are processors. */
  #growIfUseful(lane: Lane): void {
    const now = performance.now()
    const next = lane.waiting[0]
    if (!next || isFresh(next.call) || now - next.arrived < SPREAD_MS) return
    const canStart = () =>
      lane.starting < lane.waiting.length && this.#growing < this.#processors && this.#hasSlot(next.call, lane.starting)
    if (!canStart()) return
    for (const instance of lane.busy) {
      const sample = instance.sample()
      if (sample) lane.share.add(sample)
    }
    const useful = lane.isRemote ? Number.POSITIVE_INFINITY : lane.share.usefulInstances(this.#processors)
    const lingering = [...this.#lingering.values()].filter((entry) => entry.lane === lane).length
    while (canStart()) {
      // Calls that wait for this one do not compute.
      const isBlocking = next.call.nested && lane.starting === 0
      const isStarved = now - Math.max(next.arrived, lane.progressAt) >= STARVED_MS
      if (lane.instances - lingering >= useful && !isBlocking && !isStarved) return
      if (!this.#hasRoom()) return
      void this.#grow(lane)
    }
  }

  /** Starts an instance for the waiting calls of a program. If it cannot start, a waiting call fails unless others run. */
  async #grow(lane: Lane): Promise<void> {
    const { program } = lane.waiting[0]!.call
    const isFirst = lane.instances === 0
    lane.instances++
    lane.starting++
    lane.progressAt = performance.now()
    if (!isFirst) this.#growing++
    let failure: unknown
    let instance: Instance | undefined
    try {
      instance = await this.#newInstance(program)
    } catch (error) {
      failure = error
    }
    lane.starting--
    if (!isFirst) this.#growing--
    if (instance) {
      lane.isRemote = instance.guest.usage === undefined
      if (lane.retired && lane.waiting.length === 0) instance.end()
      if (instance.ended) lane.instances--
      else this.#addIdle(lane, instance)
    } else {
      lane.instances--
      const next = lane.waiting[0]
      if (lane.instances > lane.starting || !next) {
        if (this.#closed) return
        this.#options.log.warn({ error: failure }, 'an instance of a function cannot start')
      } else {
        this.#dequeue(lane, next)
        next.reject(failure)
      }
    }
    this.#dropEmpty(lane)
    this.#pump()
  }

  /** Tells whether another instance may start. At the limit, ends the longest idle instance to make room. */
  #hasRoom(): boolean {
    const max = this.#options.concurrency * INSTANCES_FACTOR
    let owned = 0
    for (const lane of this.#lanes.values()) owned += lane.instances
    if (owned < max) return true
    const [oldest] = this.#idle.keys()
    const [lingering] = this.#lingering.keys()
    if (oldest) oldest.end()
    else lingering?.stopLingering('its process was needed for another call')
    return (oldest ?? lingering) !== undefined
  }

  /** Takes an unused instance and loads the program. */
  async #newInstance(program: Program): Promise<Instance> {
    let instance: Instance | undefined
    try {
      const { runtime, memory_mb, packages } = program
      if (program.network) await this.#options.network?.prepare(program.network)
      // Only an instance that starts with the packages can see them.
      if (packages) instance = await this.start(runtime, memory_mb, packages)
      else {
        const pool = this.#pool(runtime, memory_mb)
        if (memory_mb === DEFAULT_MEMORY_MB) pool.keep(this.#options.poolSize ?? POOL_SIZE)
        do instance = await pool.take()
        while (instance.ended)
      }
      instance.specialise(program)
      return instance
    } catch (error) {
      instance?.end()
      if (error instanceof ZeroError) throw error
      throw new ZeroError('sandbox_unavailable', `A sandbox cannot start: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }

  async #runOnNew(lane: Lane, call: Call, arrived: number): Promise<Outcome> {
    lane.instances++
    this.#occupy(call, 1)
    let instance: Instance
    try {
      instance = await this.#newInstance(call.program)
    } catch (error) {
      lane.instances--
      this.#occupy(call, -1)
      this.#dropEmpty(lane)
      this.#pump()
      throw error
    }
    this.#occupy(call, -1)
    return this.#runOn(lane, instance, call, arrived, true)
  }

  #runOnIdle(lane: Lane, instance: Instance, call: Call, arrived: number): Promise<Outcome> {
    return this.#runOn(lane, instance, call, arrived, instance.calls === 0)
  }

  async #runOn(lane: Lane, instance: Instance, call: Call, arrived: number, isCold: boolean): Promise<Outcome> {
    this.#occupy(call, 1)
    lane.busy.add(instance)
    const outcome = await instance.run(call, arrived, isCold)
    lane.busy.delete(instance)
    lane.progressAt = performance.now()
    this.#occupy(call, -1)
    this.#giveBack(lane, instance, call)
    // The call had not started, so it can run on a new instance.
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
    if (!instance.ended && (isWorn || this.#closed || this.#isUnusable(instance))) instance.end()
    if (instance.ended) {
      lane.instances--
      this.#dropEmpty(lane)
      return
    }
    this.#addIdle(lane, instance)
  }

  #addIdle(lane: Lane, instance: Instance): void {
    lane.idle.push(instance)
    this.#idle.set(instance, lane)
    this.#maintenance ??= setInterval(() => this.#maintain(), MAINTENANCE_MS).unref()
  }

  #linger(lane: Lane, instance: Instance, call: Call): void {
    this.#lingering.set(instance, { lane, call })
    const ofLane = [...this.#lingering].filter(([, entry]) => entry.lane === lane)
    if (ofLane.length > MAX_LINGERING_OF_LANE) ofLane[0]![0].stopLingering('later calls also left background work')
    if (this.#lingering.size <= this.#options.concurrency) return
    const [oldest] = this.#lingering.keys()
    oldest?.stopLingering('too many functions have background work')
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

  /** Tells whether an instance must not be reused because of memory or leftover processes. Inspects at most every INSPECT_MS. */
  #isUnusable(instance: Instance): boolean {
    const now = performance.now()
    if (now - (this.#inspected.get(instance) ?? 0) < INSPECT_MS) return false
    return this.#inspect(instance, now)
  }

  #inspect(instance: Instance, now: number): boolean {
    this.#inspected.set(instance, now)
    const memory = instance.guest.memory()
    if (memory && memory.bytes > memory.limitBytes * MAX_MEMORY_SHARE) return true
    return instance.guest.isWorn?.() || (this.#protections.strays && instance.guest.hasStrays())
  }

  #maintain(): void {
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
    clearInterval(this.#maintenance)
    this.#maintenance = undefined
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
      pool = new Pool(() => this.start(runtime, memoryMb), this.#processors)
      this.#pools.set(name, pool)
    }
    return pool
  }
}

/** Tells whether the call needs an instance without earlier calls. */
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
    error: { name: 'Cancelled', message: 'The call was cancelled before it started' },
    stdout: '',
    stderr: '',
    duration_ms: 0,
    queued_ms: performance.now() - arrived,
    cold: false,
    peak_memory_bytes: null,
  }
}
