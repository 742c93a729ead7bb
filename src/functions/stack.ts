import { SourceMap } from 'node:module'

/** Maps the locations in a stack from the bundle to the uploaded files. */
export function mapStack(stack: string, sourceMap: string | null): string {
  if (sourceMap === null) return stack
  const map = new SourceMap(JSON.parse(sourceMap))
  return stack.replace(/\bindex\.mjs:(\d+):(\d+)/g, (place, line, column) => {
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1)
    if (!('originalSource' in entry)) return place
    return `${entry.originalSource.replace(/^uploaded:/, '')}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  })
}
