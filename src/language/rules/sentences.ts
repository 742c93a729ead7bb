import type { Span } from '../index.ts'

/** Maximum length of a block. Longer ones are cut at a space, so that one line of a megabyte is as fast as many short ones. */
const MAX_BLOCK_CHARACTERS = 4_000

/** Lines of at least this length without an end mark count as wrapped prose. */
const WRAPPED_LINE = 50

/**
 * Splits `text` at the boundaries that no sentence crosses: between paragraphs, list items, headings and lines of a chat.
 * A line break in wrapped prose is not a boundary. Spans are in order, do not overlap and have no outer white space.
 */
export function splitBlocks(text: string): Span[] {
  const blocks: [number, number][] = []
  let open: [number, number] | undefined
  for (const line of text.matchAll(/[^\r\n]+/g)) {
    const start = line.index + line[0].length - line[0].trimStart().length
    const end = line.index + line[0].trimEnd().length
    if (end <= start) continue
    if (open && continues(text, open, start)) open[1] = end
    else {
      open = [start, end]
      blocks.push(open)
    }
  }
  return blocks.flatMap(([start, end]) => cut(text, start, end))
}

function continues(text: string, [start, end]: Span, next: number): boolean {
  if (/\n\s*\n|\r\s*\r/.test(text.slice(end, next).replaceAll('\r\n', '\n'))) return false
  if (/^([-*•#>|]|\d+[.)]\s)/.test(text.slice(next, next + 6)) || /[.!?:;]/.test(text[end - 1]!)) return false
  const lineStart = Math.max(start, text.lastIndexOf('\n', end - 1) + 1)
  // A row of a table, whose cells are separated by tabs, is not wrapped prose.
  const [line, nextLine] = [text.slice(lineStart, end), lineAt(text, next)]
  if (line.trim().includes('\t') || nextLine.trim().includes('\t')) return false
  return /\p{Ll}/u.test(text[next]!) || end - lineStart >= WRAPPED_LINE
}

function cut(text: string, start: number, end: number): Span[] {
  const pieces: Span[] = []
  while (end - start > MAX_BLOCK_CHARACTERS) {
    const limit = start + MAX_BLOCK_CHARACTERS
    const sentence = text.lastIndexOf('. ', limit)
    const space = text.lastIndexOf(' ', limit)
    const at = sentence > start ? sentence + 1 : space > start ? space : withoutHalf(text, limit)
    pieces.push([start, at])
    start = at
  }
  pieces.push([start, end])
  return pieces
}

/** Returns `at`, or one less if a cut there would split a surrogate pair. */
export function withoutHalf(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start)
  return text.slice(start, end < 0 ? text.length : end)
}
