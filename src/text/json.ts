import { Unreadable } from './unreadable.ts'

const MAX_DEPTH = 1000
/** Equal to the maximum length of a line. */
const MAX_STRING_CHARACTERS = 8 * 1024 * 1024
const MAX_NUMBER_CHARACTERS = 100_000

/** The text is not JSON; it can still be read as plain text. */
export class NotJson extends Error {
  override readonly name = 'NotJson'
}

/**
 * Yields a line `path: value` for each leaf of a JSON document: `user.tags[0]: x`. Strings are unescaped and put on one
 * line, numbers keep their digits. Documents of a sequence (NDJSON) are separated by blank lines. Reads lazily. Throws
 * `NotJson` for a syntax error, and `Unreadable` for more than 1,000 levels or a string of more than 8 million characters.
 */
export function* jsonText(pieces: Iterable<string>): Generator<string> {
  const input = new Input(pieces)
  let isFirst = true
  while (input.skipSpace() !== '') {
    if (!isFirst) yield '\n'
    isFirst = false
    yield* values(input)
  }
  if (isFirst) throw new NotJson('The text is empty')
}

interface Container {
  isArray: boolean
  path: string
  count: number
}

/** Iterative, so that deeply nested documents cannot overflow the stack. */
function* values(input: Input): Generator<string> {
  const open: Container[] = []
  let path = ''
  for (;;) {
    const letter = input.skipSpace()
    if (letter === '{' || letter === '[') {
      if (open.length >= MAX_DEPTH) throw new Unreadable(`nests its values more than ${MAX_DEPTH} deep`)
      input.take()
      open.push({ isArray: letter === '[', path, count: 0 })
    } else yield line(path, letter === '"' ? oneLine(input.string()) : input.scalar())

    // Advances to the next value and closes containers that end before it.
    for (;;) {
      const container = open.at(-1)
      if (!container) return
      const isFirst = container.count === 0
      const next = input.skipSpace()
      if (next === (container.isArray ? ']' : '}')) {
        input.take()
        open.pop()
        if (isFirst) yield line(container.path, container.isArray ? '[]' : '{}')
        continue
      }
      if (!isFirst) {
        if (next !== ',') throw new NotJson('A comma is missing')
        input.take()
      }
      if (container.isArray) path = `${container.path}[${container.count}]`
      else {
        if (input.skipSpace() !== '"') throw new NotJson('A name is missing')
        const key = oneLine(input.string())
        if (input.skipSpace() !== ':') throw new NotJson('A colon is missing')
        input.take()
        path = container.path === '' ? key : `${container.path}.${key}`
      }
      container.count++
      break
    }
  }
}

function line(path: string, value: string): string {
  return path === '' ? `${value}\n` : `${path}: ${value}\n`
}

function oneLine(text: string): string {
  return /[\n\r\t\f\v]/.test(text) ? text.replace(/\s+/g, ' ').trim() : text
}

const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Characters of a scalar value; the pattern below checks their order. */
const SCALAR_LETTER = /[\w+.-]/
const SCALAR = /^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/

/** Reads text that arrives in pieces as one sequence of characters. */
class Input {
  #pieces: Iterator<string>
  #piece = ''
  #at = 0

  constructor(pieces: Iterable<string>) {
    this.#pieces = pieces[Symbol.iterator]()
  }

  /** Returns the next character without consuming it; empty at the end. */
  #peek(): string {
    while (this.#at >= this.#piece.length) {
      const next = this.#pieces.next()
      if (next.done) return ''
      this.#piece = next.value
      this.#at = 0
    }
    return this.#piece[this.#at]!
  }

  take(): string {
    const letter = this.#peek()
    this.#at++
    return letter
  }

  /** Skips white space, and returns the next character without consuming it. */
  skipSpace(): string {
    for (;;) {
      const letter = this.#peek()
      if (letter !== ' ' && letter !== '\n' && letter !== '\r' && letter !== '\t') return letter
      this.#at++
    }
  }

  /** Reads a number with its original digits, `true`, `false` or `null`. */
  scalar(): string {
    let text = ''
    while (SCALAR_LETTER.test(this.#peek()) && text.length < MAX_NUMBER_CHARACTERS) text += this.take()
    if (!SCALAR.test(text)) throw new NotJson(text === '' ? 'A value is missing' : 'A string has no quotes')
    return text
  }

  string(): string {
    this.take()
    const parts: string[] = []
    let length = 0
    for (;;) {
      if (this.#peek() === '') throw new NotJson('A string has no end')
      const end = this.#endOfPlain()
      parts.push(this.#piece.slice(this.#at, end))
      length += end - this.#at + 1
      if (length > MAX_STRING_CHARACTERS)
        throw new Unreadable('has a string of more than 8 million characters, which is data and not text')
      this.#at = end
      if (end === this.#piece.length) continue
      const letter = this.take()
      if (letter === '"') return parts.join('')
      if (letter !== '\\') throw new NotJson('A string holds a control character')
      parts.push(this.#escaped())
    }
  }

  /** Returns the end of the unescaped characters of a string. */
  #endOfPlain(): number {
    let at = this.#at
    for (; at < this.#piece.length; at++) {
      const code = this.#piece.charCodeAt(at)
      if (code === 0x22 || code === 0x5c || code < 0x20) break
    }
    return at
  }

  #escaped(): string {
    const letter = this.take()
    if (letter === 'u') {
      const digits = this.take() + this.take() + this.take() + this.take()
      if (!/^[\da-f]{4}$/i.test(digits)) throw new NotJson('A string has an invalid escape sequence')
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    if (!Object.hasOwn(ESCAPES, letter)) throw new NotJson('A string has an invalid escape sequence')
    return ESCAPES[letter]!
  }
}
