import type { Readable } from 'node:stream'
import { z } from 'zod'
import { depthOf, MAX_JSON_DEPTH } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { parseStoredJson } from '../exact-json.ts'
import { metadata } from '../schema/common.ts'
import { safeParse } from '../schema/safe-parse.ts'
import type { DumpedRow } from '../store/transfer/load.ts'

// An export is a JSON Lines file. It has a header, the rows of each table after the tables that they refer to, and the contents of files in
// pieces. The last line has the number of lines, which shows whether the file is complete. Empty lines are allowed anywhere and do not
// count.

export const FORMAT = 1

export const header = z.object({
  /** `move` is a backup without the contents of files, which stay in the data directory. */
  zerodb: z.enum(['project', 'backup', 'move']),
  format: z.number(),
  /** The last migration of the source database. */
  schema: z.object({ number: z.number(), name: z.string() }),
  /** Decrypts secrets; present only if requested. */
  encryption_key: z.string().optional(),
})
export type Header = z.infer<typeof header>

const row = z.strictObject({
  table: z.string(),
  row: metadata,
  vectors: z.record(z.string(), z.array(z.number()).nullable()).optional(),
})
/** A piece of a blob; an empty piece ends the blob. */
const piece = z.object({ blob: z.string().regex(/^[0-9a-f]{64}$/), base64: z.string() })
const end = z.object({ lines: z.number() })

export type Line =
  | { kind: 'row'; table: string; row: DumpedRow }
  | { kind: 'piece'; blob: string; bytes: Buffer }
  | { kind: 'end' }

/** Yields the lines after the header. `parse` may reject values. Throws `invalid` with the number of the faulty line. */
export async function* readLines(
  content: Readable,
  onHeader: (header: Header) => void,
  parse: (text: string) => unknown = parseStoredJson,
): AsyncGenerator<Line, void> {
  let number = 0
  let count = 0
  let ended = false
  for await (const text of textLines(content)) {
    number++
    if (text === '') continue
    count++
    const value = parsed(text, number, parse)
    if (count === 1) {
      onHeader(checked(header, value, number))
      continue
    }
    if (ended) throw wrong(number, 'there is a line after the end')
    const line = lineOf(value, number, text)
    if (line.kind === 'end') {
      ended = true
      if ((value as { lines: number }).lines !== count) throw wrong(number, 'lines are missing before the end')
    }
    yield line
  }
  if (!ended) throw new ZeroError('invalid', 'The file is truncated: its last line is missing')
}

/** The depth of any JSON value, plus one level for the row and one for the line. */
const MAX_LINE_DEPTH = MAX_JSON_DEPTH + 2
/** Longer than any row that can be stored. */
const MAX_LINE_BYTES = 256 * 1024 * 1024

async function* textLines(content: Readable): AsyncGenerator<string, void> {
  let pending: Buffer[] = []
  let length = 0
  for await (const chunk of content as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      yield Buffer.concat([...pending, chunk.subarray(start, end)]).toString()
      pending = []
      length = 0
      start = end + 1
    }
    pending.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > MAX_LINE_BYTES)
      throw new ZeroError('too_large', `A line of the file is longer than ${MAX_LINE_BYTES / 1024 / 1024} MB`)
  }
  if (length > 0) yield Buffer.concat(pending).toString()
}

function lineOf(value: Record<string, unknown>, number: number, text: string): Line {
  if ('row' in value) {
    if (depthOf(text) > MAX_LINE_DEPTH)
      throw wrong(number, `the JSON is nested more than ${MAX_LINE_DEPTH} levels deep`)
    const { table, ...rest } = checked(row, value, number)
    return { kind: 'row', table, row: { line: number, text, ...rest } }
  }
  if ('blob' in value) {
    const { blob, base64 } = checked(piece, value, number)
    return { kind: 'piece', blob, bytes: Buffer.from(base64, 'base64') }
  }
  checked(end, value, number)
  return { kind: 'end' }
}

function parsed(text: string, number: number, parse: (text: string) => unknown): Record<string, unknown> {
  try {
    const value = parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (error) {
    if (error instanceof ZeroError) throw wrong(number, error.fields?.[0]?.msg ?? error.message)
  }
  throw wrong(number, 'it is not a JSON object')
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, number: number): z.infer<Schema> {
  const result = safeParse(schema, value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw wrong(number, [...issue!.path, issue!.message].join(': '))
}

function wrong(number: number, why: string): ZeroError {
  return new ZeroError('invalid', `Line ${number} is not a valid line of an export or backup: ${why}`)
}

/** Writes lines, and counts them. */
export function createWriter() {
  let lines = 0
  const write = (text: string): Buffer => {
    lines++
    return Buffer.from(`${text}\n`)
  }
  return {
    /** Writes a line that is already JSON. */
    raw: write,
    json: (value: unknown) => write(JSON.stringify(value)),
    end: () => write(JSON.stringify({ lines: lines + 1 })),
  }
}
