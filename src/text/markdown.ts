/** Longer lines are no prose, and go through as they are: the patterns below would take too long on them. */
const MAX_LINE_CHARACTERS = 10_000

/** What does not end within this is not front matter. */
const MAX_FRONT_MATTER_LINES = 1000
const MAX_FRONT_MATTER_LINE = 2000

/** The words of a Markdown text without its markup and front matter, whose title stands first; code is kept as it stands. */
export function* markdownText(lines: Iterable<string>): Generator<string> {
  let fence: string | undefined
  let isComment = false
  for (const line of withoutFrontMatter(lines)) {
    if (isComment) {
      const end = line.indexOf('-->')
      if (end < 0) continue
      isComment = false
      yield* plainLine(line.slice(end + 3))
      continue
    }
    if (!fence && /^ {0,3}<!--/.test(line) && !line.includes('-->')) {
      isComment = true
      continue
    }
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined
      else yield `${line}\n`
    } else if (mark && !line.includes('`', line.indexOf(mark) + mark.length)) fence = mark
    else if (line.length > MAX_LINE_CHARACTERS) yield `${line}\n`
    else yield* plainLine(line)
  }
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

function* plainLine(line: string): Generator<string> {
  const bare = line.replace(/^( {0,3}> ?)+/, '')
  if (/^ {0,3}(=+|([-*_] ?){3,})\s*$/.test(bare) || /^\s*\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?)?\s*$/.test(bare)) return
  const definition = /^ {0,3}\[[^\]]+\]:\s*\S+(?:\s+["'(](.*)["')])?\s*$/.exec(bare)
  if (definition) {
    if (definition[1]) yield `${definition[1]}\n`
    return
  }
  const block = bare
    .replace(/^ {0,3}#{1,6}(?:\s+|$)/, '')
    .replace(/\s+#+\s*$/, '')
    .replace(/^(\s*)[*+-]\s+(\[[ xX]\]\s+)?/, '$1- ')
  yield `${inline(isRow(block) ? cells(block) : block)}\n`
}

function isRow(line: string): boolean {
  return /^\s*\|.*\|\s*$/.test(line)
}

function cells(row: string): string {
  return row
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim())
    .join(', ')
}

/** Code spans are taken out first: what looks like markup in them is none. */
function inline(line: string): string {
  return line
    .split(/(``.+?``(?!`)|`[^`]+`)/)
    .map((part, i) => (i % 2 === 1 ? part.replace(/^`+ ?| ?`+$/g, '') : withoutMarks(part)))
    .join('')
}

function withoutMarks(text: string): string {
  return (
    text
      .replace(/!\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/\[\^[^\]]+\]/g, '')
      .replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')
      .replace(/\[([^\]]+)\]\[[^\]]*\]/g, '$1')
      .replace(/<((?:https?:\/\/|mailto:)[^<>\s]+)>/g, '$1')
      .replace(/<!--.*?-->/g, '')
      .replace(/<\/?[a-zA-Z][^<>]*>/g, ' ')
      .replace(/~~(?=\S)([^~]+)~~/g, '$1')
      .replace(/(?<!\\)\*{1,3}(?=\S)([^*]*[^*\s\\])\*{1,3}/g, '$1')
      // Inside of a word an underscore is a letter: snake_case_name.
      .replace(/(?<![\p{L}\p{N}\\])_{1,3}(?=\S)([^_]*[^_\s\\])_{1,3}(?![\p{L}\p{N}])/gu, '$1')
      .replace(/\\([!-/:-@[-`{-~])/g, '$1')
      .replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (_, name: string) => ENTITIES[name]!)
  )
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ', '#39': "'" }
