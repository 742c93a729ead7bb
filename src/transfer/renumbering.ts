import type { NumberRange } from '../store/transfer/load.ts'

/** Maps the sequence numbers of a file to numbers of this server, in the same order. */
export class Renumbering {
  readonly #seen = new Set<number>()
  #sorted = new Float64Array()
  #ranges: readonly (NumberRange & { rank: number })[] = []

  /** Adds a number. Returns false if the number was added before. */
  add(number: number): boolean {
    const before = this.#seen.size
    return this.#seen.add(number).size > before
  }

  get count(): number {
    return this.#seen.size
  }

  /** Assigns new numbers. `ranges` must contain as many ascending numbers as were added. */
  assign(ranges: readonly NumberRange[]): void {
    this.#sorted = Float64Array.from(this.#seen).sort()
    let rank = 0
    this.#ranges = ranges.map((range) => {
      const ranked = { ...range, rank }
      rank += range.count
      return ranked
    })
  }

  /** Returns the new number; null for a number that is not in the file. */
  get(number: number): number | null {
    const rank = firstIndex(this.#sorted.length, (index) => this.#sorted[index]! >= number)
    if (this.#sorted[rank] !== number) return null
    const range = this.#ranges[firstIndex(this.#ranges.length, (index) => this.#ranges[index]!.rank > rank) - 1]!
    return range.first + (rank - range.rank)
  }
}

/** Binary search: returns the first index for which `holds` is true, or `length`. `holds` must stay true for all later indexes. */
function firstIndex(length: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
