import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { StartError } from './errors.ts'
import { type HostPattern, type NetworkPolicy, parseHostPattern } from './platform/network-policy.ts'

const seconds = (min: number, max: number) => z.coerce.number().min(min).max(max)
const count = (min: number, max: number) => z.coerce.number().pipe(z.int().min(min).max(max))

/** Networks like `10.0.0.0/8`, separated by commas. */
const networks = z.string().refine((text) => namesIn(text).every((network) => ipaddr.isValidCIDR(network)), {
  error: 'must be networks like 10.0.0.0/8, separated by commas',
})
const origins = z
  .string()
  .refine((text) => namesIn(text).every((origin) => URL.canParse(origin) && new URL(origin).origin === origin), {
    error: 'must be origins like https://app.example.com, separated by commas',
  })
const hosts = z
  .string()
  .refine(
    (text) =>
      namesIn(text).every((host) => URL.canParse(`http://${host}`) && new URL(`http://${host}`).hostname === host),
    {
      error: 'must be names of hosts without a port, separated by commas',
    },
  )
const addresses = z
  .string()
  .refine((text) => namesIn(text).every((each) => ipaddr.isValidCIDR(each) || ipaddr.isValid(each)), {
    error: 'must be IP addresses or networks like 10.0.0.0/8, separated by commas',
  })
/** `allow-list`, `off`, or patterns of hosts. */
const functionsNetwork = z.string().superRefine((text, context) => {
  if (text === 'allow-list' || text === 'off') return
  const names = namesIn(text)
  const problems = names.flatMap((name) => {
    // Probably meant as a switch: as a name, it would allow no other host.
    if (/^(allow-list|off|on|true|false|all|any|none)$/i.test(name)) return [`"${name}" is not a host`]
    const pattern = parseHostPattern(name)
    return 'problem' in pattern ? [`"${name}" ${pattern.problem}`] : []
  })
  if (names.length > 0 && problems.length === 0) return
  const message = ['must be allow-list, off, or hosts like *.example.com, separated by commas', ...problems].join('; ')
  context.addIssue({ code: 'custom', message })
})
const encryptionKey = z.string().refine((text) => readEncryptionKey(text) !== null, {
  error: 'must be 32 bytes, as 64 hexadecimal digits or as base64',
})

/** All settings: environment variable, type and default. */
const SETTINGS = {
  ZERODB_HOST: z.string().min(1).default('127.0.0.1'),
  ZERODB_PORT: count(0, 65_535).default(8000),
  ZERODB_DATA_DIR: z.string().min(1).default('./.zerodb'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  ZERODB_PG_POOL: count(2, 500).default(10),
  ZERODB_DURABILITY: z.enum(['process', 'power']).default('process'),
  ZERODB_BOOTSTRAP_KEY: z.string().min(16).optional(),
  ZERODB_REGISTRATION: z.stringbool().default(false),
  ZERODB_INSTANT_DB: z.stringbool().default(false),
  ZERODB_JWT_SECRET: z.string().min(32).optional(),
  ZERODB_ENCRYPTION_KEY: encryptionKey.optional(),
  ZERODB_EMBEDDING_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  ZERODB_EMBEDDING_API_KEY: z.string().optional(),
  ZERODB_EMBEDDING_MODEL: z.string().min(1).max(255).optional(),
  ZERODB_EMBEDDING_DIMENSIONS: count(1, 16_000).optional(),
  ZERODB_LLM_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  ZERODB_LLM_API_KEY: z.string().optional(),
  ZERODB_LLM_MODEL: z.string().min(1).max(255).optional(),
  ZERODB_MODEL_FALLBACK: z.stringbool().default(true),
  ZERODB_MEMORY_EMBED: z.stringbool().default(true),
  ZERODB_SANDBOX: z.enum(['auto', 'bubblewrap', 'e2b', 'unsafe-process', 'off']).default('auto'),
  ZERODB_SANDBOX_CONCURRENCY: count(1, 1000).default(40),
  ZERODB_SANDBOX_ALLOW_UNSAFE: z.stringbool().default(false),
  ZERODB_FUNCTIONS_NETWORK: functionsNetwork.default('allow-list'),
  ZERODB_MAX_BODY_MB: count(1, 100_000).default(16),
  ZERODB_MAX_UPLOAD_MB: count(1, 100_000).default(1024),
  ZERODB_MAX_BATCH: count(1, 10_000).default(100),
  ZERODB_WORKER_SLOTS: count(0, 1000).default(16),
  ZERODB_PROJECT_CONCURRENCY: count(1, 10_000).optional(),
  ZERODB_RATE_LIMIT: count(0, 1_000_000).default(1000),
  ZERODB_QUOTA_PROJECTS: count(1, 1_000_000).default(1000),
  ZERODB_QUOTA_KEYS: count(1, 1_000_000).default(1000),
  ZERODB_QUOTA_HOOKS: count(1, 1_000_000).default(1000),
  ZERODB_QUOTA_FUNCTIONS: count(1, 1_000_000).default(500),
  ZERODB_QUOTA_SCHEDULES: count(1, 1_000_000).default(500),
  ZERODB_QUOTA_TABLES: count(1, 1_000_000).default(1000),
  ZERODB_QUOTA_EVENT_STREAMS: count(1, 1_000_000).default(100),
  ZERODB_QUOTA_MCP_LISTENERS: count(1, 1_000_000).default(2000),
  ZERODB_MAX_DEPTH: count(1, 1000).default(8),
  ZERODB_LOOP_LIMIT: count(1, 1_000_000).default(100),
  ZERODB_RETENTION_DAYS: seconds(0, 36_500).default(7),
  ZERODB_DEAD_RETENTION_DAYS: seconds(0, 36_500).default(30),
  ZERODB_HANDLER_TIMEOUT_SECONDS: seconds(1, 3600).default(60),
  ZERODB_WEBHOOK_FAILING_DAYS: count(1, 365).default(5),
  ZERODB_ALLOW_NETWORKS: networks.optional(),
  ZERODB_METRICS: z.enum(['key', 'open']).default('key'),
  ZERODB_METRICS_TOKEN: z.string().min(16).optional(),
  ZERODB_FUNCTIONS_ORIGIN: z.url({ protocol: /^https?$/ }).optional(),
  ZERODB_ALLOWED_HOSTS: hosts.optional(),
  ZERODB_TRUSTED_PROXIES: addresses.optional(),
  ZERODB_CORS_ORIGINS: origins.optional(),
  ZERODB_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  ZERODB_LOG_FORMAT: z.enum(['auto', 'json', 'text']).default('auto'),
}

/** Settings that are never printed. Each can also be read from a file: `NAME_FILE`. */
const SECRETS = new Set<string>([
  'DATABASE_URL',
  'ZERODB_BOOTSTRAP_KEY',
  'ZERODB_JWT_SECRET',
  'ZERODB_ENCRYPTION_KEY',
  'ZERODB_METRICS_TOKEN',
  'ZERODB_EMBEDDING_API_KEY',
  'ZERODB_LLM_API_KEY',
])

/** Resources with a quota. */
export type Quota = 'projects' | 'keys' | 'hooks' | 'functions' | 'schedules' | 'tables'

/** An OpenAI-compatible endpoint. */
export interface ProviderConfig {
  baseUrl: string
  /** Undefined if the endpoint needs no key. */
  apiKey: string | undefined
  model: string
}

export interface Config {
  host: string
  port: number
  /** Absolute. */
  dataDir: string
  /** Undefined: the embedded database in `dataDir`. */
  databaseUrl: string | undefined
  pgPool: number
  durability: 'process' | 'power'
  bootstrapKey: string | undefined
  /** Whether anyone may create an account. */
  registration: boolean
  /** Whether anyone may create a temporary database. */
  instantDb: boolean
  /** Signs access tokens; undefined: made at the first start and kept in `dataDir`. Instances that share a database must share it. */
  jwtSecret: string | undefined
  /** Seals users' secrets, 32 bytes; undefined: made at the first start and kept in `dataDir`. Instances that share a database must share it. */
  encryptionKey: Uint8Array | undefined
  /** Undefined: the built-in model. */
  embedding: (ProviderConfig & { dimensions: number | undefined }) | undefined
  /** Undefined: the built-in rules. */
  language: ProviderConfig | undefined
  modelFallback: boolean
  /** Whether remembered texts are embedded without a hook. */
  memoryEmbed: boolean
  /** Sandbox driver for user code; `auto`: the strongest local driver that works on this machine. */
  sandbox: 'auto' | 'bubblewrap' | 'e2b' | 'unsafe-process' | 'off'
  /** Calls of user code that this process executes at once; one project takes at most half of them. */
  sandboxConcurrency: number
  /** Hosts that user code can reach. `allow-list`: those that it declares. A policy: those of them that the policy allows, too. `off`: none. */
  functionsNetwork: 'allow-list' | 'off' | NetworkPolicy
  maxBodyBytes: number
  maxUploadBytes: number
  maxBatch: number
  /** Maximum number of concurrent runs of this process; 0: other processes execute them. */
  workerSlots: number
  /** Maximum number of concurrent runs of one project over all instances; null for no limit. */
  projectLimit: number | null
  /** Requests a second of one user, or to the public functions of one project, in this process; 0: any number. */
  rateLimit: number
  /** Maximum number of each per user or project; for streams and listeners, the number open at once in this process. */
  quotas: Record<Quota | 'eventStreams' | 'mcpListeners', number>
  /** Maximum number of runs between an event and the start of its chain. */
  maxDepth: number
  /** Number of runs of one hook for one row within a minute that counts as a loop. */
  loopLimit: number
  /** How long events and ended runs are kept; 0: for ever. */
  retentionDays: number
  /** How long dead runs and their events are kept; 0: for ever. */
  deadRetentionDays: number
  handlerTimeoutSeconds: number
  /** A webhook that has failed for this many days without a success is disabled. */
  webhookFailingDays: number
  /** Networks that users' requests may reach although they are not public. */
  allowNetworks: string[]
  /** `key`: reading the metrics needs `metricsToken` or a key of the first user. `open`: it needs nothing. */
  metrics: 'key' | 'open'
  /** A bearer token that reads the metrics and nothing else. */
  metricsToken: string | undefined
  /** Separate origin for HTTP functions; undefined: they use the origin of the API. */
  functionsOrigin: string | undefined
  /** Host names that MCP clients and requests without a key may use, in addition to those of this machine. */
  allowedHosts: string[]
  /** Addresses and networks of proxies whose `X-Forwarded-For` names the client. */
  trustedProxies: string[]
  /** Origins that are allowed by CORS. */
  corsOrigins: string[]
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** `text`: a line for people. `auto`: that on a terminal, and JSON elsewhere. */
  logFormat: 'auto' | 'json' | 'text'
  /** Unknown `ZERODB_` variables, reported as warnings because they are probably typing errors. */
  unknown: string[]
}

type Environment = Record<string, string | undefined>

/** Reads the settings from `env`. Throws `StartError` that names everything that is wrong with them at once. */
export function readConfig(env: Environment): Config {
  const parsed = z.object(SETTINGS).safeParse(withFiles(env))
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new StartError(`These settings are wrong:\n${lines.join('\n')}`)
  }
  const settings = parsed.data
  if (settings.ZERODB_WORKER_SLOTS === 0 && settings.DATABASE_URL === undefined)
    throw new StartError(
      'ZERODB_WORKER_SLOTS is 0 and there is no DATABASE_URL: with the embedded database this is the only process that can execute runs',
    )
  if (
    settings.ZERODB_SANDBOX === 'unsafe-process' &&
    env['NODE_ENV'] === 'production' &&
    !settings.ZERODB_SANDBOX_ALLOW_UNSAFE
  )
    throw new StartError(
      'ZERODB_SANDBOX is unsafe-process, which lets user code do whatever the server can, and this is production: choose another, or set ZERODB_SANDBOX_ALLOW_UNSAFE=on as well',
    )
  const embedding = provider('ZERODB_EMBEDDING', settings)
  const language = provider('ZERODB_LLM', settings)
  return {
    host: settings.ZERODB_HOST,
    port: settings.ZERODB_PORT,
    dataDir: resolve(settings.ZERODB_DATA_DIR),
    databaseUrl: settings.DATABASE_URL,
    pgPool: settings.ZERODB_PG_POOL,
    durability: settings.ZERODB_DURABILITY,
    bootstrapKey: settings.ZERODB_BOOTSTRAP_KEY,
    registration: settings.ZERODB_REGISTRATION,
    instantDb: settings.ZERODB_INSTANT_DB,
    jwtSecret: settings.ZERODB_JWT_SECRET,
    encryptionKey: readEncryptionKey(settings.ZERODB_ENCRYPTION_KEY ?? '') ?? undefined,
    embedding: embedding && { ...embedding, dimensions: settings.ZERODB_EMBEDDING_DIMENSIONS },
    language,
    modelFallback: settings.ZERODB_MODEL_FALLBACK,
    memoryEmbed: settings.ZERODB_MEMORY_EMBED,
    sandbox: settings.ZERODB_SANDBOX,
    sandboxConcurrency: settings.ZERODB_SANDBOX_CONCURRENCY,
    functionsNetwork: readFunctionsNetwork(settings.ZERODB_FUNCTIONS_NETWORK),
    maxBodyBytes: settings.ZERODB_MAX_BODY_MB * 1024 * 1024,
    maxUploadBytes: settings.ZERODB_MAX_UPLOAD_MB * 1024 * 1024,
    maxBatch: settings.ZERODB_MAX_BATCH,
    workerSlots: settings.ZERODB_WORKER_SLOTS,
    projectLimit: settings.ZERODB_PROJECT_CONCURRENCY ?? null,
    rateLimit: settings.ZERODB_RATE_LIMIT,
    quotas: {
      projects: settings.ZERODB_QUOTA_PROJECTS,
      keys: settings.ZERODB_QUOTA_KEYS,
      hooks: settings.ZERODB_QUOTA_HOOKS,
      functions: settings.ZERODB_QUOTA_FUNCTIONS,
      schedules: settings.ZERODB_QUOTA_SCHEDULES,
      tables: settings.ZERODB_QUOTA_TABLES,
      eventStreams: settings.ZERODB_QUOTA_EVENT_STREAMS,
      mcpListeners: settings.ZERODB_QUOTA_MCP_LISTENERS,
    },
    maxDepth: settings.ZERODB_MAX_DEPTH,
    loopLimit: settings.ZERODB_LOOP_LIMIT,
    retentionDays: settings.ZERODB_RETENTION_DAYS,
    deadRetentionDays: settings.ZERODB_DEAD_RETENTION_DAYS,
    handlerTimeoutSeconds: settings.ZERODB_HANDLER_TIMEOUT_SECONDS,
    webhookFailingDays: settings.ZERODB_WEBHOOK_FAILING_DAYS,
    allowNetworks: namesIn(settings.ZERODB_ALLOW_NETWORKS ?? ''),
    metrics: settings.ZERODB_METRICS,
    metricsToken: settings.ZERODB_METRICS_TOKEN,
    functionsOrigin: settings.ZERODB_FUNCTIONS_ORIGIN,
    allowedHosts: namesIn(settings.ZERODB_ALLOWED_HOSTS ?? ''),
    trustedProxies: namesIn(settings.ZERODB_TRUSTED_PROXIES ?? ''),
    corsOrigins: namesIn(settings.ZERODB_CORS_ORIGINS ?? ''),
    logLevel: settings.ZERODB_LOG_LEVEL,
    logFormat: settings.ZERODB_LOG_FORMAT,
    unknown: Object.keys(env).filter(
      (name) => isOurs(name) && !(name in SETTINGS) && !(name.replace(/_FILE$/, '') in SETTINGS),
    ),
  }
}

/** Decodes a key of 32 bytes from 64 hexadecimal digits or base64; null when `text` is neither. */
export function readEncryptionKey(text: string): Uint8Array | null {
  const digits = text.trim()
  if (/^[0-9a-f]{64}$/i.test(digits)) return Buffer.from(digits, 'hex')
  return /^[\w+/-]{43}=?$/.test(digits) ? Buffer.from(digits, 'base64') : null
}

function readFunctionsNetwork(text: string): Config['functionsNetwork'] {
  if (text === 'allow-list' || text === 'off') return text
  return { allow: namesIn(text).map((name) => (parseHostPattern(name) as HostPattern).text) }
}

function namesIn(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

type ProviderSettings = {
  [Setting in `${'ZERODB_EMBEDDING' | 'ZERODB_LLM'}_${'BASE_URL' | 'API_KEY' | 'MODEL'}`]?: string | undefined
}

/** Reads the settings of an endpoint. Throws `StartError` when only one of base URL and model is set. */
function provider(prefix: 'ZERODB_EMBEDDING' | 'ZERODB_LLM', settings: ProviderSettings): ProviderConfig | undefined {
  const baseUrl = settings[`${prefix}_BASE_URL`]
  const model = settings[`${prefix}_MODEL`]
  if (baseUrl !== undefined && model !== undefined) return { baseUrl, model, apiKey: settings[`${prefix}_API_KEY`] }
  if (baseUrl === undefined && model === undefined) return undefined
  throw new StartError(
    `${prefix}_BASE_URL and ${prefix}_MODEL go together: set both, or neither for the built-in model`,
  )
}

/** Returns all settings with their effective values and sources. Secrets are hidden. */
export function describeConfig(env: Environment): { name: string; value: string; source: 'environment' | 'default' }[] {
  readConfig(env)
  const given = withFiles(env)
  return Object.entries(SETTINGS).map(([name, schema]) => {
    const value = schema.parse(given[name])
    const shown = value === undefined ? '(none)' : SECRETS.has(name) ? '(hidden)' : String(value)
    return { name, value: shown, source: given[name] === undefined ? 'default' : 'environment' }
  })
}

function isOurs(name: string): boolean {
  // Exceptions: variables of our scripts and tests, and of CLI commands that call a running server (URL, API_KEY).
  return name.startsWith('ZERODB_') && !/^ZERODB_(TEST_.*|SPEC_FILE|EVAL_DATA|SYSTEM_INSTALL|URL|API_KEY)$/.test(name)
}

/** Reads secrets from their files. An empty variable counts as unset, because compose files produce them. */
function withFiles(env: Environment): Environment {
  return Object.fromEntries(
    Object.keys(SETTINGS).map((name) => {
      const file = env[`${name}_FILE`]
      if (env[name] || !file || !SECRETS.has(name)) return [name, env[name] || undefined]
      try {
        return [name, readFileSync(file, 'utf8').trim()]
      } catch (error) {
        throw new StartError(`${name}_FILE cannot be read: ${(error as Error).message}`, { cause: error })
      }
    }),
  )
}
