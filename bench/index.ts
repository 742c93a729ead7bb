import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { sql } from '../src/db/sql.ts'
import { SERVER } from '../test/support/database.ts'
import { backlog } from './backlog.ts'
import { exactJson } from './exact-json.ts'
import { documents, files } from './files.ts'
import { functions } from './functions.ts'
import { growth } from './growth.ts'
import { http } from './http.ts'
import { lanes } from './lanes.ts'
import { latency } from './latency.ts'
import { logins } from './logins.ts'
import { mcp } from './mcp.ts'
import { order } from './order.ts'
import { otherProcess } from './other-process.ts'
import { patterns } from './patterns.ts'
import { peer } from './peer.ts'
import { quality } from './quality.ts'
import { recall } from './recall.ts'
import { retention } from './retention.ts'
import { sandbox } from './sandbox/index.ts'
import { start } from './start.ts'
import { type Backend, log, type Measurement, NotMeasured, openBench, type Suite } from './support.ts'
import { throughput } from './throughput.ts'
import { vectors } from './vectors.ts'
import { write } from './write.ts'

// npm run bench                        all suites, on each available backend
// npm run bench -- write latency       only these suites
// npm run bench -- delivery            all suites about the delivery of events
// npm run bench -- --backend=pglite    only this backend
// npm run bench -- --json              JSON instead of the table
//
// `quality` and `recall` need evaluation data, which is not in the repository: ZERODB_EVAL_DATA is its folder (see quality.ts and locomo.ts).
// Prints for each result whether it meets targets.json. A missed target does not fail the run: a busy machine is slower.

/** Suites by name. `each` runs on every backend; `once` does not depend on the backend. */
const SUITES: Record<string, { each?: Suite; once?: () => Promise<Measurement[]> }> = {
  write: { each: write },
  latency: { each: latency },
  other: { each: otherProcess },
  throughput: { each: throughput },
  backlog: { each: backlog },
  lanes: { each: lanes },
  order: { each: order },
  peer: { each: peer },
  http: { each: http },
  vectors: { each: vectors },
  patterns: { each: patterns },
  retention: { each: retention },
  growth: { each: growth },
  start: { each: start },
  files: { each: files, once: documents },
  logins: { each: logins },
  json: { once: exactJson },
  sandbox: { once: sandbox },
  functions: { once: functions },
  mcp: { once: mcp },
  quality: { once: quality },
  recall: { once: recall },
}

/** Names for groups of suites. */
const GROUPS: Record<string, string[]> = {
  delivery: ['write', 'latency', 'other', 'throughput', 'backlog', 'lanes', 'order', 'peer', 'http'],
}

interface Limits {
  floor: number
  goal: number | null
}

interface Target {
  row: string
  what: string
  unit: string
  better: 'lower' | 'higher'
  /** False for rows that another program measures, or that are not measured yet. */
  measured: boolean
  /** Missing `floor` is a defect; `goal` is the desired value. With null, the row is measured without a target. */
  pglite?: Limits | null
  postgres?: Limits | null
  /** Limits of rows that do not depend on the backend. */
  both?: Limits | null
}

interface Result extends Measurement {
  backend: Backend | 'both'
}

const targets: Target[] = JSON.parse(readFileSync(new URL('targets.json', import.meta.url), 'utf8'))

async function main(args: readonly string[]): Promise<void> {
  const names = args.filter((arg) => !arg.startsWith('--')).flatMap((name) => GROUPS[name] ?? name)
  const unknown = [
    ...names.filter((name) => !(name in SUITES)),
    ...args.filter((arg) => arg.startsWith('--') && !/^--(json|backend=(pglite|postgres))?$/.test(arg)),
  ]
  if (unknown.length > 0) {
    console.error(
      `Unknown: ${unknown.join(', ')}. Suites: ${[...Object.keys(GROUPS), ...Object.keys(SUITES)].join(', ')}; --json, --backend=pglite|postgres`,
    )
    process.exitCode = 2
    return
  }
  const only = args.find((arg) => arg.startsWith('--backend='))?.slice('--backend='.length)
  const backends = (['pglite', 'postgres'] as const).filter((backend) => only === undefined || only === backend)
  const results: Result[] = []
  const notes: string[] = []
  const versions: Record<string, string> = {}
  const chosen = Object.entries(SUITES).filter(([name]) => names.length === 0 || names.includes(name))
  async function measure(name: string, backend: Result['backend'], work: () => Promise<Measurement[]>): Promise<void> {
    try {
      results.push(...(await work()).map((measurement) => ({ ...measurement, backend })))
    } catch (error) {
      if (error instanceof NotMeasured) {
        notes.push(`${name}: not measured, because ${error.message}`)
        return
      }
      console.error(error)
      notes.push(`${name} on ${backend}: failed, ${(error as Error).message}`)
      process.exitCode = 1
    }
  }
  for (const backend of backends) {
    const suites = chosen.flatMap(([name, { each }]) => (each ? [{ name, each }] : []))
    if (suites.length === 0) break
    if (backend === 'postgres' && !SERVER) {
      notes.push(
        'PostgreSQL: not measured, because ZERODB_TEST_DATABASE_URL is not set (it needs a server with pgvector)',
      )
      continue
    }
    versions[backend] = await versionOf(backend)
    for (const { name, each } of suites) await measure(name, backend, () => each(backend))
  }
  for (const [name, { once }] of chosen) if (once) await measure(name, 'both', once)

  const report = { date: new Date().toISOString(), machine: machine(versions), results: results.map(judged), notes }
  const path = join(tmpdir(), 'zerodb-bench', 'latest.json')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
  if (args.includes('--json')) console.log(JSON.stringify(report, null, 2))
  else print(report)
  log(`written to ${path}`)
}

async function versionOf(backend: Backend): Promise<string> {
  const bench = await openBench(backend)
  const [row] = await bench.database.query<{ vector: string }>(
    sql`select extversion as vector from pg_extension where extname = 'vector'`,
  )
  const version = `${await bench.database.version()}, pgvector ${row!.vector}`
  await bench.close()
  return version
}

function machine(versions: Record<string, string>) {
  const processors = cpus()
  return {
    cores: processors.length,
    processor: processors[0]?.model.trim() ?? 'unknown',
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    ...versions,
  }
}

function judged(result: Result) {
  const target = targets.find(({ row }) => row === result.row)
  if (!target) throw new Error(`targets.json has no row ${result.row}`)
  const { floor = null, goal = null } = target[result.backend] ?? {}
  const reaches = (limit: number) => (target.better === 'lower' ? result.value <= limit : result.value >= limit)
  const verdict =
    floor === null ? '' : !reaches(floor) ? 'MISSED' : goal === null || reaches(goal) ? 'met' : 'met, goal missed'
  return { ...result, what: target.what, unit: target.unit, better: target.better, floor, goal, verdict }
}

function print(report: { date: string; machine: object; results: ReturnType<typeof judged>[]; notes: string[] }): void {
  console.log(`\n${report.date}`)
  for (const [name, value] of Object.entries(report.machine)) console.log(`  ${name.padEnd(10)} ${value}`)
  const limit = (value: number | null) => (value === null ? '' : String(value))
  const lines = report.results.map((result) => [
    result.row,
    result.backend,
    result.what,
    result.ours,
    result.baseline ?? '',
    `${result.value.toFixed(result.value < 100 ? 2 : 0)} ${result.unit}`,
    limit(result.floor),
    limit(result.goal),
    result.verdict,
  ])
  const head = ['row', 'backend', 'what', 'ours', 'beside', 'value', 'floor', 'goal', '']
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)))
  console.log('')
  for (const line of [head, ...lines])
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
  console.log('')
  for (const target of targets) if (!target.measured) console.log(`not measured here: ${target.row} (${target.what})`)
  for (const note of report.notes) console.log(note)
}

await main(process.argv.slice(2))
