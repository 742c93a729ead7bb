import { Parser } from 'htmlparser2'
import { htmlText, isHiddenStyle } from './html.ts'
import { Unreadable } from './unreadable.ts'

const MAX_DEPTH = 1000

/** Attributes whose values are text for people (OPML, SVG, office formats and others). */
const READ_ATTRIBUTES = new Set([
  ...['alt', 'aria-label', 'caption', 'desc', 'description', 'label', 'name', 'summary', 'text', 'title'],
])

/** Formats whose texts are HTML fragments. */
const FEEDS = new Set(['rss', 'feed', 'RDF', 'kml'])
const MARKUP = /<\/?[a-z][^<>]*>|&(#|\w{1,20};)/i

const MAX_RUN_CHARACTERS = 1024 * 1024

/** Elements of SVG that are not drawn. In other formats elements of these names can be data. */
const NOT_DRAWN = new Set(['style', 'script', 'metadata'])

interface Element {
  name: string
  hasText: boolean
}

/**
 * Yields the text of an XML document without tags, comments and processing instructions. Each element outside of running
 * text starts a new line. Markup in the texts of feeds and invisible parts of drawings are left out. Entities that the
 * document defines are not resolved. Throws `Unreadable` for more than 1,000 levels.
 */
export function* xmlText(pieces: Iterable<string>): Generator<string> {
  const open: Element[] = []
  let out = ''
  let last = '\n'
  /** Text since the last tag, which can arrive in several pieces. */
  let run = ''
  /** Whether the next text starts a line. */
  let isBroken = false
  let lastTag: 'open' | 'close' | undefined
  let isFeed = false
  let drawings = 0
  /** Depth of the outermost excluded element; 0 outside of excluded elements. */
  let skippedFrom = 0

  function add(text: string): void {
    out += text
    last = text.at(-1) ?? last
  }
  function flush(): void {
    const element = open.at(-1)
    const raw = run
    run = ''
    if (!element || skippedFrom > 0 || raw === '') return
    if (raw.trim() === '') {
      // White space within a line separates words of running text; other white space only indents tags.
      if (!element.hasText || raw.includes('\n')) return
      if (!/\s/.test(last)) add(' ')
      lastTag = undefined
      return
    }
    const isMarkup = isFeed && MARKUP.test(raw)
    const text = isMarkup ? [...htmlText([raw])].join('').trim() : raw.replace(/\s+/g, ' ')
    // Text directly after a closed element continues its line: `<b>Big</b> news`.
    if (isBroken && last !== '\n' && !(lastTag === 'close' && !/^\s*\n/.test(raw))) add('\n')
    isBroken = false
    lastTag = undefined
    element.hasText = true
    add(/\s/.test(last) ? text.trimStart() : text)
  }
  function openElement(prefixed: string, attributes: Record<string, string>): void {
    flush()
    if (open.length >= MAX_DEPTH) throw new Unreadable(`nests its elements more than ${MAX_DEPTH} deep`)
    const name = localName(prefixed)
    if (open.length === 0) isFeed = FEEDS.has(name)
    // In running text, tags only format words.
    const isInText = open.at(-1)?.hasText === true
    if (!isInText || lastTag === 'close') isBroken = true
    lastTag = 'open'
    open.push({ name, hasText: isInText })
    if (name === 'svg') drawings++
    if (skippedFrom > 0) return
    if (drawings > 0 && (NOT_DRAWN.has(name) || attributes['display'] === 'none' || isHiddenStyle(attributes['style'])))
      skippedFrom = open.length
    else if (!isInText)
      for (const [attribute, value] of Object.entries(attributes)) {
        if (!READ_ATTRIBUTES.has(localName(attribute)) || value.trim() === '') continue
        if (last !== '\n') add('\n')
        add(`${value.replace(/\s+/g, ' ').trim()}\n`)
      }
  }
  function closeElement(): void {
    flush()
    const element = open.pop()
    if (!element) return
    if (element.name === 'svg') drawings--
    if (skippedFrom > open.length) skippedFrom = 0
    if (!open.at(-1)?.hasText) isBroken = true
    lastTag = 'close'
  }

  const parser = new Parser(
    {
      onopentag: openElement,
      ontext(text) {
        run += text
        if (run.length > MAX_RUN_CHARACTERS) flush()
      },
      onclosetag: closeElement,
    },
    { xmlMode: true },
  )
  for (const piece of pieces) {
    parser.write(piece)
    yield out
    out = ''
  }
  parser.end()
  flush()
  yield out
}

/** Returns the charset of an XML declaration. */
export function xmlCharset(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1')
  return /^\s*<\?xml[^>]{0,100}\sencoding\s*=\s*["']([\w-]{1,40})["']/i.exec(head)?.[1]
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}
