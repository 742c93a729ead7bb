/** The cost of a pattern in PostgreSQL, which expands counted repetitions: `(a{3}b?){2}` is eight atoms. */
export interface PatternCost {
  atoms: number
  /**
   * Transitions of the state machine: one for each pair of atoms in which the second may follow the first. A class like `\w` as the second
   * has one for each group of characters that the pattern distinguishes. The compile time of PostgreSQL grows with the transitions. A
   * repetition of a part that may be empty has the square of its atoms, because each can be skipped.
   */
  transitions: number
  /** `^`, `$` and word boundaries. A few dozen take PostgreSQL minutes to compile. Optional anchors are worse and count four times. */
  anchors: number
}

/** Part of a pattern. Its counts are those of the state machine that PostgreSQL builds from it. */
interface Part extends PatternCost {
  /** Whether it matches the empty text. */
  isNullable: boolean
  /** Transitions from a preceding atom: one for each atom that can begin a match, more for a class. */
  first: number
  /** Number of atoms that can end a match. */
  last: number
}

const NOTHING: Part = { atoms: 0, anchors: 0, transitions: 0, isNullable: true, first: 0, last: 0 }
const ATOM: Part = { atoms: 1, anchors: 0, transitions: 0, isNullable: false, first: 1, last: 1 }
const ANCHOR: Part = { ...NOTHING, anchors: 1 }

const BRACKETS = String.raw`\[\^?\]?(?:\\c.|\\.|\[:\w+:\]|\[(?![.:=])|[^\]\\[])*\]`
/** One token of a pattern. A pattern with any other token is rejected, because it could change the meaning of the rest. */
const WORD = new RegExp(
  String.raw`(?<anchor>[\^$]|\\[AmMyYZ])|(?<open>\(\?:|\((?!\?))|(?<close>\))|(?<or>\|)` +
    String.raw`|(?<repeat>[*+?]|\{(?<least>\d{1,3})(?<range>,(?<most>\d{0,3}))?\})\??` +
    String.raw`|(?<atom>${BRACKETS}|\\c.|\\[^\d]|\{(?!\d)|[^\\[({])`,
  'suy',
)

/**
 * Returns the cost of matching a regular expression in PostgreSQL. Null if it is unknown or unbounded: back references, lookaround, collating
 * elements, options other than a leading `(?i)`, and invalid expressions.
 */
export function costOf(pattern: string): PatternCost | null {
  const text = pattern.startsWith('(?i)') ? pattern.slice(4) : pattern
  const groups = [new Group()]
  // Whether the last token can be repeated.
  let isRepeatable = false
  // An upper bound for the groups of characters that the pattern distinguishes.
  const characterClass = { ...ATOM, first: new Set(text).size }
  WORD.lastIndex = 0
  while (WORD.lastIndex < text.length) {
    const word = WORD.exec(text)?.groups
    if (!word) return null
    const group = groups.at(-1)!
    if (word['repeat']) {
      if (!isRepeatable) return null
      group.repeat(...timesOf(word))
    } else if (word['open']) groups.push(new Group())
    else if (word['or']) group.alternative()
    else if (word['close']) {
      groups.pop()
      const outer = groups.at(-1)
      if (!outer) return null
      outer.append(group.whole())
    } else group.append(word['anchor'] ? ANCHOR : isClass(word['atom']!) ? characterClass : ATOM)
    isRepeatable = Boolean(word['close'] || word['atom'])
  }
  if (groups.length > 1) return null
  const { atoms, anchors, transitions } = groups[0]!.whole()
  return { atoms, anchors, transitions }
}

/** A dot is not a class: PostgreSQL has a single transition for all characters. */
const isClass = (atom: string) => atom.startsWith('[') || /^\\[dsw]$/i.test(atom)

/** The part of a pattern between two brackets that was read so far. */
class Group {
  #alternatives: Part | null = null
  #sequence = NOTHING
  /** The end of the sequence, which a repetition may follow. */
  #end = NOTHING

  append(part: Part): void {
    this.#sequence = sequence(this.#sequence, this.#end)
    this.#end = part
  }

  repeat(least: number, most: number): void {
    this.#end = repetition(this.#end, least, most)
  }

  alternative(): void {
    this.#alternatives = this.whole()
    this.#sequence = NOTHING
    this.#end = NOTHING
  }

  whole(): Part {
    const last = sequence(this.#sequence, this.#end)
    return this.#alternatives === null ? last : alternative(this.#alternatives, last)
  }
}

function sequence(a: Part, b: Part): Part {
  return {
    atoms: a.atoms + b.atoms,
    anchors: a.anchors + b.anchors,
    transitions: a.transitions + b.transitions + a.last * b.first,
    isNullable: a.isNullable && b.isNullable,
    first: a.first + (a.isNullable ? b.first : 0),
    last: b.last + (b.isNullable ? a.last : 0),
  }
}

function alternative(a: Part, b: Part): Part {
  return {
    atoms: a.atoms + b.atoms,
    anchors: (a.anchors + b.anchors) * (a.isNullable && b.isNullable && a.atoms + b.atoms > 0 ? OPTIONAL_ANCHORS : 1),
    transitions: a.transitions + b.transitions,
    isNullable: a.isNullable || b.isNullable,
    first: a.first + b.first,
    last: a.last + b.last,
  }
}

const optional = (part: Part): Part => ({ ...part, isNullable: true })

/** PostgreSQL distinguishes all combinations of anchors that a match can pass or skip. */
const OPTIONAL_ANCHORS = 4

/** Expands a repetition as PostgreSQL does: `x{1,3}` is `((x?x)?x)`, `x{2,}` is `x+x`. */
function repetition(repeated: Part, least: number, most: number): Part {
  const part = repeated.isNullable ? { ...repeated, anchors: repeated.anchors * OPTIONAL_ANCHORS } : repeated
  const isEndless = most === Number.POSITIVE_INFINITY
  let written = isEndless ? { ...part, transitions: part.transitions + part.last * part.first } : part
  const skippable = isEndless ? 0 : most - Math.max(least, 1)
  for (let n = 0; n < skippable; n++) written = sequence(optional(written), part)
  for (let n = 1; n < least; n++) written = sequence(written, part)
  return least === 0 ? optional(written) : written
}

function timesOf({ repeat, least, range, most }: Record<string, string | undefined>): [least: number, most: number] {
  if (least !== undefined) return [Number(least), range ? Number(most || Number.POSITIVE_INFINITY) : Number(least)]
  return [repeat!.startsWith('+') ? 1 : 0, repeat!.startsWith('?') ? 1 : Number.POSITIVE_INFINITY]
}
