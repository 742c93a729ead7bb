import { z } from 'zod'
import { isPlain } from './common.ts'
import { network, recordedRequests } from './network.ts'

const fileName = z
  .string()
  .min(1)
  .max(255)
  .refine((path) => isPlain(path) && path.split('/').every((part) => !['', '.', '..'].includes(part)), {
    error: 'must be a relative path such as data/input.csv',
  })
const content = z
  .union([z.string(), z.strictObject({ base64: z.base64().describe('The bytes, in base64') })])
  .describe('Text, or bytes as `{base64}`')

/** Accepted names of languages. */
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
  language: z
    .enum(Object.keys(LANGUAGES) as (keyof typeof LANGUAGES)[])
    .describe('Language of the program: Python 3, or JavaScript as an ES module'),
  code: z
    .string()
    .max(1_048_576)
    .meta({
      description:
        'A whole program. Its result is the global variable `result` in Python, the default export in JavaScript',
      examples: ['result = sum(range(10))'],
    }),
  stdin: z.string().max(1_048_576).default('').describe('Standard input of the program'),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_]\w{0,127}$/),
      z.string().max(32_768).refine(isPlain, { error: 'must not contain U+0000 or lone surrogates' }),
    )
    .refine((env) => Object.keys(env).length <= 100, { error: 'must have at most 100 variables' })
    .default({})
    .describe('Environment variables, at most 100'),
  files: z
    .record(fileName, content)
    .refine((files) => Object.keys(files).length <= 100, { error: 'must have at most 100 files' })
    .refine((files) => isTree(Object.keys(files)), { error: 'a path cannot be both a file and a folder' })
    .default({})
    .describe('Files in the working directory of the program, by path, at most 100'),
  timeout_seconds: z.number().min(1).max(120).default(30).describe('Maximum number of seconds'),
  network,
})

function isTree(paths: readonly string[]): boolean {
  const files = new Set(paths)
  return !paths.some((path) => path.split('/').some((_, i, parts) => i > 0 && files.has(parts.slice(0, i).join('/'))))
}

export const execution = z
  .object({
    status: z
      .enum(['ok', 'threw', 'timeout', 'memory', 'output_limit', 'crashed'])
      .describe(
        '`ok`: the program ended. `threw`: it ended with an error. `timeout`, `memory`, `output_limit`: it exceeded that limit. ' +
          '`crashed`: its process died.',
      ),
    result: z.unknown().describe('Result of the program, bytes as `{base64}`; null unless `status` is `ok`'),
    error: z
      .object({
        name: z.string().describe('Name of the error'),
        message: z.string().describe('Explanation of the error'),
        stack: z.string().nullable().describe('Where it went wrong; null when unknown'),
      })
      .nullable()
      .describe('Error of the program; null when `status` is `ok`'),
    stdout: z.string().describe('What the program printed, cut after 51,200 bytes with a line that says so'),
    stderr: z.string().describe('What the program printed to standard error, cut after 51,200 bytes'),
    ...recordedRequests,
    duration_ms: z.number().describe('Time that the program ran, in milliseconds'),
    queued_ms: z.number().describe('Time that the program waited for a free sandbox, in milliseconds'),
    peak_memory_bytes: z.number().nullable().describe('Largest memory use in bytes; null when it cannot be measured'),
    runtime: z.string().describe('Runtime that executed the program'),
    version: z.string().describe('Version of the interpreter'),
  })
  .meta({ id: 'Execution', description: 'What the program did' })
export type Execution = z.infer<typeof execution>
