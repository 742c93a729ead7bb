import { z } from 'zod'
import { parseJson } from '../exact-json.ts'
import { jsonObject } from './json-object.ts'

/** The canonical text of a UUID, converted to lower case. */
export const uuid = z.guid().transform((text) => text.toLowerCase())

/** A boolean from a query string or JSON. */
export const flag = z.preprocess(
  (given) => (typeof given === 'string' ? (FLAGS.get(given.toLowerCase()) ?? given) : given),
  z.boolean(),
)
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes', 'on', 'y', 'enabled'].map((text) => [text, true] as const),
  ...['false', '0', 'no', 'off', 'n', 'disabled'].map((text) => [text, false] as const),
])

/** A number, or its digits in a query string. Empty text and `true` are not accepted as numbers. */
export const integer = (min: number, max: number) =>
  z.preprocess((given) => (isText(given, /^[+-]?\d{1,16}$/) ? Number(given) : given), z.int().min(min).max(max))
export const seconds = (min: number, max: number) =>
  z.preprocess(
    (given) => (isText(given, /^\d{1,9}(\.\d{1,9})?$/) ? Number(given) : given),
    z.number().min(min).max(max),
  )

const isText = (given: unknown, pattern: RegExp) => typeof given === 'string' && pattern.test(given)

/** Tells whether a text is valid in an environment variable or a path: it has no U+0000 and no lone surrogates. */
export const isPlain = (text: string) => text.isWellFormed() && !text.includes('\0')

/** A text that is not blank. */
export const wording = z.string().regex(/\S/, { error: 'Must not be empty or only white space' })

export const metadata = jsonObject()
/** A JSON object, or its text in a query string. */
export const queryObject = z.preprocess((given, context) => {
  if (typeof given !== 'string') return given
  try {
    return parseJson(given)
  } catch {
    context.addIssue({ code: 'custom', message: 'Input should be a JSON object, such as {"key": "value"}' })
    return z.NEVER
  }
}, metadata)
/** A name that is indexed, short enough for a b-tree. */
export const name = z.string().min(1).max(255)
export const namespace = name.default('default')

const pageSize = integer(1, 1000)
/** A page limit from 1 to 1,000. */
export const limit = (usual: number) => pageSize.default(usual).describe('Maximum number of results')
export const offset = integer(0, 1_000_000_000).default(0).describe('Number of results to skip')

export const totalIsExact = z
  .boolean()
  .describe('False when there are more than the total says, which were not counted')

/** A timestamp in ISO 8601, UTC, with microseconds. */
export const timestamp = z.string()
export const createdAt = timestamp.meta({
  description: 'When it was created: ISO 8601 in UTC, with microseconds',
  examples: ['2026-06-10T08:00:00.000000Z'],
})
export const updatedAt = timestamp.meta({
  description: 'When it last changed: ISO 8601 in UTC, with microseconds',
  examples: ['2026-06-10T08:00:00.000000Z'],
})

export const projectId = z.union([uuid, z.literal('-')]).meta({
  description:
    'Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project',
})
/** The project for paths without one. */
export const optionalProjectId = projectId
  .optional()
  .describe(
    'Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one',
  )
export const ownProjectId = z.string().describe('Id of the project that it belongs to')

/** The credential of a stream whose client cannot send headers. Authentication reads it before the operation runs. */
export const streamToken = z
  .string()
  .max(800)
  .optional()
  .describe(
    'Token of a login, or for published events a stream token, for clients such as EventSource that cannot send headers. API keys are not accepted here',
  )

export const cursor = z.string().optional().describe('`next_cursor` of the previous page. When absent: the first page')
/** The cursor of a list that is a bare array. */
export const arrayCursor = z
  .string()
  .optional()
  .describe('Header `X-Next-Cursor` of the previous page. When absent: the first page')
export const nextCursor = z.string().nullable().describe('Cursor of the next page; null on the last page')
export const warnings = z
  .array(z.string())
  .optional()
  .describe('Likely mistakes in the request. Absent when there are none')
