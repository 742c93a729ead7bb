import { Parser } from 'htmlparser2'
import { TableText } from './table-text.ts'
import { Unreadable } from './unreadable.ts'

const MAX_DEPTH = 5000

const SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'nav', 'svg', 'iframe', 'canvas', 'object'])

const PARAGRAPHS = new Set([
  ...['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'title', 'blockquote', 'pre', 'ul', 'ol', 'dl', 'table', 'figure', 'hr'],
  ...['article', 'section', 'header', 'footer', 'main', 'aside', 'form', 'fieldset', 'details', 'body'],
])
const LINES = new Set(['div', 'li', 'dt', 'dd', 'br', 'option', 'caption', 'figcaption', 'summary', 'address'])
const TABLE_PARTS: ReadonlyMap<string, 'table' | 'row' | 'cell'> = new Map([
  ['table', 'table'],
  ['tr', 'row'],
  ['td', 'cell'],
  ['th', 'cell'],
])

/**
 * Yields the visible text of a page, title first, without navigation, scripts, styles and hidden elements. Throws
 * `Unreadable` if elements are nested more than 5,000 deep.
 */
export function* htmlText(pieces: Iterable<string>): Generator<string> {
  const text = new TableText()
  let depth = 0
  /** Depth of the outermost excluded element; 0 outside of excluded elements. */
  let skippedFrom = 0
  let preformatted = 0

  function breakAt(name: string): void {
    if (PARAGRAPHS.has(name)) text.add('\n\n')
    else if (LINES.has(name) && text.last !== '\n') text.add('\n')
  }
  const parser = new Parser({
    onopentag(name, attributes) {
      // The parser copies its whole stack at every tag: without a limit a million tags would take minutes.
      if (++depth > MAX_DEPTH) throw new Unreadable(`nests its elements more than ${MAX_DEPTH} deep`)
      if (skippedFrom > 0) return
      if (SKIPPED.has(name) || isHidden(name, attributes)) {
        skippedFrom = depth
        return
      }
      breakAt(name)
      const part = TABLE_PARTS.get(name)
      if (part) text.open(part)
      if (name === 'pre') preformatted++
      if (name === 'li') text.add('- ')
    },
    ontext(piece) {
      if (skippedFrom > 0) return
      if (preformatted > 0) return text.add(piece)
      const spaced = piece.replace(/\s+/g, ' ')
      text.add(/\s/.test(text.last) ? spaced.trimStart() : spaced)
    },
    onclosetag(name) {
      const isSkipped = skippedFrom > 0
      if (depth-- === skippedFrom) skippedFrom = 0
      if (isSkipped) return
      if (name === 'pre') preformatted--
      const part = TABLE_PARTS.get(name)
      if (part) text.close(part)
      if (name !== 'br') breakAt(name)
    },
  })
  for (const piece of pieces) {
    parser.write(piece)
    yield text.take()
  }
  parser.end()
  text.closeAll()
  yield text.take()
}

/** Tells whether an element is hidden. The body never counts as hidden: many pages hide it until a script shows it. */
function isHidden(name: string, { hidden, style, 'aria-hidden': ariaHidden }: Record<string, string>): boolean {
  if (name === 'html' || name === 'body') return false
  // Browsers reveal "until-found" in a page search.
  if (hidden !== undefined && hidden.toLowerCase() !== 'until-found') return true
  return ariaHidden === 'true' || isHiddenStyle(style)
}

export function isHiddenStyle(style: string | undefined): boolean {
  return style !== undefined && /(^|;)\s*(display\s*:\s*none|visibility\s*:\s*hidden)\b/i.test(style)
}

/** Returns the charset that a page declares in its first 1,024 bytes. */
export function declaredCharset(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1')
  return /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})/i.exec(head)?.[1]
}
