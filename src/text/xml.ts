import { Parser } from 'htmlparser2'
import { htmlText, isHiddenStyle } from './html.ts'
import { Unreadable } from './unreadable.ts'

const MAX_DEPTH = 1000

/** Attributes whose values are words for people in the formats that have them (OPML, SVG, office formats and others). */
const READ_ATTRIBUTES = new Set([
  ...['alt', 'aria-label', 'caption', 'desc', 'description', 'label', 'name', 'summary', 'text', 'title'],
])

/** Formats whose texts are pieces of HTML. */
const FEEDS = new Set(['rss', 'feed', 'RDF', 'kml'])
const MARKUP = /<\/?[a-z][^<>]*>|&(#|\w{1,20};)/i

const MAX_RUN_CHARACTERS = 1024 * 1024

/** Not drawn. Elsewhere elements of these names may be data. */
const NOT_DRAWN = new Set(['style', 'script', 'metadata'])

interface Element {
  name: string
  hasText: boolean
}

/**
 * The text of an XML document without its tags, comments and processing instructions. An element starts a new line, but
 * for those within running text. Of a feed also the markup is left out that its texts hold, and of a drawing what is not
 * drawn. Entities that the document defines are never looked up. Throws `Unreadable` for more than 1,000 levels.
 */
export function* xmlText(pieces: Iterable<string>): Generator<string> {
  const open: Element[] = []
  let out = ''
  let last = '\n'
  /** Text since the last tag, which may come in several pieces. */
  let run = ''
  /** The next text begins a line. */
  let isBroken = false
  let lastTag: 'open' | 'close' | undefined
  let isFeed = false
  let drawings = 0
  /** Levels of the outermost element that is left out, 0 when there is none. */
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
      // White space within a line parts two words of running text; else it only indents the tags.
      if (!element.hasText || raw.includes('\n')) return
      if (!/\s/.test(last)) add(' ')
      lastTag = undefined
      return
    }
    const isMarkup = isFeed && MARKUP.test(raw)
    const text = isMarkup ? [...htmlText([raw])].join('').trim() : raw.replace(/\s+/g, ' ')
    // Text right behind a closed element goes on with that: `<b>Big</b> news`.
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
    // In running text a tag only says how the words look.
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

/** The charset that an XML declaration names. */
export function xmlCharset(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1')
  return /^\s*<\?xml[^>]{0,100}\sencoding\s*=\s*["']([\w-]{1,40})["']/i.exec(head)?.[1]
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}
