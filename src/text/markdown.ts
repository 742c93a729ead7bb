import { decodeHTMLStrict } from 'entities'
import { Lexer, type MarkedToken, type Token, Tokenizer, type Tokens } from 'marked'
import { htmlText } from './html.ts'

/**
 * The lexer's time grows with the square of its input. Measured for the worst repeated pattern: 0.9 s for blocks of 64,000 characters.
 * Inline markup takes 1.2 s for 10,000 characters and 45 s for 64,000.
 */
const MAX_PIECE_CHARACTERS = 64_000
const MAX_INLINE_CHARACTERS = 10_000

/** A text with more of them is not prose. The limit also bounds how deep emphasis nests, and thereby the lexer's stack. */
const MAX_INLINE_MARKS = 200

/** A line that opens 16 quotes or lists in one another, or is indented as far, is not prose. The lexer calls itself for each level. */
const DEEPLY_NESTED = /^(?:\s{64}|(?:\s*(?:>|(?:[-*+]|\d{1,9}[.)])\s)){16})/

/** A longer block between two rules is not front matter. */
const MAX_FRONT_MATTER_LINES = 1000
const MAX_FRONT_MATTER_LINE = 2000

/** The words of a Markdown text without its markup and front matter, whose title stands first; code is kept as it stands. */
export function* markdownText(lines: Iterable<string>): Generator<string> {
  let opening = ''
  for (const { text, isProse } of pieces(withoutFrontMatter(lines))) {
    if (opening === '' && !isProse) {
      yield text
      continue
    }
    const lexer = new Lexer({ gfm: true, tokenizer: new TextTokenizer() })
    const tokens = lexer.blockTokens(opening + text)
    yield blocks(lexer, tokens)
    opening = unclosed(tokens.findLast(({ type }) => type !== 'space'))
  }
}

interface Piece {
  text: string
  /** Whether the text is worth parsing; other text is kept as it stands. */
  isProse: boolean
}

/** Cuts the text behind a blank line where it can, so that the blocks of Markdown stay whole. */
function* pieces(lines: Iterable<string>): Generator<Piece> {
  let text = ''
  let isAfterBlank = false
  for (const line of lines) {
    const isProse = line.length <= MAX_INLINE_CHARACTERS && !DEEPLY_NESTED.test(line)
    const isFull = text.length > (isAfterBlank && /^\S/.test(line) ? MAX_PIECE_CHARACTERS : 2 * MAX_PIECE_CHARACTERS)
    if (text !== '' && (isFull || !isProse)) {
      yield { text, isProse: true }
      text = ''
    }
    if (isProse) text += `${line}\n`
    else yield { text: `${line}\n`, isProse }
    isAfterBlank = line.trim() === ''
  }
  if (text !== '') yield { text, isProse: true }
}

/** The line that reopens the fence or comment in which a piece ended. */
function unclosed(token: Token | undefined): string {
  if (token?.type === 'html' && /^\s*<!--/.test(token.raw) && !token.raw.includes('-->')) return '<!--\n'
  if (token?.type !== 'code' || token['codeBlockStyle'] === 'indented') return ''
  const [opening, mark] = /^ {0,3}(`{3,}|~{3,}).*\n/.exec(token.raw) ?? []
  const end = token.raw.trimEnd().split('\n').slice(1).at(-1)?.trim() ?? ''
  return opening && !(end.startsWith(mark!) && /^(`+|~+)$/.test(end)) ? opening : ''
}

const FENCES = new Map([
  ['---', { end: /^(---|\.\.\.)\s*$/, line: /^(\s|#|-\s|[}\]]|("[^"]*"|'[^']*'|[\w.$-][\w.$ -]*):(\s|$)|$)/ }],
  ['+++', { end: /^\+\+\+\s*$/, line: /^(\s|#|\[|[}\]"']|[\w.-]+\s*=|$)/ }],
])

/** Front matter is data about the text, in YAML or TOML, above it. Lines between two rules that look otherwise are text. */
function* withoutFrontMatter(lines: Iterable<string>): Generator<string> {
  const held: string[] = []
  let fences: { end: RegExp; line: RegExp } | undefined
  let isDecided = false
  for (const line of lines) {
    if (isDecided) {
      yield line
      continue
    }
    fences ??= FENCES.get(line.trimEnd())
    if (held.length > 0 && fences?.end.test(line)) {
      isDecided = true
      const title = titleOf(held)
      if (title) yield `# ${title}`
    } else {
      held.push(line)
      if (fences && (held.length === 1 || isFrontMatter(line, fences.line)) && held.length <= MAX_FRONT_MATTER_LINES)
        continue
      isDecided = true
      yield* held
    }
  }
  if (!isDecided) yield* held
}

function isFrontMatter(line: string, pattern: RegExp): boolean {
  return line.length <= MAX_FRONT_MATTER_LINE && pattern.test(line)
}

function titleOf(frontMatter: readonly string[]): string | undefined {
  for (const line of frontMatter) {
    const title = /^title\s*[:=]\s*(.+?)\s*$/i.exec(line)?.[1]
    if (title && !/^[|>][+-]?\d*$/.test(title)) return title.replace(/^(["'])(.*)\1$/, '$2')
  }
  return undefined
}

/** Footnotes are not part of the lexer's Markdown. The text behind a footnote's label is a paragraph, references to it are left out. */
class TextTokenizer extends Tokenizer {
  override def(src: string): Tokens.Def | undefined {
    return /^ {0,3}\[\^/.test(src) ? undefined : super.def(src)
  }

  override reflink(...[src, links]: Parameters<Tokenizer['reflink']>): ReturnType<Tokenizer['reflink']> {
    const footnote = /^\[\^[^\]\s]+\]/.exec(src)
    if (footnote) return { type: 'text', raw: footnote[0], text: '' }
    // What `[text][label]` points to may stand in another piece.
    return super.reflink(src, this.rules.inline.reflink.test(src) ? ANY_LINK : links)
  }
}

const ANY_LINK = new Proxy({}, { get: () => ({ href: '', title: null }) })

function blocks(lexer: Lexer, tokens: readonly Token[]): string {
  return tokens.map((token) => block(lexer, token as MarkedToken)).join('')
}

function block(lexer: Lexer, token: MarkedToken): string {
  switch (token.type) {
    case 'space':
      return '\n'
    case 'code':
      return token.text.endsWith('\n') ? token.text : `${token.text}\n`
    case 'blockquote':
      return blocks(lexer, token.tokens)
    case 'list':
      return token.items.map((item) => listItem(lexer, item)).join(token.loose ? '\n' : '')
    case 'table':
      return [token.header, ...token.rows]
        .map((row) => `${row.map((cell) => inline(lexer, cell.text)).join(', ')}\n`)
        .join('')
    case 'html':
      return `${[...htmlText([token.text])].join('').trim()}\n`
    case 'def':
      return token.title ? `${token.title}\n` : ''
    case 'heading':
    case 'paragraph':
    case 'text':
      return `${inline(lexer, token.text.replace(/^ {0,3}\[\^[^\]\s]+\]:[ \t]*/gm, ''))}\n`
    default:
      return ''
  }
}

function listItem(lexer: Lexer, item: Tokens.ListItem): string {
  const marker = /^\s*(\d+[.)])/.exec(item.raw)?.[1] ?? '-'
  const [first, ...others] = (item.tokens as MarkedToken[]).filter(({ type }) => type !== 'checkbox')
  // In a list with blank lines the checkbox is part of the first paragraph.
  const hasCheckbox = item.task && first?.type === 'paragraph'
  const start = hasCheckbox ? { ...first, text: first.text.replace(/^\[[ xX]\]\s+/, '') } : first
  const text = blocks(lexer, start ? [start, ...others] : []).trimEnd()
  return `${marker} ${text.replace(/\n(?!\n|$)/g, `\n${' '.repeat(marker.length + 1)}`)}\n`
}

function inline(lexer: Lexer, text: string): string {
  if (text.length <= MAX_INLINE_CHARACTERS && (text.match(/[*_~!]/g)?.length ?? 0) <= MAX_INLINE_MARKS)
    return words(lexer.inlineTokens(text))
  const lines = text.split('\n')
  return lines.length === 1 ? text : lines.map((line) => inline(lexer, line)).join('\n')
}

function words(tokens: readonly Token[]): string {
  return tokens.map((token) => word(token as MarkedToken)).join('')
}

function word(token: MarkedToken): string {
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
    case 'link':
    case 'image':
      return words(token.tokens)
    case 'br':
      return '\n'
    case 'html':
      return token.text.startsWith('<!--') ? '' : ' '
    case 'text':
      return decodeHTMLStrict(token.text).replaceAll('\u00a0', ' ')
    case 'codespan':
    case 'escape':
      return token.text
    default:
      return ''
  }
}
