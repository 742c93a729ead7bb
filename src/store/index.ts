import type { Database, Statement } from '../db/sql.ts'
import { idempotency } from './accounts/idempotency.ts'
import { instantDatabases } from './accounts/instant-databases.ts'
import { keys } from './accounts/keys.ts'
import { projects } from './accounts/projects.ts'
import { quotas as quotasNoun } from './accounts/quotas.ts'
import { refreshTokens } from './accounts/refresh-tokens.ts'
import { users } from './accounts/users.ts'
import { envSets } from './automation/env-sets.ts'
import { functions } from './automation/functions.ts'
import { hookSecrets } from './automation/hook-secrets.ts'
import { hooks } from './automation/hooks.ts'
import { schedules } from './automation/schedules.ts'
import { secrets } from './automation/secrets.ts'
import { wheels } from './automation/wheels.ts'
import type { StoreContext } from './context.ts'
import { entities } from './data/entities.ts'
import { events } from './data/events.ts'
import { files } from './data/files.ts'
import { forgetting } from './data/forgetting.ts'
import { graph } from './data/graph.ts'
import { hybridSearch } from './data/hybrid-search.ts'
import { memories } from './data/memories.ts'
import { memoryEmbeddings } from './data/memory-embeddings.ts'
import { published } from './data/published.ts'
import { recallRows } from './data/recall-rows.ts'
import { records } from './data/records.ts'
import { reembed } from './data/reembed.ts'
import { relevance } from './data/relevance.ts'
import { remembered } from './data/remembered.ts'
import { rowAggregates } from './data/row-aggregates.ts'
import { rowChanges } from './data/row-changes.ts'
import { rowIndexes } from './data/row-indexes.ts'
import { rowPages } from './data/row-pages.ts'
import { rowUpserts } from './data/row-upserts.ts'
import { tables } from './data/tables.ts'
import { uploads } from './data/uploads.ts'
import { vectorNamespaces } from './data/vector-namespaces.ts'
import { vectorSearch } from './data/vector-search.ts'
import { vectors } from './data/vectors.ts'
import { claims } from './queue/claims.ts'
import { dispatch } from './queue/dispatch.ts'
import { functionRuns } from './queue/function-runs.ts'
import { hookExplain } from './queue/hook-explain.ts'
import { hookRuns } from './queue/hook-runs.ts'
import { instances } from './queue/instances.ts'
import { maintenance } from './queue/maintenance.ts'
import { replaySteps } from './queue/replay-steps.ts'
import { replays } from './queue/replays.ts'
import { runs } from './queue/runs.ts'
import { dump } from './transfer/dump.ts'
import { load } from './transfer/load.ts'
import { createWritePipeline, eventsOf, type WritePipeline, type Written } from './write-pipeline.ts'

const NOUNS = {
  users,
  projects,
  keys,
  refreshTokens,
  instantDatabases,
  idempotency,
  hooks,
  hookSecrets,
  hookExplain,
  hookRuns,
  events,
  dispatch,
  claims,
  instances,
  runs,
  functions,
  functionRuns,
  schedules,
  secrets,
  wheels,
  envSets,
  replays,
  replaySteps,
  maintenance,
  vectors,
  vectorSearch,
  vectorNamespaces,
  hybridSearch,
  memories,
  memoryEmbeddings,
  recallRows,
  remembered,
  forgetting,
  records,
  files,
  uploads,
  tables,
  rowChanges,
  rowIndexes,
  rowPages,
  rowUpserts,
  rowAggregates,
  published,
  entities,
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
  readonly writePipeline: WritePipeline
  /** All of `body`, or none of it. Wait for nothing but the store inside: the embedded database has one connection. */
  transaction<R>(body: (tx: Tables) => Promise<R>): Promise<R>
}

export interface StoreOptions {
  /** Called with the events of each write that no pipelined dispatch follows, after its commit. Must not throw. */
  onCommitted(eventSeqs: readonly number[]): void
  skewSeconds(): number
  /** Runs of one project that may go on at once, over all processes; null: any number. */
  projectLimit?: number | null
  /** How many of each a user or a project may have; null: any number. */
  quotas?: StoreContext['quotas']
}

/** The store over `database`. */
export function openStore(database: Database, options: StoreOptions): Store {
  const { onCommitted, skewSeconds, projectLimit = null, quotas = null } = options
  const writePipeline = createWritePipeline(database, onCommitted)
  const { commit } = writePipeline
  return {
    kind: database.kind,
    writePipeline,
    ...tablesOver({ db: database, asyncCommit: database.asyncCommit, commit, skewSeconds, projectLimit, quotas }),
    async transaction(body) {
      const seqs: number[] = []
      const result = await database.transaction((tx) => {
        async function commit<Row extends Written>(statement: Statement) {
          const rows = await tx.query<Row>(statement)
          seqs.push(...eventsOf(rows))
          return rows
        }
        return body(tablesOver({ db: tx, asyncCommit: tx, commit, skewSeconds, projectLimit, quotas }))
      })
      if (seqs.length > 0) onCommitted(seqs)
      return result
    },
  }
}

function tablesOver(context: StoreContext): Tables {
  return Object.fromEntries(Object.entries(NOUNS).map(([noun, open]) => [noun, open(context)])) as Tables
}
