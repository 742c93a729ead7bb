import { z } from 'zod'
import { isPlain } from './common.ts'

const fileName = z
  .string()
  .min(1)
  .max(255)
  .refine((path) => isPlain(path) && path.split('/').every((part) => !['', '.', '..'].includes(part)), {
    error: 'must be a relative path, as in data/input.csv',
  })
/** Text, or bytes as `{base64}`. */
const content = z.union([z.string(), z.strictObject({ base64: z.base64() })])

/** Each language by all the names that people know it by. */
export const LANGUAGES = {
  python: 'python3.11',
  python3: 'python3.11',
  'python3.11': 'python3.11',
  javascript: 'nodejs20',
  js: 'nodejs20',
  node: 'nodejs20',
  nodejs: 'nodejs20',
  nodejs20: 'nodejs20',
} as const

export const execute = z.object({
  language: z.enum(Object.keys(LANGUAGES) as (keyof typeof LANGUAGES)[]),
  /** A whole program. Python: what it leaves in `result`, JavaScript (ES modules): what it exports as default, is the result. */
  code: z.string().max(1_048_576),
  stdin: z.string().max(1_048_576).default(''),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_]\w{0,127}$/),
      z.string().max(32_768).refine(isPlain, { error: 'must not contain U+0000 or half characters' }),
    )
    .refine((env) => Object.keys(env).length <= 100, { error: 'at most 100 variables' })
    .default({}),
  /** Beside the program in its working directory. */
  files: z
    .record(fileName, content)
    .refine((files) => Object.keys(files).length <= 100, { error: 'at most 100 files' })
    .refine((files) => isTree(Object.keys(files)), { error: 'a path cannot be both a file and a folder' })
    .default({}),
  timeout_seconds: z.number().min(1).max(120).default(30),
})

function isTree(paths: readonly string[]): boolean {
  const files = new Set(paths)
  return !paths.some((path) => path.split('/').some((_, i, parts) => i > 0 && files.has(parts.slice(0, i).join('/'))))
}

export const execution = z.object({
  /**
   * `threw`: the program ended with an error. `timeout`, `memory`, `output_limit`: it went over that limit. `crashed`: its process
   * ended by itself.
   */
  status: z.enum(['ok', 'threw', 'timeout', 'memory', 'output_limit', 'crashed']),
  /** Null unless `ok`; bytes are `{base64}`. */
  result: z.unknown(),
  /** Null when `ok`. */
  error: z.object({ name: z.string(), message: z.string(), stack: z.string().nullable() }).nullable(),
  /** Cut at 51,200 bytes, with a line that says so. */
  stdout: z.string(),
  stderr: z.string(),
  /** That it ran, and that it waited before. */
  duration_ms: z.number(),
  queued_ms: z.number(),
  /** Null where it cannot be told. */
  peak_memory_bytes: z.number().nullable(),
  runtime: z.string(),
  /** Of the interpreter. */
  version: z.string(),
})
export type Execution = z.infer<typeof execution>
