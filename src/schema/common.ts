import { z } from 'zod'
import { jsonObject } from './json-object.ts'

/** Any UUID's canonical text; answered in lower case. */
export const uuid = z.guid().transform((text) => text.toLowerCase())

/** From a query string or JSON alike. */
export const flag = z.preprocess(
  (given) => (typeof given === 'string' ? (FLAGS.get(given.toLowerCase()) ?? given) : given),
  z.boolean(),
)
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes', 'on', 'y', 'enabled'].map((text) => [text, true] as const),
  ...['false', '0', 'no', 'off', 'n', 'disabled'].map((text) => [text, false] as const),
])

/** Whole digits of a query string, or a number. Nothing else is taken for a number: not an empty text, and not `true`. */
export const integer = (min: number, max: number) =>
  z.preprocess((given) => (isText(given, /^[+-]?\d{1,16}$/) ? Number(given) : given), z.int().min(min).max(max))
export const seconds = (min: number, max: number) =>
  z.preprocess(
    (given) => (isText(given, /^\d{1,9}(\.\d{1,9})?$/) ? Number(given) : given),
    z.number().min(min).max(max),
  )

const isText = (given: unknown, pattern: RegExp) => typeof given === 'string' && pattern.test(given)

/** Whether it can be in the environment of a process or in the path of a file: no U+0000, no half of a character. */
export const isPlain = (text: string) => text.isWellFormed() && !text.includes('\0')

/** A text that says something: more than white space. */
export const wording = z.string().regex(/\S/, { error: 'Must not be empty, or only white space' })

export const metadata = jsonObject()
/** A name that we index: long enough for anybody, short enough for a b-tree. */
export const name = z.string().min(1).max(255)
export const namespace = name.default('default')

export const limit = integer(1, 1000)
export const offset = integer(0, 1_000_000_000).default(0)

/** Of a total beside it: false when there are more, which were not counted. */
export const totalIsExact = z.boolean()

/** ISO 8601 in UTC, with six digits of a second. */
export const timestamp = z.string()

/** The path's project; `-` is the caller's own (its key's, else `X-Project-ID`, else the default one). */
export const projectId = z.union([uuid, z.literal('-')])
