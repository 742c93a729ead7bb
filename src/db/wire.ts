import { ZeroError } from '../errors.ts'
import { parseStoredJson } from '../exact-json.ts'
import { Json, type SqlValue, Statement } from './sql.ts'

/** A parameter as it travels: text, binary, or null. */
export type WireValue = string | Uint8Array | null

/** The types that extensions add have no fixed number: a driver looks them up once. */
export interface ExtensionTypes {
  vector: number
}

const MAX_PARAMETERS = 65_535

/**
 * The parameters of a statement as they travel. Both drivers send exactly these bytes, so that no driver's own idea of a type can differ
 * from the other's. Throws `invalid` when there are more than the protocol can count.
 */
export function encodeAll(values: readonly SqlValue[], types: ExtensionTypes): WireValue[] {
  if (values.length > MAX_PARAMETERS)
    throw new ZeroError(
      'invalid',
      `A statement may have ${MAX_PARAMETERS} values at most, and this one has ${values.length}`,
    )
  return values.map((value) => encode(value, types))
}

function encode(value: SqlValue, types: ExtensionTypes): WireValue {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Json) return value.text
  if (value instanceof Float32Array) return encodeVector(value)
  if (value instanceof Uint8Array) return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Statement) throw new TypeError('a nested statement must be spliced by sql``')
  if (Array.isArray(value)) {
    if (value.some((item) => item instanceof Float32Array))
      return encodeVectors(value as (Float32Array | null)[], types.vector)
    return encodeArray(value as (string | number | null)[])
  }
  throw new TypeError(`cannot bind a ${typeof value}: objects travel as json(value)`)
}

/** pgvector's binary form: int16 dimensions, int16 zero, then big-endian float32. Ten times cheaper than its text form. */
function encodeVector(vector: Float32Array): Buffer {
  const out = Buffer.allocUnsafe(4 + vector.length * 4)
  out.writeInt16BE(vector.length, 0)
  out.writeInt16BE(0, 2)
  for (let i = 0; i < vector.length; i++) out.writeFloatBE(vector[i]!, 4 + i * 4)
  return out
}

/** A one-dimensional binary array: dimensions, has-null flag, element type, length, lower bound, then length and bytes of each. */
function encodeVectors(vectors: readonly (Float32Array | null)[], elementType: number): Buffer {
  const head = Buffer.alloc(20)
  head.writeInt32BE(1, 0)
  head.writeInt32BE(vectors.includes(null) ? 1 : 0, 4)
  head.writeUInt32BE(elementType, 8)
  head.writeInt32BE(vectors.length, 12)
  head.writeInt32BE(1, 16)
  const pieces: Buffer[] = [head]
  for (const vector of vectors) {
    const length = Buffer.alloc(4)
    if (vector === null) {
      length.writeInt32BE(-1)
      pieces.push(length)
    } else {
      const body = encodeVector(vector)
      length.writeInt32BE(body.length)
      pieces.push(length, body)
    }
  }
  return Buffer.concat(pieces)
}

function encodeArray(items: readonly (string | number | null)[]): string {
  const quoted = items.map((item) =>
    item === null ? 'null' : typeof item === 'number' ? String(item) : `"${item.replace(/[\\"]/g, '\\$&')}"`,
  )
  return `{${quoted.join(',')}}`
}

const NUMBERS = new Set([20, 21, 23, 26, 700, 701])
const JSONS = new Set([114, 3802])
const TEXT_ARRAYS = new Set([1009, 1015, 2951])
const NUMBER_ARRAYS = new Set([1016, 1007, 1005, 1021, 1022])

/**
 * Reads a column's text form. bigint becomes a number (ours stay below 2^53); timestamptz stays text, as ISO 8601 in UTC with all six
 * digits of a second, because a JavaScript date would drop the microseconds; vectors become `Float32Array`; numeric stays text.
 */
export function decode(type: number, text: string | null, types: ExtensionTypes): unknown {
  if (text === null) return null
  if (type === 16) return text === 't'
  if (NUMBERS.has(type)) return Number(text)
  if (JSONS.has(type)) return parseStoredJson(text)
  if (type === 1184) return isoTimestamp(text)
  if (type === 17) return Buffer.from(text.slice(2), 'hex')
  if (type === types.vector) return Float32Array.from(JSON.parse(text) as number[])
  if (TEXT_ARRAYS.has(type)) return decodeArray(text)
  if (NUMBER_ARRAYS.has(type)) return decodeArray(text).map((item) => (item === null ? null : Number(item)))
  return text
}

/** `2026-06-10 08:00:00.5+00` (sessions run in UTC) becomes `2026-06-10T08:00:00.500000Z`. `infinity` and years before Christ stay as they are. */
function isoTimestamp(text: string): string {
  if (!text.endsWith('+00')) return text
  const [seconds, fraction = ''] = text.slice(0, -3).split('.')
  return `${seconds!.replace(' ', 'T')}.${fraction.padEnd(6, '0')}Z`
}

function decodeArray(text: string): (string | null)[] {
  const items: (string | null)[] = []
  for (const [, quoted, plain] of text.slice(1, -1).matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)"|([^,]+)/g)) {
    if (quoted !== undefined) items.push(quoted.replace(/\\(.)/g, '$1'))
    else items.push(plain === 'NULL' ? null : plain!)
  }
  return items
}
