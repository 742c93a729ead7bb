const SMALL_BYTES = 256 * 1024
const MAX_QUOTED_CHARACTERS = 100_000

/** Matches the line in which Excel names the separator of the file. */
const SEPARATOR_LINE = /^"?sep=(.)"?\s*$/i

/**
 * Yields each row of a table as a line, without quotes and separators (comma, semicolon, tab, bar, or the one of a first line `sep=;`).
 * Empty values keep their position. In files of at most 256 KB with a header, each value follows the name of its column. A search result is
 * then understandable by itself.
 */
export function* csvText(lines: Iterable<string>, bytes: number): Generator<string> {
  let header: string[] | undefined
  let isFirst = true
  for (const values of rows(lines)) {
    if (isFirst && bytes <= SMALL_BYTES && isHeader(values)) {
      header = values
      yield `${values.join(', ')}\n`
    } else yield `${header ? named(values, header) : values.join(', ')}\n`
    isFirst = false
  }
}

/** Yields the values of each row; a quoted value can span several lines. */
function* rows(lines: Iterable<string>): Generator<string[]> {
  let separator: string | undefined
  let row: string[] = []
  let value = ''
  let isQuoted = false
  let isFirst = true
  for (const line of lines) {
    const said = isFirst ? SEPARATOR_LINE.exec(line)?.[1] : undefined
    isFirst = false
    if (said) separator = said
    // An empty row of a table with one column carries no information.
    if (said || (!isQuoted && line.trim() === '')) continue
    separator ??= likeliestSeparator(line)
    for (let i = 0; i < line.length; i++) {
      const letter = line[i]!
      if (isQuoted && letter === '"' && line[i + 1] === '"') value += line[i++]
      else if (letter === '"' && (isQuoted || value.trim() === '')) isQuoted = !isQuoted
      else if (letter === separator && !isQuoted) {
        row.push(value.trim())
        value = ''
      } else value += letter
    }
    // An unclosed quote must not turn the rest of the file into one row.
    if (isQuoted && value.length < MAX_QUOTED_CHARACTERS) value += ' '
    else {
      yield [...row, value.trim()]
      row = []
      value = ''
      isQuoted = false
    }
  }
  if (isQuoted) yield [...row, value.trim()]
}

/** Returns the separator, or undefined for a line without one, such as a title above the table. */
function likeliestSeparator(line: string): string | undefined {
  const bare = line.replace(/"(?:[^"]|"")*"/g, '')
  const counts = [',', ';', '\t', '|'].map((separator) => [separator, bare.split(separator).length] as const)
  const [separator, count] = counts.reduce((best, next) => (next[1] > best[1] ? next : best))
  return count > 1 ? separator : undefined
}

/** Tells whether a row is a header: names are short, distinct and not numbers. The first column, often row numbers, may have no name. */
function isHeader(values: readonly string[]): boolean {
  const isName = (value: string, i: number) =>
    (value !== '' || (i === 0 && values.length > 2)) &&
    value.length <= 60 &&
    !/^[\d.,:/%€$+-][\d\s.,:/%€$+-]*$/.test(value)
  return values.length > 1 && values.every(isName) && new Set(values).size === values.length
}

function named(values: readonly string[], header: readonly string[]): string {
  return values.map((value, i) => (header[i] ? `${header[i]}: ${value}`.trimEnd() : value)).join(', ')
}
