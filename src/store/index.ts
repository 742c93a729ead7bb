import type { Database, Statement } from '../db/sql.ts'
import { claims } from './claims.ts'
import { commitBy, eventsOf, type Follower, type Written } from './commit.ts'
import type { StoreContext } from './context.ts'
import { dispatch } from './dispatch.ts'
import { dump } from './dump.ts'
import { events } from './events.ts'
import { files } from './files.ts'
import { functionRuns } from './function-runs.ts'
import { functions } from './functions.ts'
import { graph } from './graph.ts'
import { hookMatches } from './hook-matches.ts'
import { hookSecrets } from './hook-secrets.ts'
import { hooks } from './hooks.ts'
import { idempotency } from './idempotency.ts'
import { instances } from './instances.ts'
import { invocations } from './invocations.ts'
import { keys } from './keys.ts'
import { load } from './load.ts'
import { memories } from './memories.ts'
import { projects } from './projects.ts'
import { published } from './published.ts'
import { quotas as quotasNoun } from './quotas.ts'
import { reembed } from './reembed.ts'
import { refreshTokens } from './refresh-tokens.ts'
import { relevance } from './relevance.ts'
import { replaySteps } from './replay-steps.ts'
import { replays } from './replays.ts'
import { retention } from './retention.ts'
import { runs } from './runs.ts'
import { schedules } from './schedules.ts'
import { secrets } from './secrets.ts'
import { tables } from './tables.ts'
import { users } from './users.ts'
import { vectors } from './vectors.ts'

const NOUNS = {
  users,
  projects,
  keys,
  refreshTokens,
  idempotency,
  hooks,
  hookSecrets,
  hookMatches,
  invocations,
  events,
  dispatch,
  claims,
  instances,
  runs,
  functions,
  functionRuns,
  schedules,
  secrets,
  replays,
  replaySteps,
  retention,
  vectors,
  memories,
  files,
  tables,
  published,
  graph,
  reembed,
  relevance,
  dump,
  load,
  quotas: quotasNoun,
}

/** Every statement on our tables, by noun. */
export type Tables = { [Noun in keyof typeof NOUNS]: ReturnType<(typeof NOUNS)[Noun]> }

export interface Store extends Tables {
  readonly kind: Database['kind']
  /** All of `body`, or none of it. Wait for nothing but the store inside: the embedded database has one connection. */
  transaction<R>(body: (tx: Tables) => Promise<R>): Promise<R>
}

export interface StoreOptions {
  /** Told the events of every write that nothing follows, after its commit. Must not throw. */
  onCommitted(eventSeqs: readonly number[]): void
  /** Asked with each write: what is to be sent right behind it; null, and without this, nothing. */
  follower?(): Follower | null
  skewSeconds(): number
  /** Runs of one project that may go on at once, over all processes; null: any number. */
  projectLimit?: number | null
  /** How many of each a user or a project may have; null: any number. */
  quotas?: StoreContext['quotas']
}

/** The store over `database`. */
export function openStore(database: Database, options: StoreOptions): Store {
  const { onCommitted, follower = () => null, skewSeconds, projectLimit = null, quotas = null } = options
  const commit = commitBy(database, follower, onCommitted)
  return {
    kind: database.kind,
    ...tablesOver({ db: database, relaxed: database.relaxed, commit, skewSeconds, projectLimit, quotas }),
    async transaction(body) {
      const seqs: number[] = []
      const result = await database.transaction((tx) => {
        async function commit<Row extends Written>(statement: Statement) {
          const rows = await tx.query<Row>(statement)
          seqs.push(...eventsOf(rows))
          return rows
        }
        return body(tablesOver({ db: tx, relaxed: tx, commit, skewSeconds, projectLimit, quotas }))
      })
      if (seqs.length > 0) onCommitted(seqs)
      return result
    },
  }
}

function tablesOver(context: StoreContext): Tables {
  return Object.fromEntries(Object.entries(NOUNS).map(([noun, open]) => [noun, open(context)])) as Tables
}
