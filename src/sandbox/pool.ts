import type { Instance } from './instance.ts'

/** Delay before a taken instance is replaced, so that the call that took it gets the processor first. */
const REFILL_MS = 5

/** Started instances of one runtime and memory size that are not assigned to a program. */
export class Pool {
  #start: () => Promise<Instance>
  #maxStarting: number
  #ready: Instance[] = []
  #waiting: { resolve(instance: Instance): void; reject(error: unknown): void }[] = []
  #starting = 0
  #target = 0
  #refill: NodeJS.Timeout | undefined
  #closed = false

  /** Creates an empty pool. `start` resolves when the instance is ready. At most `maxStarting` instances start at the same time. */
  constructor(start: () => Promise<Instance>, maxStarting: number) {
    this.#start = start
    this.#maxStarting = maxStarting
  }

  get size(): number {
    return this.#ready.length + this.#starting
  }

  /** Keeps at least `count` instances ready from now on. */
  keep(count: number): void {
    if (count <= this.#target) return
    this.#target = count
    this.#fill()
  }

  /** Takes an unused instance. If none is ready, waits for one to start, and rejects if that fails. */
  take(): Promise<Instance> {
    const ready = this.#ready.shift()
    if (!ready) {
      const taken = new Promise<Instance>((resolve, reject) => this.#waiting.push({ resolve, reject }))
      this.#fill()
      return taken
    }
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined
      this.#fill()
    }, REFILL_MS).unref()
    return Promise.resolve(ready)
  }

  /** Removes an ended instance. */
  remove(instance: Instance): void {
    const at = this.#ready.indexOf(instance)
    if (at < 0) return
    this.#ready.splice(at, 1)
    this.#fill()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#refill)
    for (const instance of this.#ready.splice(0)) instance.end()
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('the sandbox is closed'))
  }

  #fill(): void {
    while (
      !this.#closed &&
      this.#starting < this.#maxStarting &&
      this.#ready.length + this.#starting < this.#target + this.#waiting.length
    ) {
      this.#starting++
      void this.#start().then(
        (instance) => {
          this.#starting--
          this.#give(instance)
          this.#fill()
        },
        (error) => {
          this.#starting--
          const waiting = this.#waiting.shift()
          // Without a waiting call the start is not repeated: it would fail again.
          if (!waiting) return
          waiting.reject(error)
          this.#fill()
        },
      )
    }
  }

  #give(instance: Instance): void {
    if (this.#closed) instance.end()
    else if (instance.ended) return
    else {
      const waiting = this.#waiting.shift()
      if (waiting) waiting.resolve(instance)
      else this.#ready.push(instance)
    }
  }
}
