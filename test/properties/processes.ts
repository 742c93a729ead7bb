import type { App } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import { type Database, sql } from '../../src/db/sql.ts'
import { type Claimer, createClaimer } from '../../src/engine/claimer.ts'
import type { Scope } from '../../src/store/context.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import type { OwnedRun } from '../../src/store/queue/owned-run.ts'

// Processes that execute runs, without their timers: the test decides when each step happens.

export const HANDLERS = ['webhook']
/** Maximum concurrent runs of one process. */
export const SLOTS = 3
const LEASE_SECONDS = 5
/** Maximum concurrent runs of a hook with a limit. */
export const LIMIT = 2
const PUBLISHED = 'zerodb.event.published'

export interface Process {
  epoch: number
  /** The runs that the process believes it owns. */
  held: OwnedRun[]
  claimer: Claimer
}

/** A run as stored in the database. */
export interface RunState {
  id: string
  hook_id: string
  event_seq: number
  ordering_key: string | null
  status: string
  owner: number | null
  attempts: number
  deaths: number
  is_due: boolean
  is_finished: boolean
}

export interface Environment {
  store: Store
  processes: Process[]
  /** Processes that have ended, with the runs that they held. */
  gone: Process[]
  advance(seconds: number): void
  /** Replaces an ended process by a new one. */
  replace(place: number): Promise<void>
  dispatch(process: Process, seqs?: readonly number[]): Promise<void>
  claim(process: Process): Promise<void>
  /** Sends a heartbeat, expires dead processes, and drops runs that the process has lost. */
  beat(process: Process): Promise<void>
  look(): Promise<State>
}

/** All runs by id, undispatched events, and the epochs of live processes. */
export interface State {
  runs: Map<string, RunState>
  outbox: number[]
  /** All undispatched events. Those of dead runs have no hook in this test. */
  undispatched: number[]
  /** Runs that have emitted `zerodb.run.dead`. */
  reported: Set<string>
  living: Set<number>
}

export async function openEnvironment(database: Database, count: number): Promise<Environment> {
  let skew = 0
  const store = openStore(database, { onCommitted: () => {}, skewSeconds: () => skew })
  await store.events.ensureKey()
  const processes: Process[] = []
  const gone: Process[] = []

  async function createProcess(): Promise<Process> {
    const process: Process = {
      epoch: await store.instances.register({ host: 'test', pid: 1, handlers: HANDLERS, slots: SLOTS }, false),
      held: [],
      claimer: createClaimer({
        app: { store, config: { projectLimit: null } as Config } as App,
        epoch: () => process.epoch,
        handlers: HANDLERS,
        free: () => SLOTS - process.held.length,
        start: (run) => void process.held.push(run),
      }),
    }
    return process
  }
  for (let n = 0; n < count; n++) processes.push(await createProcess())

  return {
    store,
    processes,
    gone,
    advance(seconds) {
      skew += seconds
    },
    async replace(place) {
      gone.push(processes[place]!)
      processes[place] = await createProcess()
    },
    async dispatch(process, seqs) {
      const taker = { epoch: process.epoch, slots: SLOTS - process.held.length, handlers: HANDLERS }
      const { owned } = await (seqs ? store.dispatch.events(seqs, taker) : store.dispatch.oldest(taker))
      process.held.push(...owned)
    },
    async claim({ claimer }) {
      await claimer.look()
      await claimer.claim()
    },
    async beat(process) {
      if (!(await store.instances.beat(process.epoch)))
        process.epoch = await store.instances.register(
          { host: 'test', pid: 1, handlers: HANDLERS, slots: SLOTS },
          false,
        )
      await store.instances.expire(process.epoch, LEASE_SECONDS)
      await store.runs.recover()
      const lost = await store.runs.lost(
        process.epoch,
        process.held.map(({ id }) => id),
      )
      process.held = process.held.filter(({ id }) => !lost.includes(id))
    },
    async look() {
      const runs = await database.query<RunState>(sql`
        select
          id, hook_id, event_seq, ordering_key, status, owner, attempts, deaths, finished_at is not null as is_finished,
          run_at <= now() + make_interval(secs => ${skew}::float8) as is_due
        from zerodb_runs`)
      const outbox = await database.query<{ seq: number; event: string }>(
        sql`select seq, event from zerodb_outbox join zerodb_events using (seq)`,
      )
      const reported = await database.query<{ caused_by: string }>(
        sql`select caused_by from zerodb_events where event = 'zerodb.run.dead'`,
      )
      const living = await store.instances.list()
      return {
        runs: new Map(runs.map((run) => [run.id, run])),
        outbox: outbox.filter(({ event }) => event === PUBLISHED).map(({ seq }) => seq),
        undispatched: outbox.map(({ seq }) => seq),
        reported: new Set(reported.map(({ caused_by }) => caused_by)),
        living: new Set(living.map(({ epoch }) => epoch)),
      }
    },
  }
}

export interface Hooks {
  ordered: Set<string>
  limited: Set<string>
  paused: Set<string>
  all: string[]
}

/** Creates four hooks for every event: without rules, with an order, with a limit, and with both. */
export async function makeHooks({ store }: Environment, { user_id }: Scope): Promise<Hooks> {
  const hooks: Hooks = { ordered: new Set(), limited: new Set(), paused: new Set(), all: [] }
  for (const [label, isOrdered, isLimited] of [
    ['open', 0, 0],
    ['ordered', 1, 0],
    ['limited', 0, 1],
    ['both', 1, 1],
  ] as const) {
    const hook = await store.hooks.create(user_id, {
      ...{
        project_id: null,
        event_type: PUBLISHED,
        hook_type: 'webhook',
        hook_name: `webhook:${label}`,
        hook_config: {},
      },
      ...(isOrdered ? { ordering_key: { path: 'row.correlation_id', policy: 'block' as const } } : {}),
      ...(isLimited ? { concurrency: LIMIT } : {}),
    })
    const { id } = hook!
    hooks.all.push(id)
    if (isOrdered) hooks.ordered.add(id)
    if (isLimited) hooks.limited.add(id)
  }
  return hooks
}
