import pc from 'picocolors'
import { stringifyJson } from '../../exact-json.ts'

/** Writes a result to standard output. */
export function print(text: string): void {
  process.stdout.write(text === '' ? '' : `${text}\n`)
}

/** Writes a notice to standard error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Formats rows under headings. On a terminal, lines are cut to its width. Returns `empty` if there are no rows. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]!.length)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  ')
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  const cut = (text: string) => (text.length > columns ? `${text.slice(0, columns - 1)}…` : text)
  return [pc.dim(cut(line(headings))), ...rows.map((row) => cut(line(row)))].join('\n')
}

/** Formats one resource, one field per line. Leaves out null and undefined values. */
export function fields(pairs: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined)
  const width = Math.max(...shown.map(([name]) => name.length))
  const text = (value: unknown) => (typeof value === 'object' ? stringifyJson(value) : String(value))
  return shown.map(([name, value]) => `${pc.dim(name.padEnd(width))}  ${text(value)}`).join('\n')
}

/** Removes the fractions of a second from a timestamp of the API. */
export function time(timestamp: string): string {
  return timestamp.replace(/\.\d+Z$/, 'Z')
}

/** Joins the lines of a text with single spaces. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

const COLOURS: Record<string, (text: string) => string> = {
  succeeded: pc.green,
  dead: pc.red,
  running: pc.cyan,
  queued: pc.yellow,
}

export function status(word: string): string {
  return (COLOURS[word] ?? String)(word)
}
