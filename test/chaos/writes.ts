import { randomUUID } from 'node:crypto'

const DATABASE = '/api/v1/projects/-/database'

/** A kind of write, and where its row is stored. */
export interface Write {
  path: string
  body: (n: string) => object
  /** Returns the name of the stored row, from the response or the request. */
  id: (answer: Record<string, string>, n: string) => string
  event: string
  table: string
  /** Columns of the row with its name, and with the `ref` of its event. */
  named: string
  ref: string
}

/** Returns the name of a published event: its key, and its number among the events of the key. */
export const orderedName = (key: string, n: number) => `${key} ${n}`

/** Events that are published one after the other for each key. A hook handles them in that order. */
export const ORDERED: Write = {
  path: `${DATABASE}/events/publish`,
  body: (name) => ({ topic: name, event_payload: { name }, correlation_id: name.split(' ')[0] }),
  id: (_, name) => name,
  event: 'zerodb.event.published',
  table: 'zerodb_published_events',
  named: 'topic',
  ref: 'id',
}

/** All other kinds of writes, without an order. */
export const UNORDERED: readonly Write[] = [
  {
    path: `${DATABASE}/vectors/upsert`,
    body: (n) => ({ vector_id: n, vector_embedding: [0.1, 0.2, 0.3] }),
    id: (_, n) => n,
    event: 'zerodb.vector.stored',
    table: `zerodb_vectors where batch_id is null and namespace <> 'changing'`,
    named: 'vector_id',
    ref: 'id',
  },
  {
    path: `${DATABASE}/vectors/upsert-batch`,
    body: (n) => ({ vectors: [1, 2, 3].map((i) => ({ vector_id: `${n}/${i}`, vector_embedding: [i, 1] })) }),
    id: (_, n) => `${n}/3`,
    event: 'zerodb.vector.batch_stored',
    table: `zerodb_vectors where batch_id is not null and vector_id like '%/3'`,
    named: 'vector_id',
    ref: 'batch_id',
  },
  {
    path: `${DATABASE}/memory/store`,
    body: (n) => ({ content: `The parcel ${n} was delivered to Berlin.` }),
    id: (answer) => answer['memory_id']!,
    event: 'zerodb.memory.stored',
    table: `zerodb_memories where kind = 'record'`,
    named: 'id',
    ref: 'id',
  },
  {
    path: '/api/v1/public/memory/v2/remember',
    body: (n) => ({ content: `Carla met agent ${n} in Lisbon.`, entity_id: 'carla' }),
    id: (answer) => answer['id']!,
    event: 'zeromemory.remembered',
    table: `zerodb_memories where kind = 'remembered'`,
    named: 'id',
    ref: 'id',
  },
  {
    path: `${DATABASE}/files/upload`,
    body: (n) => ({
      file_name: `${n}.txt`,
      file_content: Buffer.from(n).toString('base64'),
      content_type: 'text/plain',
    }),
    id: (answer) => answer['file_id']!,
    event: 'zerodb.file.uploaded',
    table: 'zerodb_files',
    named: 'id',
    ref: 'id',
  },
  {
    path: `${DATABASE}/tables/load/rows`,
    body: (n) => ({ row_data: { n } }),
    id: (answer) => answer['row_id']!,
    event: 'zerodb.table.row_inserted',
    table: `zerodb_rows where data ? 'n' and not data ? 'name'`,
    named: 'id',
    ref: 'id',
  },
]

export const WRITES: readonly Write[] = [ORDERED, ...UNORDERED]

/** A hook whose handler ignores events of this type, so that its runs end as `skipped`. */
export const SKIPPED = { event_type: 'zerodb.vector.batch_stored', hook_name: 'auto_graph' }

/** Requests before the load: a hook for every kind of handler, one of them ordered, and a table. `receiver` is the URL for webhooks. */
export function preparation(receiver: string): { path: string; body: object }[] {
  const patient = { max_attempts: 100, initial_seconds: 0.2, factor: 1 }
  const webhook = (event_type: string, label: string, rest: object) => ({
    ...{ event_type, hook_name: `webhook:${label}`, hook_config: { url: `${receiver}/${label}` }, retry: patient },
    ...rest,
  })
  const hooks = [
    SKIPPED,
    { event_type: 'zerodb.memory.stored', hook_name: 'auto_embed' },
    { event_type: 'zeromemory.remembered', hook_name: 'auto_graph' },
    webhook('zerodb.table.row_inserted', 'any', {}),
    webhook(ORDERED.event, 'ordered', { ordering_key: 'row.correlation_id' }),
  ]
  return [
    ...hooks.map((body) => ({ path: '/api/v1/hooks', body })),
    { path: `${DATABASE}/tables`, body: { table_name: 'load' } },
    { path: `${DATABASE}/tables`, body: { table_name: 'changing' } },
  ]
}

/** Events that are published once at their times, which pass while processes are killed. */
export const LATER = {
  path: `${DATABASE}/events/batch`,
  topics: Array.from({ length: 60 }, (_, n) => `later-${n}`),
  bodyOf: (topics: readonly string[]) =>
    topics.map((topic, n) => ({ topic, event_payload: { n }, delay: 1 + Math.floor(n / 12) })),
}

export const newName = (): string => randomUUID()
