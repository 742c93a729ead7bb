import { SourceMap } from 'node:module'

/** A stack in the lines of the files that were uploaded, in place of those of the bundle. */
export function mapStack(stack: string, sourceMap: string | null): string {
  if (sourceMap === null) return stack
  const map = new SourceMap(JSON.parse(sourceMap))
  return stack.replace(/\bindex\.mjs:(\d+):(\d+)/g, (place, line, column) => {
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1)
    if (!('originalSource' in entry)) return place
    return `${entry.originalSource.replace(/^uploaded:/, '')}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  })
}
