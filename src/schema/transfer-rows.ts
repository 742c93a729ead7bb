import { z } from 'zod'
import { metadata, name, uuid, wording } from './common.ts'
import { envSetSet } from './env-set.ts'
import { CHANNELS } from './event.ts'
import { EVENT_TYPES } from './events.ts'
import { fileUpload } from './file.ts'
import { envSetName, functionConfig, functionDeploy, functionName, RUNTIMES, schedule } from './function.ts'
import { HOOK_TYPES, orderingKey, retryPolicy } from './hook.ts'
import { MEMORY_TYPES, ROLES, remember } from './memory.ts'
import { installedPackage, lockedPackage, MAX_PACKAGES } from './package.ts'
import { publish } from './published.ts'
import { cronExpression, timezone } from './schedule.ts'
import { embedding, vectorUpsert } from './vector.ts'

// The rows of an export, with the same limits as in the API. A test compares the fields with the columns of the database.

const text = z.string()
/** A timestamp as PostgreSQL formats it, without `infinity` and years of five digits. */
const moment = z.iso.datetime({ offset: true, error: 'Must be a time such as 2026-01-31T12:00:00.123456+00:00' })
/** A range in PostgreSQL's form `[from,to)`. */
const span = z.string().regex(/^(empty|\[\d{1,9},\d{1,9}\))$/, 'Must be a range like [0,12)')
/** A sequence number in a file, of which only the order counts. Numbers above 2^53 are rounded, which keeps the order. */
const ordinal = (min: number) =>
  z
    .number()
    .min(min)
    .max(2 ** 63)
    .refine(Number.isInteger, 'Must be an integer')
const share = z.number().min(0).max(1)
const count = z.int().min(0).max(1_000_000_000)
const version = z.int().min(1).max(1_000_000_000)
const model = z.string().max(1024).nullable()
const json = z.unknown().refine((value) => value !== undefined, 'Field required')
const runtime = z.enum(RUNTIMES)
const files = functionDeploy.shape.files.unwrap()

const embedded = z.strictObject({ embedding: embedding.nullable(), next_embedding: embedding.nullable() })

const plain = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject({ row: z.strictObject(shape) })
const withVectors = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject({ row: z.strictObject(shape), vectors: embedded })

/** The fields of an event's data by event type, without the owner, which the import sets itself. */
const DATA = new Map(
  EVENT_TYPES.map((type) => {
    const { user_id: _, ...shape } = type.data.shape
    const fields = Object.entries(shape).filter(([field]) => field !== 'project_id')
    const id: string | null = type.row !== null && 'id' in type.row ? type.row.id : null
    const own = fields.map(([field, schema]) => [field, field === id ? uuid : schema])
    return [type.name as string, { channel: type.channel, data: z.strictObject(Object.fromEntries(own)) }]
  }),
)

const event = plain({
  seq: ordinal(1),
  id: z.string().regex(/^evt_[0-9a-f]{16,22}$/, 'Must be the id of an event'),
  event: text,
  channel: z.enum(CHANNELS),
  data: metadata,
  ref: uuid,
  chain_id: z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, 'Must be the id of an event or a call')
    .nullable(),
  depth: z.int().min(0).max(10_000),
  caused_by: uuid.nullable(),
  trace: z
    .string()
    .regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, 'Must be a traceparent')
    .nullable(),
  created_at: moment,
}).superRefine(({ row }, context) => {
  const type = DATA.get(row.event)
  if (type === undefined || type.channel !== row.channel) {
    context.addIssue({
      code: 'custom',
      path: ['row', 'event'],
      message: `Unknown event type "${row.event.slice(0, 100)}" on channel ${row.channel}`,
    })
    return
  }
  for (const { path, message } of type.data.safeParse(row.data).error?.issues ?? [])
    context.addIssue({ code: 'custom', path: ['row', 'data', ...path], message })
})

const memory = withVectors({
  id: uuid,
  event_seq: ordinal(0),
  kind: z.enum(['record', 'remembered']),
  content: text,
  agent_id: name.nullable(),
  session_id: name.nullable(),
  run_id: name.nullish(),
  end_user_id: name.nullish(),
  role: z.enum(ROLES).nullable(),
  entity_id: name.nullable(),
  memory_type: z.enum(MEMORY_TYPES).nullable(),
  namespace: name,
  importance: share,
  tags: remember.shape.tags.unwrap(),
  metadata,
  model,
  requested_model: model,
  next_model: model,
  /** Absent in exports of older versions. */
  event_at: moment.nullish(),
  not_embedded_by: model.optional(),
  created_at: moment,
  updated_at: moment,
}).refine(({ row }) => row.kind === 'record' || row.memory_type !== null, {
  path: ['row', 'memory_type'],
  error: 'Must not be null for kind "remembered"',
})

const vector = withVectors({
  id: uuid,
  namespace: name,
  vector_id: name,
  model,
  requested_model: model,
  next_model: model,
  document: text.nullable(),
  summary: text.nullable(),
  metadata,
  source: vectorUpsert.shape.source.unwrap(),
  batch_id: uuid.nullable(),
  created_at: moment,
  updated_at: moment,
}).refine(({ row, vectors }) => vectors.embedding !== null || wording.safeParse(row.document).success, {
  path: ['vectors', 'embedding'],
  error: 'Must not be null for a vector without a document',
})

/** Schemas of the lines of an export, by table. */
export const PROJECT_ROWS = {
  projects: plain({
    id: uuid,
    name,
    description: text.nullable(),
    metadata,
    settings: metadata,
    suspended_at: moment.nullish(),
    created_at: moment,
    updated_at: moment,
  }),
  tables: plain({
    id: uuid,
    name,
    schema_definition: metadata.nullable(),
    /** Absent in exports of older versions, like `unique_keys` and `indexes`. */
    strict: z.boolean().optional(),
    unique_keys: z.array(z.array(name).min(1).max(10)).max(3).nullish(),
    indexes: z.array(z.array(name).min(1).max(4)).max(5).nullish(),
    description: text.nullable(),
    created_at: moment,
  }),
  rows: plain({
    id: uuid,
    table_id: uuid,
    position: ordinal(1),
    data: metadata,
    /** Absent in exports of older versions. */
    version: z
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .optional(),
    created_at: moment,
    updated_at: moment,
  }),
  vectors: vector,
  memories: memory,
  /** Exports of older versions have no namespaces of entities. */
  entities: plain({ id: uuid, namespace: name.optional(), name: text, type: text, created_at: moment }),
  entity_aliases: plain({
    norm: text,
    entity_id: uuid,
    alias: text,
    namespace: name.optional(),
    acronym: text.nullable().optional(),
  }),
  mentions: plain({ memory_id: uuid, entity_id: uuid, span }),
  edges: plain({
    id: uuid,
    subject_id: uuid,
    predicate: text,
    object_id: uuid,
    confidence: share,
    valid_from: moment.nullable(),
    valid_to: moment.nullable(),
    created_at: moment,
    invalidated_at: moment.nullable(),
    /** Absent in exports of older versions. */
    is_stated: z.boolean().optional(),
    lemma: text.nullable().optional(),
    tense: text.nullable().optional(),
    functional: text.nullable().optional(),
    ended_by: uuid.nullable().optional(),
  }),
  edge_sources: plain({ edge_id: uuid, memory_id: uuid, span, extractor: text, confidence: share }),
  published_events: plain({
    id: uuid,
    position: ordinal(1),
    topic: publish.shape.topic,
    payload: json,
    source: name.nullable(),
    correlation_id: name.nullable(),
    published_at: moment,
  }),
  files: withVectors({
    id: uuid,
    file_key: fileUpload.shape.file_key.unwrap(),
    file_name: name,
    content_type: z.string().max(255).nullable(),
    size_bytes: z.int().min(0).nullable(),
    folder: z.string().max(1024).nullable(),
    metadata,
    blob: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'Must be the SHA-256 of the content')
      .nullable(),
    summary: text.nullable(),
    summary_model: model,
    model,
    next_model: model,
    created_at: moment,
    updated_at: moment.nullish(),
  }),
  wheels: plain({
    blob: lockedPackage.shape.sha256,
    file_name: lockedPackage.shape.file_name,
    size_bytes: z.int().min(0),
    created_at: moment,
  }),
  functions: plain({
    id: uuid,
    name: functionName,
    runtime,
    version,
    is_active: z.boolean(),
    retry: retryPolicy.nullable(),
    concurrency: z.int().min(1).max(1000).nullable(),
    created_at: moment,
    updated_at: moment,
  }),
  function_versions: plain({
    function_id: uuid,
    version,
    runtime,
    hash: z.string().regex(/^[0-9a-f]{64}$/, 'Must be a SHA-256'),
    sources: files,
    files,
    entry: functionDeploy.shape.entry.unwrap(),
    source_map: text.nullable(),
    config: functionConfig.required({ permissions: true }),
    config_text: text.nullish(),
    /** Absent in exports of older versions. */
    packages: z.array(installedPackage.strict()).max(MAX_PACKAGES).optional(),
    created_at: moment,
  }),
  env_sets: plain({
    id: uuid,
    name: envSetName,
    env: envSetSet.shape.env.unwrap(),
    secrets: envSetSet.shape.secrets.unwrap(),
    created_at: moment,
    updated_at: moment,
  }),
  schedules: plain({
    id: uuid,
    function_id: uuid.nullable(),
    cron: cronExpression.nullable(),
    timezone: timezone.nullable(),
    missed: schedule.shape.missed.unwrap().nullable(),
    overlap: schedule.shape.overlap.unwrap().nullable(),
    /** Absent in exports of older versions, like the other fields of schedules that publish events. */
    name: name.nullish(),
    run_at: moment.nullish(),
    topic: publish.shape.topic.nullish(),
    payload: z.unknown().optional(),
    source: name.nullish(),
    correlation_id: name.nullish(),
    /** Only in older exports, and ignored: an imported schedule starts with its next tick. */
    next_at: z.unknown().optional(),
    last_at: moment.nullable(),
    paused_at: moment.nullable(),
    created_at: moment,
  }),
  once: plain({ function_id: uuid, key: name, value: json, created_at: moment }),
  hooks: plain({
    id: uuid,
    event_type: z.string().max(100),
    hook_type: z.enum(HOOK_TYPES),
    hook_name: z.string().max(100),
    hook_config: metadata,
    is_active: z.boolean(),
    created_at: moment,
    updated_at: moment,
    filter: metadata.nullable(),
    ordering_key: orderingKey.nullable(),
    retry: retryPolicy.nullable(),
    concurrency: z.int().min(1).max(1000).nullable(),
    paused_at: moment.nullable(),
    disabled_reason: z.string().max(1000).nullable(),
    failing_since: moment.nullable(),
    failures: count.nullable(),
    failed_at: moment.nullable(),
    function_id: uuid.nullable(),
    runtime: runtime.nullable(),
    function_concurrency: z.int().min(1).max(1000).nullable(),
    declared: z.boolean().nullable(),
  }),
  events: event,
} as const satisfies Record<string, z.ZodType>

export type ProjectTable = keyof typeof PROJECT_ROWS
