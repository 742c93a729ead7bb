/** Pseudo-random numbers that depend only on the seed (mulberry32, T. Ettinger, public domain). */
export interface Random {
  /** Returns a number between `least` and `most`. */
  between(least: number, most: number): number
  oneOf<Item>(items: readonly Item[]): Item
  /** Returns true with this probability. */
  chance(share: number): boolean
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    between: (least, most) => least + next() * (most - least),
    oneOf: (items) => items[Math.floor(next() * items.length)]!,
    chance: (share) => next() < share,
  }
}
