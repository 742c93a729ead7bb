import type { Instance } from './instance.ts'

/** Instances that start at the same time, of one pool. */
const MAX_STARTING = 4
/** So long what was taken is not replaced: the call that took it has the processor first. */
const REFILL_MS = 5

/** Instances of one kind that have been started and belong to nobody yet. */
export class Pool {
  #start: () => Promise<Instance>
  #ready: Instance[] = []
  #wanting: { resolve(instance: Instance): void; reject(error: unknown): void }[] = []
  #starting = 0
  #target = 0
  #refill: NodeJS.Timeout | undefined
  #closed = false

  /** `start` resolves when the instance can be used. */
  constructor(start: () => Promise<Instance>) {
    this.#start = start
  }

  get size(): number {
    return this.#ready.length + this.#starting
  }

  /** Has `count` instances stand ready from now on. */
  keep(count: number): void {
    if (count <= this.#target) return
    this.#target = count
    this.#fill()
  }

  /** One that nobody has used. Waits for one to start when none is ready; rejects when it does not start. */
  take(): Promise<Instance> {
    const ready = this.#ready.shift()
    if (!ready) {
      const taken = new Promise<Instance>((resolve, reject) => this.#wanting.push({ resolve, reject }))
      this.#fill()
      return taken
    }
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined
      this.#fill()
    }, REFILL_MS).unref()
    return Promise.resolve(ready)
  }

  /** Forgets one that has ended. */
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
    for (const { reject } of this.#wanting.splice(0)) reject(new Error('the sandbox was closed'))
  }

  #fill(): void {
    while (
      !this.#closed &&
      this.#starting < MAX_STARTING &&
      this.#ready.length + this.#starting < this.#target + this.#wanting.length
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
          const wanting = this.#wanting.shift()
          // Where nobody waits it is not tried again: whatever is wrong would be wrong at once again.
          if (!wanting) return
          wanting.reject(error)
          this.#fill()
        },
      )
    }
  }

  #give(instance: Instance): void {
    if (this.#closed) instance.end()
    else if (instance.ended) return
    else {
      const wanting = this.#wanting.shift()
      if (wanting) wanting.resolve(instance)
      else this.#ready.push(instance)
    }
  }
}
