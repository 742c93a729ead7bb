import type { Database } from '../../src/db/sql.ts'

/** The names of the writes that were answered, by event type. */
export type Acknowledged = ReadonlyMap<string, readonly string[]>

/** What a round has shown. */
export interface Report {
  backend: Database['kind']
  /** With it the same faults come at the same times. */
  seed: number
  /** What was done to it, in words. */
  faults: string[]
  /** Writes that were answered. */
  acknowledged: number
  /** Stored, but the answer did not arrive. */
  unanswered: number
  /** Answered with 503, and the slowest of these answers. */
  unavailable: number
  slowest503Ms: number
  rows: number
  events: number
  runs: number
  /** Runs that a dead process had in hand, at least once. */
  interrupted: number
  /** Ended as `dead`, because three processes died with them. */
  dead: number
  /** Webhooks that the receiver had accepted before. */
  duplicates: number
  /** From the start of the last process, or of the database, to its being ready, and to the last run's end. */
  readyMs: number
  recoveredMs: number
  /** What is promised and was not kept, in words; empty when all is well. */
  problems: string[]
}

const COLUMNS: readonly [title: string, value: (report: Report) => number | string][] = [
  ['backend', (report) => report.backend],
  ['seed', (report) => report.seed],
  ['faults', (report) => report.faults.length],
  ['acknowledged', (report) => report.acknowledged],
  ['unanswered', (report) => report.unanswered],
  ['503', (report) => report.unavailable],
  ['slowest 503', (report) => `${report.slowest503Ms} ms`],
  ['rows', (report) => report.rows],
  ['events', (report) => report.events],
  ['runs', (report) => report.runs],
  ['interrupted', (report) => report.interrupted],
  ['dead', (report) => report.dead],
  ['duplicates', (report) => report.duplicates],
  ['ready', (report) => `${report.readyMs} ms`],
  ['recovered', (report) => `${report.recoveredMs} ms`],
  ['problems', (report) => report.problems.length],
]

/** A line for each round, and one that says what it comes to. */
export function table(reports: readonly Report[]): string {
  const lines = [
    COLUMNS.map(([title]) => title),
    ...reports.map((report) => COLUMNS.map(([, value]) => String(value(report)))),
  ]
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  const padded = lines.map((line) => line.map((cell, i) => cell.padStart(widths[i]!)).join('  '))
  return [...padded, '', ...(['pglite', 'postgres'] as const).flatMap((backend) => summary(backend, reports))].join(
    '\n',
  )
}

function summary(backend: Database['kind'], all: readonly Report[]): string[] {
  const reports = all.filter((report) => report.backend === backend)
  if (reports.length === 0) return []
  const sum = (value: (report: Report) => number) => reports.reduce((total, report) => total + value(report), 0)
  const recovered = reports.map((report) => report.recoveredMs).sort((a, b) => a - b)
  return [
    `${backend}: ${reports.length} rounds, ${sum((report) => report.faults.length)} faults, ` +
      `${sum((report) => report.acknowledged)} acknowledged writes, ${sum((report) => report.runs)} runs, ` +
      `${sum((report) => report.interrupted)} interrupted, ${sum((report) => report.duplicates)} duplicates, recovered after ` +
      `${recovered[recovered.length >> 1]} ms (median), ${recovered.at(-1)} ms (longest), ${sum((report) => report.problems.length)} problems`,
  ]
}
