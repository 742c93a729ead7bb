const SMALL_BYTES = 256 * 1024
const LONGEST_QUOTED = 100_000

/**
 * Each row of a table as a line, quotes and separators (comma, semicolon, tab or bar) resolved. In files of at most
 * 256 KB that begin with a header every value stands behind the name of its column, so that a row found by a search
 * explains itself.
 */
export function* csvText(lines: Iterable<string>, bytes: number): Generator<string> {
  let header: string[] | undefined
  let isFirst = true
  for (const values of rows(lines)) {
    if (isFirst && bytes <= SMALL_BYTES && isHeader(values)) {
      header = values
      yield `${values.join(', ')}\n`
    } else yield `${header ? named(values, header) : values.filter(Boolean).join(', ')}\n`
    isFirst = false
  }
}

/** The values of each row; a quoted value may go over several lines. */
function* rows(lines: Iterable<string>): Generator<string[]> {
  let separator: string | undefined
  let row: string[] = []
  let value = ''
  let isQuoted = false
  for (const line of lines) {
    if (!isQuoted && line.trim() === '') continue
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
    if (isQuoted && value.length < LONGEST_QUOTED) value += ' '
    else {
      yield [...row, value.trim()]
      row = []
      value = ''
      isQuoted = false
    }
  }
  if (isQuoted) yield [...row, value.trim()]
}

function likeliestSeparator(line: string): string {
  const counts = [',', ';', '\t', '|'].map((separator) => [separator, line.split(separator).length] as const)
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

/** Names of columns are short, different and no numbers. */
function isHeader(values: readonly string[]): boolean {
  const isName = (value: string) => value !== '' && value.length <= 60 && !/^[\d\s.,:/%€$+-]+$/.test(value)
  return values.length > 1 && values.every(isName) && new Set(values).size === values.length
}

function named(values: readonly string[], header: readonly string[]): string {
  return values
    .map((value, i) => (value && header[i] ? `${header[i]}: ${value}` : value))
    .filter(Boolean)
    .join(', ')
}
