import { RESULT_KIND } from './frames.ts'
import type { GuestResult, Outcome, OutcomeStatus } from './index.ts'
import { parseForeignJson } from './json.ts'

/** What has become of a call, as far as its result tells. */
export type Verdict = Pick<Outcome, 'status' | 'result' | 'error'>

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/
const MAX_HEADERS = 100

export function failed(status: OutcomeStatus, name: string, message: string): Verdict {
  return { status, result: null, error: { name, message } }
}

/**
 * Reads the body of a RESULT frame behind its two leading bytes. Never throws: what a guest sends that is no result is an error of its own.
 * `isChecked` false: what it says is taken as it is.
 */
export function readResult(kind: number, body: Buffer, limitBytes: number, isChecked: boolean): Verdict {
  try {
    if (kind === RESULT_KIND.JSON) {
      if (isChecked && body.length > limitBytes) return tooLarge(limitBytes, body.length)
      if (isChecked) parseForeignJson(body)
      return { status: 'ok', result: { kind: 'json', body: Buffer.from(body) }, error: null }
    }
    if (kind === RESULT_KIND.RESPONSE) return readResponse(body, limitBytes, isChecked)
    if (kind === RESULT_KIND.THREW) return readError(parseForeignJson(body))
    if (kind === RESULT_KIND.TOO_LARGE) return tooLarge(limitBytes, Number(body.toString('latin1', 0, 20)))
    return failed('threw', 'TypeError', 'The result is of no known kind')
  } catch (error) {
    return failed('threw', 'TypeError', `The result cannot be used: ${(error as Error).message}`)
  }
}

function tooLarge(limitBytes: number, bytes: number): Verdict {
  const size = bytes > 0 ? ` (${bytes} bytes)` : ''
  return failed('output_limit', 'OutputLimit', `The result is larger than ${limitBytes} bytes${size}`)
}

function readResponse(body: Buffer, limitBytes: number, isChecked: boolean): Verdict {
  const length = body.readUInt32LE(0)
  const content = body.subarray(4 + length)
  if (content.length > limitBytes) return tooLarge(limitBytes, content.length)
  const { status, headers } = parseForeignJson(body.subarray(4, 4 + length)) as { status: unknown; headers: unknown }
  if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599)
    throw new Error('a response has a status from 200 to 599')
  if (!Array.isArray(headers) || headers.length > MAX_HEADERS)
    throw new Error(`a response has at most ${MAX_HEADERS} headers`)
  const pairs = headers.map((header: unknown): [string, string] => {
    const [name, value] = Array.isArray(header) ? (header as unknown[]) : []
    if (typeof name !== 'string' || (isChecked && !HEADER_NAME.test(name)))
      throw new Error('a response has a header of no valid name')
    if (typeof value !== 'string' || (isChecked && !HEADER_VALUE.test(value)))
      throw new Error(`the header ${name} has characters that no header may have`)
    return [name.toLowerCase(), value]
  })
  const result: GuestResult = { kind: 'response', status: status as number, headers: pairs, body: Buffer.from(content) }
  return { status: 'ok', result, error: null }
}

/** 30 days: longer is a mistake, such as milliseconds, and no time that the database can hold. */
const MAX_PAUSE_SECONDS = 30 * 86_400

function readError(value: unknown): Verdict {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const text = (field: string, most: number) => {
    const found = fields[field]
    return typeof found === 'string' ? found.slice(0, most) : undefined
  }
  const name = text('name', 200) ?? 'Error'
  const message = text('message', 4_000) ?? ''
  const stack = text('stack', 16_000)
  const after = fields['retry_after_seconds']
  return {
    status: isOutOfMemory(name, message) ? 'memory' : 'threw',
    result: null,
    error: {
      name,
      message,
      ...(stack === undefined ? {} : { stack }),
      // No pause counts as absent: an attempt right behind every failure would go on a hundred times.
      ...(typeof after === 'number' && after > 0
        ? { retry_after_seconds: Math.min(Math.ceil(after), MAX_PAUSE_SECONDS) }
        : {}),
      ...(fields['never_retry'] === true ? { never_retry: true } : {}),
    },
  }
}

/** What the two languages throw when an allocation is refused. */
function isOutOfMemory(name: string, message: string): boolean {
  return name === 'MemoryError' || (name === 'RangeError' && message === 'Array buffer allocation failed')
}
