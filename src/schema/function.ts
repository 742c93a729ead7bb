import { z } from 'zod'
import { createdAt, flag, integer, metadata, optionalProjectId, ownProjectId, updatedAt, warnings } from './common.ts'
import { dueTime } from './due-time.ts'
import { eventType } from './events.ts'
import { orderingKeyInput, retryPolicy } from './hook.ts'
import { PERMISSIONS } from './login.ts'
import { network } from './network.ts'
import { installedPackages, lockedPackage, MAX_PACKAGES, packageChanges } from './package.ts'
import { cronExpression, MISSED, OVERLAP, timezone } from './schedule.ts'

/** Runtimes of user code. */
export const RUNTIMES = ['nodejs20', 'python3.11'] as const
export type Runtime = (typeof RUNTIMES)[number]

/** Name of a function, which is also a hook name, a path and a tool name. */
export const functionName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'Must begin with a letter, and have 1 to 64 letters, digits, "_" or "-"')
export const secretName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Must be the name of a variable: 1 to 64 letters, digits or "_"')

export const envSetName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}$/,
    'Must be 1 to 64 lowercase letters, digits, "-" or "_", not starting with "-" or "_"',
  )

/** Accepted names of runtimes. */
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

export const eventTrigger = z
  .strictObject({
    event: eventType.describe('Type of the events that the function runs on'),
    filter: metadata
      .optional()
      .describe('Only events that match this filter count. When absent: all events of the type'),
    ordering_key: orderingKeyInput
      .optional()
      .describe('How runs are ordered: a path, or a path and a policy. When absent: not at all'),
    retry: retryPolicy.optional().describe('When failed runs are tried again. When absent: `retry` of the function'),
    concurrency: integer(1, 1000).optional().describe('Maximum number of runs of this trigger at the same time'),
    all_projects: z
      .boolean()
      .default(false)
      .describe('True: events of all projects of the user count, not only those of the function’s project'),
  })
  .meta({ id: 'EventTrigger', description: 'The function runs on events of this type' })

export const schedule = z
  .strictObject({
    cron: cronExpression,
    timezone: timezone.default('UTC'),
    missed: z.enum(['skip', 'run_once', 'run_all']).default('run_once').describe(MISSED),
    overlap: z.enum(['skip', 'queue']).default('skip').describe(OVERLAP),
  })
  .meta({ id: 'ScheduleTrigger', description: 'The function runs by the clock' })

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

export const httpTrigger = z
  .strictObject({
    methods: z.array(z.enum(METHODS)).min(1).default(['GET', 'POST']).describe('Methods that the function answers'),
    auth: z
      .enum(['key', 'none'])
      .default('key')
      .describe('`key`: callers send an API key of the function’s owner. `none`: everyone can call'),
    cors: z
      .strictObject({
        origins: z
          .array(z.string().min(1).max(255))
          .min(1)
          .max(50)
          .describe('Origins whose pages can call the function; `*` is any'),
        headers: z
          .array(z.string().min(1).max(100))
          .max(50)
          .default([])
          .describe('Request headers that these pages can send'),
        max_age_seconds: integer(0, 86_400).default(600).describe('Seconds for which browsers keep the permission'),
      })
      .nullable()
      .default(null)
      .describe('Which pages of other origins can call the function. Null: none'),
  })
  .meta({ id: 'HttpTrigger', description: 'The function answers HTTP requests' })

const MAX_SCHEMA_LENGTH = 65_536
const jsonSchema = metadata.refine(
  (schema) => JSON.stringify(schema).length <= MAX_SCHEMA_LENGTH,
  `A schema has at most ${MAX_SCHEMA_LENGTH} characters`,
)

export const toolTrigger = z
  .strictObject({
    description: z.string().min(1).max(4000).describe('Tells a model what the tool does and when to use it'),
    title: z.string().min(1).max(200).optional().describe('Name of the tool for people'),
    input_schema: jsonSchema
      .refine(
        ({ type }) => type === 'object',
        'Must have "type": "object", because tools are called with named arguments',
      )
      .default({ type: 'object' })
      .describe('JSON Schema (2020-12) of the arguments'),
    output_schema: jsonSchema
      .optional()
      .describe('JSON Schema (2020-12) of the result. When absent, the result is text'),
    annotations: z
      .strictObject({
        title: z.string().max(200).describe('Name of the tool for people'),
        readOnlyHint: z.boolean().describe('Whether the tool changes nothing'),
        destructiveHint: z.boolean().describe('Whether the tool can delete or overwrite'),
        idempotentHint: z.boolean().describe('Whether a repeated call changes nothing more'),
        openWorldHint: z.boolean().describe('Whether the tool reaches systems outside'),
      })
      .partial()
      .optional()
      .describe('Hints for clients, with the names of the MCP specification'),
  })
  .meta({ id: 'ToolTrigger', description: 'The function is a tool for agents, over MCP' })

/** HTTP trigger. `true` uses all defaults, `false` counts as absent. */
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

/** The config in a source file: `export const config = {…}`, or `config = {…}` in Python. */
export const functionConfig = z
  .strictObject({
    triggers: oneOrMore(eventTrigger, (event) => ({ event })).describe(
      'Events that the function runs on. A name alone is a trigger without conditions',
    ),
    schedule: oneOrMore(schedule, (cron) => ({ cron })).describe(
      'When the function runs by the clock. An expression alone is in UTC',
    ),
    http: orDefaults(httpTrigger, {}).describe('How the function answers HTTP requests; `true` is all defaults'),
    tool: toolTrigger.optional().describe('The function as a tool for agents. When absent, it is not a tool'),
    timeout_seconds: z.number().min(1).max(120).default(30).describe('Maximum number of seconds of a call'),
    memory_mb: integer(64, 4096).default(256).describe('Maximum memory, in megabytes'),
    output_limit_bytes: integer(1, 6_291_456).default(51_200).describe('Maximum size of a result, in bytes'),
    isolation: z
      .enum(['warm', 'fresh'])
      .default('warm')
      .describe('`warm`: a process serves several calls. `fresh`: each call has a new process and an empty disk'),
    concurrency: integer(1, 1000)
      .optional()
      .describe('Maximum number of calls at the same time on one instance, and of queued runs over all instances'),
    retry: retryPolicy.optional().describe('When failed runs are tried again. The `retry` of a trigger comes first'),
    env: z.record(secretName, z.string().max(32_768)).default({}).describe('Environment variables'),
    secrets: z
      .array(secretName)
      .max(100)
      .default([])
      .describe('Names of secrets of the project, which become environment variables too'),
    env_from: z
      .array(envSetName)
      .max(20)
      .optional()
      .describe(
        'Names of env sets of the project. Of equal variables, those of later sets, and then those of `env` and `secrets`, take precedence',
      ),
    network,
    permissions: z
      .array(z.enum([...PERMISSIONS, '*']))
      .max(20)
      .optional()
      .describe('What the function can do through `ctx.zerodb`. The permissions of its caller limit it further'),
  })
  .meta({ id: 'FunctionConfig', description: 'Triggers and limits of a function' })
/** A stored config, in which all fields are set. */
export type FunctionConfig = z.infer<typeof functionConfig> & { permissions: string[] }

/** Default permissions of a function. */
export const DEFAULT_PERMISSIONS = [
  'zerodb:read',
  'zerodb:write',
  'memory:read',
  'memory:write',
  'functions:invoke',
] as const

const path = z.string().min(1).max(255)
const content = z
  .union([z.string(), z.strictObject({ base64: z.base64().describe('The bytes, in base64') })])
  .describe('Text, or bytes as `{base64}`')

const inProject = { project_id: optionalProjectId }
const versionNumber = integer(1, 2_000_000_000)

export const functionDeploy = z.object({
  ...inProject,
  name: functionName.meta({ description: 'Name of the function, unique in its project', examples: ['on-order'] }),
  runtime: runtimeName
    .optional()
    .describe(
      'Language of the code: `nodejs20` or `python3.11`. When absent: the one that fits the names of the files',
    ),
  source: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: 'The code, in one file. Either this or `files` is required',
      examples: ['export default (event) => event.data'],
    }),
  files: z.record(path, content).optional().describe('The code, as files by path. Either this or `source` is required'),
  entry: path
    .optional()
    .describe('Path of the file with the handler. When absent: `index.ts`, `index.js`, `main.py` or the only file'),
  packages: z
    .array(lockedPackage)
    .max(MAX_PACKAGES)
    .default([])
    .describe(
      'Python packages, as exact wheels that were uploaded to the project (`packages.upload`), with all packages that they need',
    ),
  config: metadata.optional().meta({
    description: 'Triggers and limits. Its keys replace those of the configuration in the file',
    examples: [{ triggers: ['zerodb.table.row_inserted'], timeout_seconds: 60 }],
  }),
  dry_run: z
    .boolean()
    .default(false)
    .describe('True: check and build everything, store nothing, and return what would change'),
})

export const functionKey = z.object({ ...inProject, name: functionName.describe('Name of the function') })
export const functionList = z.object(inProject)
export const versionKey = functionKey.extend({ version: versionNumber.describe('Number of the version') })
export const functionDiff = functionKey.extend({
  from: versionNumber.optional().describe('The older version. When absent: the one before `to`'),
  to: versionNumber.optional().describe('The newer version. When absent: the live version'),
})
export const functionRollback = functionKey.extend({
  version: versionNumber.optional().describe('Version to make live. When absent: the one before the live version'),
})
export const functionUpdate = functionKey.extend({
  is_active: z.boolean().describe('True enables the function; false disables it and cancels its queued runs'),
})
export const functionDelete = functionKey.extend({
  force: flag.default(false).describe('True: also delete hooks on the function that were created by hand'),
})
export const functionInvoke = functionKey.extend({
  payload: z
    .unknown()
    .optional()
    .describe('The `data` of the event that the function receives: any JSON value. When absent: null'),
  wait: z
    .boolean()
    .default(true)
    .describe(
      'True: wait for the result. False: queue a durable run and respond at once, as with `Prefer: respond-async`. A run with `delay` or `run_at` is always queued',
    ),
  ...dueTime,
})

export const functionVersion = z
  .object({
    version: z.number().describe('Number of the version, from 1'),
    runtime: z.string().describe('Runtime that the code is written for'),
    hash: z.string().describe('SHA-256 of the code and its configuration'),
    entry: z.string().describe('Path of the uploaded file with the handler'),
    packages: installedPackages,
    config: metadata.describe('Triggers and limits of this version'),
    created_at: createdAt,
  })
  .meta({ id: 'FunctionVersion', description: 'A version of a function' })
export type FunctionVersion = z.infer<typeof functionVersion>

export const fn = z
  .object({
    id: z.string().describe('Id of the function'),
    project_id: ownProjectId,
    name: z.string().describe('Name of the function, unique in its project'),
    runtime: z.string().describe('Runtime that the code is written for'),
    runtime_version: z
      .string()
      .nullable()
      .meta({
        description: 'Version of the interpreter on the responding instance; null while unknown',
        examples: ['22.11.0'],
      }),
    version: z.number().describe('Number of the live version'),
    hash: z.string().describe('SHA-256 of the code and configuration of the live version'),
    entry: z.string().describe('Path of the uploaded file with the handler'),
    packages: installedPackages,
    config: metadata.describe('Triggers and limits of the live version'),
    is_active: z.boolean().describe('Whether the function is enabled'),
    created_at: createdAt,
    updated_at: updatedAt,
    url_path: z
      .string()
      .nullable()
      .describe('Path where the function answers HTTP requests; null without an HTTP trigger'),
  })
  .meta({ id: 'Function', description: 'A function: user code, with its triggers and limits' })
export type Fn = z.infer<typeof fn>

const networkChanges = z
  .object({
    added: z.array(z.string()).describe('Hosts that only the newer version can connect to'),
    removed: z.array(z.string()).describe('Hosts that only the older version can connect to'),
    injects: z
      .object({
        added: z.array(z.string()).describe('Headers that only the newer version has injected'),
        removed: z.array(z.string()).describe('Headers that only the older version has injected'),
      })
      .describe('Changes of injected headers, as `host name: value` with the names of secrets'),
  })
  .meta({ id: 'NetworkChanges', description: 'What changed in the hosts that a function can connect to' })
export type NetworkChanges = z.infer<typeof networkChanges>

const changes = z
  .object({
    created: z.array(z.string()).describe('Those that the deployment created'),
    changed: z.array(z.string()).describe('Those that the deployment changed'),
    removed: z.array(z.string()).describe('Those that the deployment removed'),
  })
  .meta({ id: 'Changes', description: 'What a deployment changed' })
export const deployed = fn
  .extend({
    changed: z.boolean().describe('False: exactly this version was live already, and nothing was done'),
    hooks: changes.describe('Changes of hooks, by event type'),
    schedules: changes.describe('Changes of schedules, by expression and time zone'),
    network: networkChanges.describe('Changes of the hosts in `network` of the configuration'),
    package_changes: packageChanges,
    warnings,
  })
  .meta({ id: 'Deployed', description: 'The function, and what its deployment changed' })
export type Changes = z.infer<typeof changes>

export const deployDryRun = deployed
  .omit({
    id: true,
    project_id: true,
    runtime_version: true,
    is_active: true,
    created_at: true,
    updated_at: true,
  })
  .extend({ dry_run: z.literal(true).describe('Always true') })
  .meta({ id: 'DeployDryRun', description: 'The version that the request would deploy. Nothing has been stored' })
export const deployedOrDryRun = z
  .union([deployed, deployDryRun])
  .describe('The function, and what its deployment changed')

export const versionSource = functionVersion
  .extend({ files: z.record(z.string(), content).describe('The uploaded files, by path') })
  .meta({ id: 'VersionSource', description: 'A version of a function, with its files' })
export const listedVersion = functionVersion
  .extend({ live: z.boolean().describe('Whether this is the live version') })
  .meta({ id: 'ListedVersion', description: 'A version of a function in a list' })
export const versionsList = z.array(listedVersion).describe('The versions, newest first')
export const versionDiff = z
  .object({
    from: z.number().describe('Number of the older version'),
    to: z.number().describe('Number of the newer version'),
    files: z
      .array(
        z
          .object({
            path: z.string().describe('Path of the file'),
            change: z.enum(['added', 'removed', 'changed']).describe('What happened to the file'),
            lines: z.string().nullable().describe('Unified diff of the file; null for a file that is not text'),
          })
          .meta({ id: 'FileDiff', description: 'The difference between two versions of a file' }),
      )
      .describe('Files that differ'),
    config: z
      .object({
        from: metadata.describe('Configuration of the older version'),
        to: metadata.describe('Configuration of the newer version'),
      })
      .nullable()
      .describe('The configurations; null when they are equal'),
    network: networkChanges.describe('Changes of the hosts in `network` of the configuration'),
    packages: packageChanges,
  })
  .meta({ id: 'VersionDiff', description: 'The differences between two versions of a function' })

export const invoked = z
  .object({
    run_id: z.string().describe('Id of the run that records the call'),
    status: z.enum(['succeeded', 'queued']).describe('`succeeded`, or `queued` for a durable run'),
    result: z.unknown().optional().describe('What the function returned. Absent for a durable run'),
    duration_ms: z
      .number()
      .optional()
      .describe('Time that the function ran, in milliseconds. Absent for a durable run'),
  })
  .meta({ id: 'Invoked', description: 'Result of a call, or the durable run that was queued' })

/** The messages of a call whose client accepts server-sent events. */
export const invokeMessages = {
  response: z
    .object({
      status: z.number().describe('Status of the response of the function'),
      headers: z.record(z.string(), z.string()).describe('Headers of the response of the function'),
    })
    .meta({ id: 'StreamedResponse', description: 'Start of an HTTP response; the chunks are its body' }),
  chunk: z
    .unknown()
    .describe('An item of a streamed result: a text, another JSON value, or bytes as `{"$bytes": base64}`'),
  run: invoked,
  error: z
    .object({
      code: z.string().describe('Code of the error'),
      detail: z.string().describe('Explanation of the error'),
      run_id: z.string().nullable().describe('Id of the run that failed; null when the request made none'),
    })
    .meta({ id: 'StreamError', description: 'The call has failed after the start of the stream' }),
}
