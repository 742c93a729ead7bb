import pc from 'picocolors'
import { stringifyJson } from '../../exact-json.ts'

/** Standard output is what was asked for; all else goes to standard error. */
export function print(text: string): void {
  process.stdout.write(text === '' ? '' : `${text}\n`)
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Rows under their headings, as wide as their widest; on a terminal the last column ends with its line. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], nothing: string): string {
  if (rows.length === 0) return nothing
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]!.length)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  ')
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  const cut = (text: string) => (text.length > columns ? `${text.slice(0, columns - 1)}…` : text)
  return [pc.dim(cut(line(headings))), ...rows.map((row) => cut(line(row)))].join('\n')
}

/** One thing, a field a line. What is null or absent is left out. */
export function fields(pairs: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined)
  const width = Math.max(...shown.map(([name]) => name.length))
  const text = (value: unknown) => (typeof value === 'object' ? stringifyJson(value) : String(value))
  return shown.map(([name, value]) => `${pc.dim(name.padEnd(width))}  ${text(value)}`).join('\n')
}

/** To the second, as the API writes it. */
export function time(timestamp: string): string {
  return timestamp.replace(/\.\d+Z$/, 'Z')
}

/** What the log has of a text, in one line. */
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
