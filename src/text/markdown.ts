/** Longer lines are no prose, and go through as they are: the patterns below would take too long on them. */
const LONGEST_LINE = 10_000

/** The words of a Markdown text without its markup; code is kept as it stands. */
export function* markdownText(lines: Iterable<string>): Generator<string> {
  let fence: string | undefined
  for (const line of lines) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined
      else yield `${line}\n`
    } else if (mark && !line.includes('`', line.indexOf(mark) + mark.length)) fence = mark
    else if (line.length > LONGEST_LINE) yield `${line}\n`
    else yield* plainLine(line)
  }
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
