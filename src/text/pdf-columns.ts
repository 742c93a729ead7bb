/** The used fields of a text item of pdf.js. */
export interface PdfItem {
  str: string
  /** Transformation `[a, b, c, d, x, y]`; b and c are 0 without rotation. */
  transform: number[]
  width: number
  /** Height of the font; 0 for the gap between two items. */
  height: number
  /** Whether the item is the last one of a drawn line. */
  hasEOL: boolean
}

const MAX_ITEMS = 50_000
const MAX_GUTTERS = 8
/** Minimum width of a gutter in font heights. Words of a justified line are closer, and a gutter must be free in all lines. */
const MIN_GUTTER = 0.9
/** Maximum gap between two lines of a column in font heights; a larger gap starts another part of the page. */
const MAX_LINE_DISTANCE = 4
const MIN_ROWS = 3

interface Line {
  /** The drawn text, without a line break. */
  text: string
  /** Pieces between gaps of at least `MIN_GUTTER`; empty for rotated or right-to-left text. */
  segments: { x: number; end: number; text: string }[]
  y: number
  height: number
}

interface Gutter {
  from: number
  to: number
}

/**
 * Returns the text of a page in drawing order. Running text in columns that was drawn row by row is read column by column.
 * Table rows, whose cells are short, uneven or numbers, stay rows.
 */
export function pageText(items: readonly PdfItem[]): string {
  const drawn = () => items.map((item) => item.str + (item.hasEOL ? '\n' : '')).join('')
  if (items.length > MAX_ITEMS) return drawn()
  const lines = linesOf(items)
  const out: string[] = []
  for (let at = 0; at < lines.length; ) {
    const { end, gutters } = runFrom(lines, at)
    const columns = columnsOf(lines.slice(at, end), gutters)
    if (columns.length > 1 && columns.every((column) => column.length >= MIN_ROWS) && isRunningText(columns)) {
      out.push(...columns.flat().map(({ text }) => text))
      at = end
    } else out.push(lines[at++]!.text)
  }
  return out.length === lines.length && out.every((text, i) => text === lines[i]!.text) ? drawn() : out.join('\n')
}

function linesOf(items: readonly PdfItem[]): Line[] {
  const lines: Line[] = []
  const open: PdfItem[] = []
  for (const item of items) {
    open.push(item)
    if (item.hasEOL) lines.push(lineOf(open.splice(0)))
  }
  if (open.length > 0) lines.push(lineOf(open))
  return lines
}

function lineOf(items: readonly PdfItem[]): Line {
  const segments: Line['segments'] = []
  const printed = items.filter(({ str }) => str.trim() !== '')
  const height = Math.max(0, ...printed.map((item) => item.height))
  const text = items.map(({ str }) => str).join('')
  let space = ''
  let isOrdered = true
  for (const item of items) {
    if (item.str.trim() === '') {
      space = item.str
      continue
    }
    const [, b, c, , x] = item.transform as [number, number, number, number, number]
    const last = segments.at(-1)
    if (b !== 0 || c !== 0 || (last && x < last.end - height)) isOrdered = false
    const end = x + item.width
    if (last && x - last.end < MIN_GUTTER * height) {
      last.text += space + item.str
      last.end = end
    } else segments.push({ x, end, text: item.str })
    space = ''
  }
  return { text, segments: isOrdered ? segments : [], y: printed[0]?.transform[5] ?? 0, height }
}

/** Returns the lines from `start` that keep the gutters of the first line free. */
function runFrom(lines: readonly Line[], start: number): { end: number; gutters: Gutter[] } {
  const first = lines[start]!
  let gutters = first.segments
    .slice(1, MAX_GUTTERS + 1)
    .map(({ x }, i): Gutter => ({ from: first.segments[i]!.end, to: x }))
  let end = start + 1
  let distance = Number.POSITIVE_INFINITY
  for (let at = start + 1; at < lines.length && gutters.length > 0; at++) {
    const { segments, y, height } = lines[at]!
    const down = lines[at - 1]!.y - y
    if (segments.length === 0 || down <= 0 || down > MAX_LINE_DISTANCE * height) break
    const left = gutters
      .map((gutter) => freePart(gutter, segments))
      .filter(({ from, to }) => to - from >= MIN_GUTTER * height * 0.9)
    if (left.length === 0) break
    const isShared = columnsOf([lines[at]!], left).filter((column) => column.length > 0).length > 1
    // After the last common row one column can continue, but a title below starts another part of the page.
    if (isShared || down <= distance * 1.3) end = at + 1
    if (isShared) distance = Math.min(distance, down)
    gutters = left
  }
  return { end, gutters }
}

function freePart({ from, to }: Gutter, segments: Line['segments']): Gutter {
  const middle = (from + to) / 2
  let free = { from, to }
  for (const { x, end } of segments) {
    if (end <= from || x >= to) continue
    // The piece extends into the gutter from one side, or spans it.
    free =
      end < middle
        ? { ...free, from: Math.max(free.from, end) }
        : x > middle
          ? { ...free, to: Math.min(free.to, x) }
          : { from: 0, to: 0 }
    if (free.to === 0) return free
  }
  return free
}

interface Piece {
  text: string
  width: number
}

function columnsOf(lines: readonly Line[], gutters: readonly Gutter[]): Piece[][] {
  const columns: Piece[][] = Array.from({ length: gutters.length + 1 }, () => [])
  for (const { segments } of lines)
    for (const [i, column] of columns.entries()) {
      const from = gutters[i - 1]?.to ?? Number.NEGATIVE_INFINITY
      const to = gutters[i]?.from ?? Number.POSITIVE_INFINITY
      const own = segments.filter(({ x, end }) => x >= from - 0.01 && end <= to + 0.01)
      if (own.length > 0)
        column.push({ text: own.map(({ text }) => text.trim()).join(' '), width: own.at(-1)!.end - own[0]!.x })
    }
  return columns
}

/** Tells whether sentences continue from line to line in each column, unlike in the cells of a table. */
function isRunningText(columns: readonly Piece[][]): boolean {
  const measures = columns.map((pieces) => {
    const count = pieces.length
    const words = pieces.reduce((sum, { text }) => sum + wordsOf(text), 0) / count
    const numbers = pieces.filter(({ text }) => /^[\p{Sc}+-]?\s?\d[\d.,:%/\s-]*\p{Sc}?$/u.test(text)).length / count
    const widest = Math.max(...pieces.map(({ width }) => width))
    const filled = pieces.filter(({ width }) => width >= 0.6 * widest).length / count
    const going = pieces.slice(1).filter(({ text }, i) => goesOn(pieces[i]!.text, text)).length / (count - 1)
    return { words, numbers, filled, going }
  })
  const all = (test: (measure: (typeof measures)[number]) => boolean) => measures.every(test)
  if (!all(({ words, numbers, filled }) => words >= 3 && numbers <= 0.2 && filled >= 0.6)) return false
  return all(({ going }) => going >= 0.25) || all(({ words, filled }) => words >= 4 && filled >= 0.8)
}

/** Counts words. Scripts without spaces have about two characters per word. */
function wordsOf(text: string): number {
  const wide = text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu)?.length ?? 0
  return text.split(/\s+/).length + wide / 2
}

function goesOn(line: string, next: string): boolean {
  return !/[.!?:]$/.test(line) && /^[\p{Ll}\p{Lo}]/u.test(next)
}
