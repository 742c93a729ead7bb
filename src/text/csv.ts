const SMALL_BYTES = 256 * 1024
const MAX_QUOTED_CHARACTERS = 100_000

/** Excel's own line for the separator of the file. */
const SEPARATOR_LINE = /^"?sep=(.)"?\s*$/i

/**
 * Each row of a table as a line, quotes and separators (comma, semicolon, tab or bar, or what a first line `sep=;` says)
 * resolved. Empty values keep their place. In files of at most 256 KB that begin with a header every value stands behind
 * the name of its column, so that a row found by a search explains itself.
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

/** The values of each row; a quoted value may go over several lines. */
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
    // A row of a table with one column may be empty, but says nothing.
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
    // A quote that nothing closes must not make one row of the rest of the file.
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

/** Undefined for a line without separators, such as a title above the table. */
function likeliestSeparator(line: string): string | undefined {
  const bare = line.replace(/"(?:[^"]|"")*"/g, '')
  const counts = [',', ';', '\t', '|'].map((separator) => [separator, bare.split(separator).length] as const)
  const [separator, count] = counts.reduce((best, next) => (next[1] > best[1] ? next : best))
  return count > 1 ? separator : undefined
}

/** Names of columns are short, different and not numbers. The first column, which numbers the rows, often has none. */
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
