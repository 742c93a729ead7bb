/** What a pattern asks of PostgreSQL, its counted repetitions written out: `(a{3}b?){2}` is eight atoms. */
export interface PatternCost {
  atoms: number
  /** `^`, `$` and the ends of words. A few dozen take PostgreSQL minutes to arrange. */
  anchors: number
}

const NOTHING: PatternCost = { atoms: 0, anchors: 0 }
const ATOM: PatternCost = { atoms: 1, anchors: 0 }
const ANCHOR: PatternCost = { atoms: 0, anchors: 1 }

const BRACKETS = String.raw`\[\^?\]?(?:\\c.|\\.|\[:\w+:\]|\[(?![.:=])|[^\]\\[])*\]`
/** One word of a pattern. What none begins with is not read: it would change the meaning of what follows. */
const WORD = new RegExp(
  String.raw`(?<anchor>[\^$]|\\[AmMyYZ])|(?<open>\(\?:|\((?!\?))|(?<close>\))|(?<or>\|)` +
    String.raw`|(?<repeat>[*+?]|\{(?<least>\d{1,3})(?:,(?<most>\d{0,3}))?\})\??` +
    String.raw`|(?<atom>${BRACKETS}|\\c.|\\[^\d]|\{(?!\d)|[^\\[({])`,
  'suy',
)

/**
 * What a regular expression of PostgreSQL costs to match. Null for one that cannot be told or has no bound: back references, lookaround,
 * collating elements, options other than a `(?i)` that begins it, and what is no regular expression at all.
 */
export function costOf(pattern: string): PatternCost | null {
  const text = pattern.startsWith('(?i)') ? pattern.slice(4) : pattern
  const groups: PatternCost[] = [NOTHING]
  // What a repetition repeats; null where there is nothing that can be.
  let last: PatternCost | null = null
  WORD.lastIndex = 0
  while (WORD.lastIndex < text.length) {
    const word = WORD.exec(text)?.groups
    if (!word) return null
    if (word['open']) {
      groups.push(NOTHING)
      last = null
      continue
    }
    if (word['repeat']) {
      if (!last) return null
      add(groups, last, timesOf(word) - 1)
      last = null
      continue
    }
    if (word['close']) {
      last = groups.pop()!
      if (groups.length === 0) return null
    } else {
      last = word['atom'] ? ATOM : word['anchor'] ? ANCHOR : null
    }
    if (last) add(groups, last, 1)
    if (last === ANCHOR) last = null
  }
  return groups.length === 1 ? groups[0]! : null
}

function timesOf({ least, most }: Record<string, string | undefined>): number {
  return Math.max(1, Number(least ?? 1), Number(most ?? 1))
}

function add(groups: PatternCost[], cost: PatternCost, times: number): void {
  const group = groups.at(-1)!
  groups[groups.length - 1] = {
    atoms: group.atoms + cost.atoms * times,
    anchors: group.anchors + cost.anchors * times,
  }
}
