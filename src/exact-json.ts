import { randomUUID } from 'node:crypto'
import { ZeroError } from './errors.ts'

// JSON in which every number keeps its decimal value. JSON.parse turns 9007199254740993 into ...992; PostgreSQL's jsonb holds it. JSON.parse and
// JSON.stringify do the work, and numbers that a double does not hold travel through them as marked strings. So repeated keys, "__proto__" and
// deep nesting mean the same with such a number as without. The library lossless-json has a parser with other rules: it refuses repeated keys.

/** Significant digits. jsonb writes numbers out: 1e131071 would take 131,072 digits. */
const MAX_DIGITS = 1_000
const MAX_SHOWN_CHARACTERS = 40

type Loc = readonly (string | number)[]

/** Starts a string that stands for a number. Random, so that no text of a user can start with it. */
const MARK = `exact-number:${randomUUID()}:`
const MARKED = new RegExp(`"${MARK}([-+.\\deE]+)"`, 'g')

let isWriting = false
let hasWritten = false

/** A number of a JSON text whose decimal value no double has. */
export class ExactNumber {
  /** The number as written in the text. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** The nearest double. */
  valueOf(): number {
    return Number(this.text)
  }

  toString(): string {
    return this.text
  }

  /** Returns the digits: as a number in `stringifyJson`, as a string in any other JSON.stringify. */
  toJSON(): string {
    if (!isWriting) return this.text
    hasWritten = true
    return MARK + this.text
  }
}

/**
 * JSON.parse, but a number whose decimal value no double has becomes an `ExactNumber`. Throws `validation_failed` for a number outside of the
 * range of doubles, or with more than 1,000 digits. `loc`: where the text stands in the request.
 */
export function parseJson(text: string, loc: Loc = ['body']): unknown {
  return parse(text, loc)
}

/** Parses JSON as `parseJson` does, for stored text: accepts every number. */
export function parseStoredJson(text: string): unknown {
  return parse(text, null)
}

/** JSON.stringify, but an `ExactNumber` is written as the number that it is. */
export function stringifyJson(value: unknown, space?: number): string {
  isWriting = true
  hasWritten = false
  try {
    const text = JSON.stringify(value, null, space)
    return hasWritten ? text.replace(MARKED, '$1') : text
  } finally {
    isWriting = false
  }
}

/** The value with the nearest double in place of each `ExactNumber`; the value itself where it has none. */
export function withDoubles(value: unknown): unknown {
  const marked = markNumbers(value)
  return marked === value ? value : JSON.parse(unmarkNumbers(JSON.stringify(marked)))
}

function parse(text: string, loc: Loc | null): unknown {
  const suspects = suspectsIn(text)
  if (suspects.length === 0) return JSON.parse(text)
  const marked = mark(text, suspects)
  if (marked === null) return JSON.parse(text)
  let value: unknown
  try {
    value = JSON.parse(marked)
  } catch {
    // It is not JSON either way; this error shows the text as it was sent.
    return JSON.parse(text)
  }
  return revive(value, loc)
}

/**
 * For a value that another writer than `stringifyJson` turns into text: its text, with these marks in place of each `ExactNumber`, becomes JSON by
 * `unmarkNumbers`.
 */
export function markNumbers(value: unknown): unknown {
  isWriting = true
  hasWritten = false
  try {
    const text = JSON.stringify(value)
    return hasWritten ? JSON.parse(text) : value
  } finally {
    isWriting = false
  }
}

export function unmarkNumbers(text: string): string {
  return text.includes(MARK) ? text.replace(MARKED, '$1') : text
}

const [ZERO, NINE, QUOTE, BACKSLASH] = [0x30, 0x39, 0x22, 0x5c]
const [PLUS, MINUS, POINT, UPPER_E, LOWER_E] = [0x2b, 0x2d, 0x2e, 0x45, 0x65]
/** A number with fewer digits, and an exponent of one or two, is held by a double. */
const MIN_SUSPECT_DIGITS = 16
const MIN_SUSPECT_EXPONENT_CHARACTERS = 3

interface Suspect {
  token: string
  start: number
}

/**
 * The numbers that a double may not hold. Looks once at each character outside of strings: a regular expression takes six times as long for a
 * body of embeddings.
 */
function suspectsIn(text: string): Suspect[] {
  const { length } = text
  const suspects: Suspect[] = []
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      i = endOfString(text, i)
      continue
    }
    if (code < ZERO || code > NINE) continue
    let digits = 1
    let exponent = 0
    let end = i + 1
    for (; end < length; end++) {
      const next = text.charCodeAt(end)
      if (next >= ZERO && next <= NINE) digits++
      else if (next === LOWER_E || next === UPPER_E) exponent = end
      else if (next !== POINT && next !== MINUS && next !== PLUS) break
    }
    if (digits >= MIN_SUSPECT_DIGITS || (exponent > 0 && end - exponent > MIN_SUSPECT_EXPONENT_CHARACTERS)) {
      const start = i > 0 && text.charCodeAt(i - 1) === MINUS ? i - 1 : i
      suspects.push({ token: text.slice(start, end), start })
    }
    i = end - 1
  }
  return suspects
}

/** The text with a marked string in place of each number that no double holds. Null when all are held, or when the text is not JSON. */
function mark(text: string, suspects: readonly Suspect[]): string | null {
  const tokens = suspects.map(({ token }) => token)
  const list = `[${tokens.join(',')}]`
  let shortest: string
  try {
    // One list of all is twice as fast as one number after the other.
    shortest = JSON.stringify(JSON.parse(list))
  } catch {
    return null
  }
  if (shortest === list) return null
  const doubles = shortest.slice(1, -1).split(',')
  let marked = ''
  let copied = 0
  for (const [i, { token, start }] of suspects.entries()) {
    const end = start + token.length
    // A malformed text stays malformed: a string stands just where this number could.
    if (isSameNumber(token, doubles[i]!) || !isValueAt(text, start, end)) continue
    marked += `${text.slice(copied, start)}"${MARK}${token}"`
    copied = end
  }
  return copied === 0 ? null : marked + text.slice(copied)
}

/** Where the string ends that begins at `quote`. */
function endOfString(text: string, quote: number): number {
  for (let close = text.indexOf('"', quote + 1); close >= 0; close = text.indexOf('"', close + 1)) {
    let before = close
    while (text.charCodeAt(before - 1) === BACKSLASH) before--
    if ((close - before) % 2 === 0) return close
  }
  return text.length
}

/** Whether what stands between `start` and `end` stands where a value does, and not where a key does. */
function isValueAt(text: string, start: number, end: number): boolean {
  let before = start - 1
  while (isSpace(text.charCodeAt(before))) before--
  let after = end
  while (isSpace(text.charCodeAt(after))) after++
  return (before < 0 || '[,:'.includes(text[before]!)) && (after >= text.length || ',]}'.includes(text[after]!))
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** Whether two numbers have one decimal value. `double`: what JSON.stringify makes of the first, null for an infinite one. */
function isSameNumber(token: string, double: string): boolean {
  return token === double || (double !== 'null' && canonical(token) === canonical(double))
}

/** A sign, the digits without zeros around them, and the power of ten of the last one: equal for equal decimal values. */
function canonical(token: string): string {
  const sign = token.startsWith('-') ? '-' : ''
  const [mantissa = '', exponent = '0'] = token.slice(sign.length).split(/[eE]/)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = whole + fraction
  let start = 0
  while (digits.charCodeAt(start) === ZERO) start++
  let end = digits.length
  while (end > start && digits.charCodeAt(end - 1) === ZERO) end--
  if (start === end) return '0'
  return `${sign}${digits.slice(start, end)}e${Number(exponent) - fraction.length + digits.length - end}`
}

interface Place {
  holder: Record<string | number, unknown>
  parent: Place | null
  key: string | number
}

/** Makes numbers of the marked strings. Without recursion: a body may be nested deeper than the stack. Only own properties are set. */
function revive(root: unknown, loc: Loc | null): unknown {
  const top = { root }
  const places: Place[] = [{ holder: top, parent: null, key: '' }]
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { holder } = place
    for (const key of Array.isArray(holder) ? holder.keys() : Object.keys(holder)) {
      const value = holder[key]
      if (typeof value === 'string') {
        if (!value.startsWith(MARK)) continue
        const text = value.slice(MARK.length)
        if (loc !== null && !isKeepable(text)) throw refusal(text, [...loc, ...pathTo(place, key)])
        holder[key] = new ExactNumber(text)
      } else if (typeof value === 'object' && value !== null) {
        places.push({ holder: value as Place['holder'], parent: place, key })
      }
    }
  }
  return top.root
}

function pathTo(place: Place, key: string | number): (string | number)[] {
  const path = [key]
  for (let each = place; each.parent !== null; each = each.parent) path.unshift(each.key)
  return path.slice(1)
}

function isKeepable(text: string): boolean {
  const value = Number(text)
  // A mark stands for no zero: what is read as zero is too small.
  return Number.isFinite(value) && value !== 0 && canonical(text).split('e')[0]!.length <= MAX_DIGITS
}

function refusal(text: string, loc: (string | number)[]): ZeroError {
  const shown = text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text
  const msg = `The number ${shown} cannot be kept: it has more than ${MAX_DIGITS} digits, or lies outside of 1e-323 to 1.79e308; send it as text`
  return new ZeroError('validation_failed', msg, { fields: [{ type: 'value_error', loc, msg, input: shown }] })
}
