import type { Row } from './suite.ts'

/** Formats a table with columns as wide as their longest cell. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)))
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function printRows(rows: readonly Row[]): void {
  const ms = (value: number) => String(Math.round(value))
  const head = ['group', 'program', 'runtime', 'times', 'outcome', '', 'ms', 'neighbour ms', 'loop ms']
  console.log(
    table(
      head,
      rows.map((row) => [
        row.group,
        row.name,
        row.runtime,
        String(row.times),
        row.outcome,
        row.breaches.length > 0 ? 'GOT THROUGH' : row.notTried ? 'not run' : 'blocked',
        ms(row.ms),
        ms(row.neighbourMs),
        ms(row.loopMs),
      ]),
    ),
  )
  for (const { name, runtime, breaches } of rows)
    for (const breach of breaches) console.log(`\n${name} (${runtime}): ${breach}`)
  const through = rows.filter(({ breaches }) => breaches.length > 0).length
  const untried = rows.filter(({ notTried }) => notTried !== null)
  const why = untried.length > 0 ? `, ${untried.length} not run: ${untried[0]!.notTried}` : ''
  console.log(`\n${rows.length - through - untried.length} blocked, ${through} got through${why}`)
}
