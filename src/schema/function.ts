import { z } from 'zod'
import { flag, integer, metadata, projectId, timestamp } from './common.ts'
import { EVENT_NAMES } from './events.ts'
import { orderingKey, retryPolicy } from './hook.ts'
import { PERMISSIONS } from './login.ts'
import type { Runtime } from './runtime.ts'

/** A function's name is also a hook's name, a path and a tool's name. */
export const functionName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'Must begin with a letter, and have 1 to 64 letters, digits, "_" or "-"')
export const secretName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Must be the name of a variable: 1 to 64 letters, digits or "_"')

/** What is accepted as `runtime`, and what it stands for. */
export const RUNTIME_NAMES = {
  nodejs20: 'nodejs20',
  nodejs: 'nodejs20',
  node: 'nodejs20',
  javascript: 'nodejs20',
  typescript: 'nodejs20',
  'python3.11': 'python3.11',
  python: 'python3.11',
  python3: 'python3.11',
} as const satisfies Record<string, Runtime>
export const runtimeName = z
  .enum(Object.keys(RUNTIME_NAMES) as [keyof typeof RUNTIME_NAMES])
  .transform((name) => RUNTIME_NAMES[name])

/** The function runs on events of this type. */
export const eventTrigger = z.strictObject({
  event: z.enum(EVENT_NAMES),
  filter: metadata.optional(),
  ordering_key: z.union([z.string().transform((path) => ({ path, policy: 'block' as const })), orderingKey]).optional(),
  retry: retryPolicy.optional(),
  concurrency: integer(1, 1000).optional(),
  /** True: on events of all the user's projects, not only of the function's. */
  all_projects: z.boolean().default(false),
})

export const schedule = z.strictObject({
  /** Five fields, or six with seconds before them. */
  cron: z.string().min(1).max(100),
  /** An IANA name. */
  timezone: z.string().min(1).max(64).default('UTC'),
  /** What becomes of ticks that passed while nothing ran: none, one run for all, or one each (the last 100). */
  missed: z.enum(['skip', 'run_once', 'run_all']).default('run_once'),
  /** What becomes of a tick while the run of an earlier one is unfinished: its run is `skipped`, or waits. */
  overlap: z.enum(['skip', 'queue']).default('skip'),
})

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

export const httpTrigger = z.strictObject({
  methods: z.array(z.enum(METHODS)).min(1).default(['GET', 'POST']),
  /** `key`: callers send an API key of the function's owner; `none`: anybody may call. */
  auth: z.enum(['key', 'none']).default('key'),
  /** Pages of these origins may call it; `*` is any. Null: browsers keep other origins' pages out. */
  cors: z
    .strictObject({
      origins: z.array(z.string().min(1).max(255)).min(1).max(50),
      headers: z.array(z.string().min(1).max(100)).max(50).default([]),
      max_age_seconds: integer(0, 86_400).default(600),
    })
    .nullable()
    .default(null),
})

const MAX_SCHEMA_LENGTH = 65_536
const jsonSchema = metadata.refine(
  (schema) => JSON.stringify(schema).length <= MAX_SCHEMA_LENGTH,
  `A schema has at most ${MAX_SCHEMA_LENGTH} characters`,
)

export const toolTrigger = z.strictObject({
  /** Tells a model what the tool does and when to use it. */
  description: z.string().min(1).max(4000),
  title: z.string().min(1).max(200).optional(),
  /** JSON Schemas (2020-12) of arguments and result. */
  input_schema: jsonSchema
    .refine(({ type }) => type === 'object', 'Must say "type": "object": a tool is called with named arguments')
    .default({ type: 'object' }),
  output_schema: jsonSchema.optional(),
  /** Hints for clients, as the protocol names them. */
  annotations: z
    .strictObject({
      title: z.string().max(200),
      readOnlyHint: z.boolean(),
      destructiveHint: z.boolean(),
      idempotentHint: z.boolean(),
      openWorldHint: z.boolean(),
    })
    .partial()
    .optional(),
})

/** `true` is all defaults, `false` the same as nothing. */
const orDefaults = <Schema extends z.ZodType>(schema: Schema, defaults: unknown) =>
  z.preprocess((given) => (given === true ? defaults : given === false ? undefined : given), schema.optional())
const oneOrMore = <Schema extends z.ZodType>(schema: Schema, short: (text: string) => unknown) =>
  z.preprocess(
    (given) =>
      given === undefined
        ? undefined
        : (Array.isArray(given) ? given : [given]).map((item) => (typeof item === 'string' ? short(item) : item)),
    z.array(schema).max(20).default([]),
  )

/** What sets a function off and what bounds it. In the file itself: `export const config = {…}`, or `config = {…}` in Python. */
export const functionConfig = z.strictObject({
  /** A name alone is a trigger without conditions. */
  triggers: oneOrMore(eventTrigger, (event) => ({ event })),
  /** An expression alone is in UTC. */
  schedule: oneOrMore(schedule, (cron) => ({ cron })),
  http: orDefaults(httpTrigger, {}),
  tool: toolTrigger.optional(),
  timeout_seconds: z.number().min(1).max(120).default(30),
  memory_mb: integer(64, 4096).default(256),
  /** The largest result. */
  output_limit_bytes: integer(1, 6_291_456).default(51_200),
  /** `fresh`: no call finds what another has left in memory or on disk. */
  isolation: z.enum(['warm', 'fresh']).default('warm'),
  /** How many of its calls one instance executes at once, and how many of its queued runs all of them. */
  concurrency: integer(1, 1000).optional(),
  /** How a run that has failed is tried again; a trigger's own comes first. */
  retry: retryPolicy.optional(),
  env: z.record(secretName, z.string().max(32_768)).default({}),
  /** Names of the project's secrets that `env` holds as well. */
  secrets: z.array(secretName).max(100).default([]),
  /** What it may do through `ctx.zerodb`; a caller's own rights bound it further. */
  permissions: z
    .array(z.enum([...PERMISSIONS, '*']))
    .max(20)
    .optional(),
})
/** As it is kept: complete. */
export type FunctionConfig = z.infer<typeof functionConfig> & { permissions: string[] }

/** What a function may do that does not say. */
export const DEFAULT_PERMISSIONS = [
  'zerodb:read',
  'zerodb:write',
  'memory:read',
  'memory:write',
  'functions:invoke',
] as const

const path = z.string().min(1).max(255)
/** Text, or bytes as `{base64}`. */
const content = z.union([z.string(), z.strictObject({ base64: z.base64() })])

const inProject = { project_id: projectId.optional() }

export const functionDeploy = z.object({
  ...inProject,
  name: functionName,
  runtime: runtimeName.optional(),
  /** One file is enough. */
  source: z.string().min(1).optional(),
  /** Or several, by path. */
  files: z.record(path, content).optional(),
  /** The file with the handler, where that is not plain. */
  entry: path.optional(),
  /** Its keys go before those of the config in the file. */
  config: metadata.optional(),
  /** True: check and build everything, store nothing, and answer what would change. */
  dry_run: z.boolean().default(false),
})

export const functionKey = z.object({ ...inProject, name: functionName })
export const functionList = z.object(inProject)
export const versionKey = functionKey.extend({ version: integer(1, 2_000_000_000) })
export const functionDiff = functionKey.extend({
  /** The live version's predecessor when absent. */
  from: integer(1, 2_000_000_000).optional(),
  /** The live version when absent. */
  to: integer(1, 2_000_000_000).optional(),
})
export const functionRollback = functionKey.extend({
  /** The live version's predecessor when absent. */
  version: integer(1, 2_000_000_000).optional(),
})
export const functionUpdate = functionKey.extend({ is_active: z.boolean() })
export const functionDelete = functionKey.extend({ force: flag.default(false) })
export const functionInvoke = functionKey.extend({
  payload: z.unknown().optional(),
  /** Answer at once and execute durably, as `Prefer: respond-async` asks. */
  wait: z.boolean().default(true),
})

export const functionVersion = z.object({
  version: z.number(),
  runtime: z.string(),
  hash: z.string(),
  /** The file with the handler, of those that were uploaded. */
  entry: z.string(),
  config: metadata,
  created_at: timestamp,
})
export type FunctionVersion = z.infer<typeof functionVersion>

export const fn = z.object({
  id: z.string(),
  project_id: z.string(),
  name: z.string(),
  runtime: z.string(),
  /** Of the interpreter that executes it on the answering instance, such as 22.11.0 for `nodejs20`; null until that is known. */
  runtime_version: z.string().nullable(),
  /** The version that runs. */
  version: z.number(),
  hash: z.string(),
  entry: z.string(),
  config: metadata,
  is_active: z.boolean(),
  created_at: timestamp,
  updated_at: timestamp,
  /** Where it answers, if it has an HTTP trigger. */
  url_path: z.string().nullable(),
})
export type Fn = z.infer<typeof fn>

const changes = z.object({
  created: z.array(z.string()),
  changed: z.array(z.string()),
  removed: z.array(z.string()),
})
export const deployed = fn.extend({
  /** False: just this was live already, and nothing was done. */
  changed: z.boolean(),
  /** What became of its hooks (by event type) and schedules (by expression and zone). */
  hooks: changes,
  schedules: changes,
  warnings: z.array(z.string()).optional(),
})
export type Changes = z.infer<typeof changes>

/** The version that the request would deploy. Nothing has been stored. */
export const deployDryRun = deployed
  .omit({
    id: true,
    project_id: true,
    runtime_version: true,
    is_active: true,
    created_at: true,
    updated_at: true,
  })
  .extend({ dry_run: z.literal(true) })
export const deployedOrDryRun = z.union([deployed, deployDryRun])

export const versionSource = functionVersion.extend({ files: z.record(z.string(), content) })
export const versionsList = z.array(functionVersion.extend({ live: z.boolean() }))
export const versionDiff = z.object({
  from: z.number(),
  to: z.number(),
  /** By path; `lines` is a unified diff, null for what is not text. */
  files: z.array(
    z.object({
      path: z.string(),
      change: z.enum(['added', 'removed', 'changed']),
      lines: z.string().nullable(),
    }),
  ),
  config: z.object({ from: metadata, to: metadata }).nullable(),
})

/** What a call answers: its result, or for a durable one only the run. */
export const invoked = z.object({
  run_id: z.string(),
  status: z.enum(['succeeded', 'queued']),
  result: z.unknown().optional(),
  duration_ms: z.number().optional(),
})
