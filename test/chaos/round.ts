import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { sql } from '../../src/db/sql.ts'
import { openDatabase } from '../../src/main.ts'
import { ask, KEY, mustBe } from './client.ts'
import { createInstance, type Instance } from './instance.ts'
import { startLoad } from './load.ts'
import { judge } from './oracle.ts'
import { type Random, randomOf } from './random.ts'
import { startChaosReceiver } from './receiver.ts'
import type { Report } from './report.ts'
import { LATER, ORDERED, preparation } from './writes.ts'

/** The system that faults are injected into, and the notes about them. */
export interface Environment {
  instances: Instance[]
  random: Random
  /** Records a problem. */
  complain(problem: string): void
  /** Records a fault. */
  note(fault: string): void
  /** Records that a repair starts now. */
  healing(): void
  /** Records how long a process took to become ready. */
  ready(ms: number): void
}

export interface RoundOptions {
  seed: number
  /** Kinds of the processes; the first is a server. */
  kinds: readonly Instance['kind'][]
  /** URL of PostgreSQL; null for the embedded database. */
  databaseUrl: string | null
  writers: number
  keys: number
  /** Causes faults under load. Everything is repaired when it resolves. */
  faults(environment: Environment): Promise<void>
}

const RECOVERY_SECONDS = 60

/** Starts the built program, causes faults under load, waits until all runs have ended, and checks every write. */
export async function playRound(options: RoundOptions): Promise<Report> {
  const { seed, kinds, databaseUrl } = options
  const problems: string[] = []
  const complain = (problem: string) => void problems.push(problem)
  const dataDir = await mkdtemp(join(tmpdir(), 'zerodb-chaos-'))
  const env = {
    ZERODB_DATA_DIR: dataDir,
    ZERODB_PORT: '0',
    ZERODB_BOOTSTRAP_KEY: KEY,
    ZERODB_LOG_LEVEL: 'error',
    ZERODB_ALLOW_NETWORKS: '127.0.0.0/8',
    DATABASE_URL: databaseUrl ?? '',
  }
  const instances = kinds.map((kind, i) => createInstance(`${kind} ${i + 1}`, kind, env, complain))
  const receiver = await startChaosReceiver(randomOf(seed + 1))
  try {
    for (const instance of instances) await instance.start()
    const [first] = instances
    for (const { path, body } of preparation(receiver.url)) await mustBe(201, ask(first!.url!, 'POST', path, body))

    await mustBe(200, ask(first!.url!, 'POST', LATER.path, LATER.bodyOf(LATER.topics)))

    const load = startLoad({
      targets: () => instances.flatMap(({ url }) => url ?? []),
      random: randomOf(seed + 2),
      writers: options.writers,
      keys: options.keys,
      complain,
    })
    const faults: string[] = []
    let healed = performance.now()
    let readyMs = 0
    await options.faults({
      instances,
      random: randomOf(seed),
      complain,
      note: (fault) => void faults.push(fault),
      healing() {
        healed = performance.now()
      },
      ready(ms) {
        readyMs = Math.max(readyMs, ms)
      },
    })
    await load.stop()
    if (!(await allPublished(instances))) complain(`some due events were not published after ${RECOVERY_SECONDS} s`)
    if (!(await allFinal(instances))) complain(`some runs were not final after ${RECOVERY_SECONDS} s`)
    const recoveredMs = Math.round(performance.now() - healed)
    for (const instance of instances) {
      const code = await instance.end('SIGTERM')
      if (code !== 0) complain(`${instance.name} ended with code ${code} after SIGTERM`)
    }

    const { acknowledged, changes, unavailable } = load
    const database = await openDatabase(readConfig(env))
    try {
      const later = await database.query<{ topic: string }>(sql`
        select topic from zerodb_published_events where topic like 'later-%' order by topic`)
      const wrong = JSON.stringify(later.map(({ topic }) => topic)) !== JSON.stringify([...LATER.topics].sort())
      if (wrong) complain(`${later.length} events of ${LATER.topics.length} due times, or some twice`)
      const judgement = await judge(database, acknowledged, changes, receiver.accepted(), complain)
      const dead = await database.query<{ name: string }>(sql`
        select e.data ->> 'topic' as name
        from zerodb_runs r join zerodb_events e on e.seq = r.event_seq
        where r.status = 'dead' and e.event = ${ORDERED.event}`)
      const disorder = receiver.disorder(acknowledged, new Set(dead.map(({ name }) => name)))
      if (disorder.length > 0) complain(`${disorder.length} webhooks out of order, e.g. ${disorder[0]}`)
      const answered = [...acknowledged.values()].reduce((sum, names) => sum + names.length, 0)
      return {
        backend: database.kind,
        seed,
        faults,
        acknowledged: answered,
        unanswered: judgement.rows - LATER.topics.length - answered,
        unavailable: unavailable.count,
        slowest503Ms: unavailable.slowestMs,
        ...judgement,
        duplicates: receiver.duplicates(),
        readyMs,
        recoveredMs,
        problems,
      }
    } finally {
      await database.close()
    }
  } finally {
    for (const instance of instances) await instance.end('SIGKILL')
    await receiver.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** Waits until the times of all events that are published later have passed, and they are published. Returns false if that takes too long. */
async function allPublished(instances: readonly Instance[]): Promise<boolean> {
  const until = performance.now() + RECOVERY_SECONDS * 1000
  while (performance.now() < until) {
    const { body } = await ask(instances[0]!.url!, 'GET', '/api/v1/schedules?once=true')
    if (Array.isArray(body) && body.length === 0) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

/** Waits until all events are dispatched and all runs have ended. Returns false if that takes too long. */
async function allFinal(instances: readonly Instance[]): Promise<boolean> {
  const url = instances[0]!.url!
  const until = performance.now() + RECOVERY_SECONDS * 1000
  while (performance.now() < until) {
    const answers = await Promise.all(
      ['/readyz', '/api/v1/runs?status=queued&limit=1', '/api/v1/runs?status=running&limit=1'].map((path) =>
        ask(url, 'GET', path),
      ),
    )
    const [ready, ...unfinished] = answers.map(({ body }) => body)
    if (ready.lag_seconds === 0 && unfinished.every(({ items }) => items?.length === 0)) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}
