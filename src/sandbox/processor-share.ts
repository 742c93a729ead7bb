/** What an instance did since the last sample. */
export interface UsageSample {
  /** Whether the interpreter ran on a processor, or waited for one, at the moment of the sample. */
  isRunnable: boolean
  /** Time that the instance spent on calls. */
  runMs: number
  /** Processor time of the instance. */
  processorMs: number
}

/** The weight of older samples is halved at these sums, so that the estimate follows a function that changes. */
const MAX_SAMPLES = 64
const MAX_RUN_MS = 2_000

/**
 * Estimates the share of a program's run time in which it needs a processor. Processor time alone is not enough: on a busy machine a program that only
 * computes gets little of it. A sample of whether the interpreter is runnable does not depend on other programs. It misses other threads and
 * child processes, whose processor time counts. Both figures come from the kernel: a program can only change them by what it does.
 */
export class ProcessorShare {
  // Starts as a program that only computes, which needs the fewest instances.
  #samples = 1
  #runnable = 1
  #runMs = 0
  #processorMs = 0

  add({ isRunnable, runMs, processorMs }: UsageSample): void {
    this.#samples++
    if (isRunnable) this.#runnable++
    this.#runMs += runMs
    this.#processorMs += processorMs
    if (this.#samples > MAX_SAMPLES) {
      this.#samples /= 2
      this.#runnable /= 2
    }
    if (this.#runMs > MAX_RUN_MS) {
      this.#runMs /= 2
      this.#processorMs /= 2
    }
  }

  /** From above 0 to 1. */
  get value(): number {
    const measured = this.#runMs > 0 ? this.#processorMs / this.#runMs : 0
    return Math.min(1, Math.max(this.#runnable / this.#samples, measured))
  }

  /** Returns the number of instances that keep this number of processors busy. */
  usefulInstances(processors: number): number {
    return Math.ceil(processors / this.value)
  }
}
