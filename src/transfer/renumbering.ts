import type { NumberRange } from '../store/transfer/load.ts'

/** Gives each number of a file a number of this server. Their order stays; nothing else of them counts. */
export class Renumbering {
  readonly #seen = new Set<number>()
  #sorted = new Float64Array()
  #ranges: readonly (NumberRange & { rank: number })[] = []

  /** False when the file has had this number already. */
  add(number: number): boolean {
    const before = this.#seen.size
    return this.#seen.add(number).size > before
  }

  get count(): number {
    return this.#seen.size
  }

  /** `ranges` hold as many ascending numbers as have been added. */
  assign(ranges: readonly NumberRange[]): void {
    this.#sorted = Float64Array.from(this.#seen).sort()
    let rank = 0
    this.#ranges = ranges.map((range) => {
      const ranked = { ...range, rank }
      rank += range.count
      return ranked
    })
  }

  /** Null for a number that the file does not have. */
  get(number: number): number | null {
    const rank = firstIndex(this.#sorted.length, (index) => this.#sorted[index]! >= number)
    if (this.#sorted[rank] !== number) return null
    const range = this.#ranges[firstIndex(this.#ranges.length, (index) => this.#ranges[index]!.rank > rank) - 1]!
    return range.first + (rank - range.rank)
  }
}

/** The first index below `length` for which `holds`, which then holds for all behind it; `length` when there is none. */
function firstIndex(length: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
