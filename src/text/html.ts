import { Parser } from 'htmlparser2'
import { Unreadable } from './unreadable.ts'

const DEEPEST = 5000

const SKIPPED = new Set(['script', 'style', 'noscript', 'template', 'nav', 'svg', 'iframe', 'canvas', 'object'])

const PARAGRAPHS = new Set([
  ...['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'title', 'blockquote', 'pre', 'ul', 'ol', 'dl', 'table', 'figure', 'hr'],
  ...['article', 'section', 'header', 'footer', 'main', 'aside', 'form', 'fieldset', 'details', 'body'],
])
const LINES = new Set(['div', 'li', 'dt', 'dd', 'tr', 'br', 'option', 'caption', 'figcaption', 'summary', 'address'])
const CELLS = new Set(['td', 'th'])

/** What a reader of the page sees as text, its title first; navigation, scripts and styles are left out. Throws `Unreadable` when elements stand more than 5,000 deep in one another. */
export function* htmlText(pieces: Iterable<string>): Generator<string> {
  let out = ''
  let last = '\n'
  let depth = 0
  let skipped = 0
  let preformatted = 0

  function add(text: string): void {
    if (skipped > 0 || text === '') return
    out += text
    last = text.at(-1)!
  }
  function breakAt(name: string): void {
    if (PARAGRAPHS.has(name)) add('\n\n')
    else if (LINES.has(name) && last !== '\n') add('\n')
    else if (CELLS.has(name) && last !== '\t' && last !== '\n') add('\t')
  }
  const parser = new Parser({
    onopentagname(name) {
      // The parser moves its whole stack at every tag: without a limit a million tags would take minutes.
      if (++depth > DEEPEST) throw new Unreadable(`nests its elements more than ${DEEPEST} deep`)
      if (SKIPPED.has(name)) skipped++
      breakAt(name)
      if (name === 'pre') preformatted++
      if (name === 'li') add('- ')
    },
    ontext(text) {
      if (preformatted > 0) return add(text)
      const spaced = text.replace(/\s+/g, ' ')
      add(/\s/.test(last) ? spaced.trimStart() : spaced)
    },
    onclosetag(name) {
      depth--
      if (SKIPPED.has(name)) skipped--
      if (name === 'pre') preformatted--
      if (name !== 'br') breakAt(name)
    },
  })
  for (const piece of pieces) {
    parser.write(piece)
    yield out
    out = ''
  }
  parser.end()
  yield out
}

/** The charset that a page names in its first 1,024 bytes. */
export function declaredCharset(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1')
  return /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})/i.exec(head)?.[1]
}
