import { RESULT_KIND } from './frames.ts'
import type { Outcome, OutcomeStatus } from './index.ts'
import { parseUntrustedJson } from './json.ts'

/** The part of an outcome that the result determines. */
export type Verdict = Pick<Outcome, 'status' | 'result' | 'error'>

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/
const MAX_HEADERS = 100

export function failed(status: OutcomeStatus, name: string, message: string): Verdict {
  return { status, result: null, error: { name, message } }
}

/**
 * Reads the body of a RESULT frame after its two leading bytes. Never throws: an invalid result is an error of the guest. Without `isChecked`
 * the content is not validated.
 */
export function readResult(kind: number, body: Buffer, limitBytes: number, isChecked: boolean): Verdict {
  try {
    if (kind === RESULT_KIND.JSON) {
      if (isChecked && body.length > limitBytes) return tooLarge(limitBytes, body.length)
      if (isChecked) parseUntrustedJson(body)
      return { status: 'ok', result: { kind: 'json', body: Buffer.from(body) }, error: null }
    }
    if (kind === RESULT_KIND.RESPONSE) return readResponse(body, limitBytes, isChecked)
    if (kind === RESULT_KIND.THREW) return readError(parseUntrustedJson(body))
    if (kind === RESULT_KIND.TOO_LARGE) return tooLarge(limitBytes, Number(body.toString('latin1', 0, 20)))
    return failed('threw', 'TypeError', 'The result has an unknown kind')
  } catch (error) {
    return failed('threw', 'TypeError', `The result is not valid: ${(error as Error).message}`)
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
  const head = readResponseHead(parseUntrustedJson(body.subarray(4, 4 + length)), isChecked)
  return { status: 'ok', result: { kind: 'response', ...head, body: Buffer.from(content) }, error: null }
}

/** Returns status and headers of a response of user code, with lower-case names. Throws an error whose message is a clause for the user. */
export function readResponseHead(value: unknown, isChecked = true): { status: number; headers: [string, string][] } {
  const { status, headers } = value as { status: unknown; headers: unknown }
  if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599)
    throw new Error('a response must have a status from 200 to 599')
  if (!Array.isArray(headers) || headers.length > MAX_HEADERS)
    throw new Error(`a response can have at most ${MAX_HEADERS} headers`)
  const pairs = headers.map((header: unknown): [string, string] => {
    const [name, value] = Array.isArray(header) ? (header as unknown[]) : []
    if (typeof name !== 'string' || (isChecked && !HEADER_NAME.test(name)))
      throw new Error('a response has a header with an invalid name')
    if (typeof value !== 'string' || (isChecked && !HEADER_VALUE.test(value)))
      throw new Error(`the header ${name} has characters that are not allowed in headers`)
    return [name.toLowerCase(), value]
  })
  return { status: status as number, headers: pairs }
}

/** 30 days. A longer delay is a mistake, such as milliseconds, and may exceed the range of the database. */
const MAX_RETRY_DELAY_SECONDS = 30 * 86_400

function readError(value: unknown): Verdict {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const text = (field: string, max: number) => {
    const found = fields[field]
    return typeof found === 'string' ? found.slice(0, max) : undefined
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
      // A delay of 0 counts as absent: it would repeat the attempt a hundred times without a pause.
      ...(typeof after === 'number' && after > 0
        ? { retry_after_seconds: Math.min(Math.ceil(after), MAX_RETRY_DELAY_SECONDS) }
        : {}),
      ...(fields['never_retry'] === true ? { never_retry: true } : {}),
    },
  }
}

/** Tells whether the error is the one that JavaScript or Python throws when an allocation fails. */
function isOutOfMemory(name: string, message: string): boolean {
  return name === 'MemoryError' || (name === 'RangeError' && message === 'Array buffer allocation failed')
}
