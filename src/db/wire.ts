import { ZeroError } from '../errors.ts'
import { parseStoredJson } from '../exact-json.ts'
import { Json, type SqlValue, Statement } from './sql.ts'

/** An encoded parameter: text, binary, or null. */
export type WireValue = string | Uint8Array | null

/** OIDs of types that extensions add. They differ between databases: a driver looks them up once. */
export interface ExtensionTypes {
  vector: number
}

const MAX_PARAMETERS = 65_535

/**
 * Encodes the parameters of a statement. Both drivers send exactly these bytes, so that types behave the same with either. Throws `invalid`
 * when there are more than the 65,535 parameters that the protocol allows.
 */
export function encodeAll(values: readonly SqlValue[], types: ExtensionTypes): WireValue[] {
  if (values.length > MAX_PARAMETERS)
    throw new ZeroError(
      'invalid',
      `Too many values in one statement: ${values.length}, at most ${MAX_PARAMETERS} are allowed`,
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
  throw new TypeError(`cannot bind a ${typeof value}: wrap objects in json(value)`)
}

/** Encodes pgvector's binary format: int16 dimensions, int16 zero, then big-endian float32. Ten times faster than the text format. */
function encodeVector(vector: Float32Array): Buffer {
  const out = Buffer.allocUnsafe(4 + vector.length * 4)
  out.writeInt16BE(vector.length, 0)
  out.writeInt16BE(0, 2)
  for (let i = 0; i < vector.length; i++) out.writeFloatBE(vector[i]!, 4 + i * 4)
  return out
}

/** Encodes a one-dimensional binary array: dimensions, has-null flag, element type, length, lower bound, then length and bytes of each element. */
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
 * Decodes a column's text format. A bigint becomes a number (stored values stay below 2^53) and a vector becomes a `Float32Array`. A
 * timestamptz stays text, as ISO 8601 in UTC with six decimals, because a JavaScript date would drop the microseconds. A numeric stays
 * text.
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

/** Converts `2026-06-10 08:00:00.5+00` (sessions use UTC) to `2026-06-10T08:00:00.500000Z`. `infinity` and years BC are returned unchanged. */
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
