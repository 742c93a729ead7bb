import type { Database } from '../../src/db/sql.ts'

/** Names of the acknowledged writes by event type. */
export type Acknowledged = ReadonlyMap<string, readonly string[]>

/** Result of a round. */
export interface Report {
  backend: Database['kind']
  /** Seed that reproduces the faults. */
  seed: number
  /** Descriptions of the faults. */
  faults: string[]
  /** Writes with a response. */
  acknowledged: number
  /** Stored writes without a response. */
  unanswered: number
  /** Writes with a 503, and the slowest of these responses. */
  unavailable: number
  slowest503Ms: number
  rows: number
  events: number
  runs: number
  /** Runs that at least one process was executing when it died. */
  interrupted: number
  /** Runs that ended as `dead`, because three processes died while executing them. */
  dead: number
  /** Webhooks that the receiver accepted more than once. */
  duplicates: number
  /** Time from the last start of a process or the database until it was ready, and until the last run ended. */
  readyMs: number
  recoveredMs: number
  /** Descriptions of violated guarantees; empty if there are none. */
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

/** Formats a line for each round and a summary. */
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
