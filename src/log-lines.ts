import pc from 'picocolors'

const LEVELS: Readonly<Record<number, string>> = {
  20: pc.dim('debug'),
  30: pc.green('info '),
  40: pc.yellow('warn '),
  50: pc.red('error'),
}

/** One entry of the log, given as its line of JSON, as a line for a person: time, level, message, and the fields behind it. */
export function readableLine(entry: string): string {
  const { level, time, msg, error, ...fields } = JSON.parse(entry) as Record<string, unknown>
  const at = new Date(time as number).toISOString().slice(11, 19)
  const { message, stack: _, ...more } = (error ?? {}) as Record<string, unknown>
  const pairs = Object.entries({ ...fields, ...(message === undefined ? {} : { error: message }), ...more }).map(
    ([name, value]) => pc.dim(`${name}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`),
  )
  return [pc.dim(at), LEVELS[level as number] ?? String(level), msg ?? '', ...pairs].join(' ').trimEnd()
}

/** Text with blanks in it is quoted; line breaks never get through. */
function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}
