import { NeverRetry, RetryLater, StartError } from '../errors.ts'
import { deadline } from '../platform/abort.ts'

/** Retry pause if the provider sends no `Retry-After`. */
const PAUSE_SECONDS = 30
const MAX_PAUSE_SECONDS = 600
/** Retry pause while an operator has to change the configuration. */
const OPERATOR_PAUSE_SECONDS = 60
const MAX_REASON_CHARACTERS = 300
/** The body of an error response is ignored beyond this size. */
const MAX_ERROR_BYTES = 64 * 1024

export interface ProviderOptions {
  /** Prefix of all paths, for example `https://inference.do-ai.run/v1`. */
  baseUrl: string
  /** Undefined for no `Authorization` header, for example with a local model server. */
  apiKey: string | undefined
  /** Timeout of one `post`, from the first byte sent to the last byte read. */
  timeoutSeconds: number
  /** Maximum size after decompression. */
  maxResponseBytes: number
  /** Name of the provider in error messages. */
  name?: string
  clock?: { now(): number }
}

/** Speaks JSON with an OpenAI-compatible endpoint. */
export interface ProviderClient {
  /**
   * Posts `body` and returns the parsed response. Retries once, at once, if the connection fails before the response begins. Throws
   * `RetryLater` for network errors, timeouts, 408, 429 and 5xx, with the pause of `Retry-After` (1 to 600 s, default 30 s). Throws it with
   * 60 s for a refused key or account and for a redirect. Throws `FaultyAnswer` for 500, invalid JSON and responses that are too long, and
   * `ProviderRefusal` for any other status. An aborted call throws the signal's reason. No error contains the key.
   */
  post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown>
}

/** The provider rejected the request permanently. The message contains its reason, at most 300 characters. */
export class ProviderRefusal extends NeverRetry {
  readonly code = 'provider_refused'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The provider returned an unusable response. Possibly only this request is affected. */
export class FaultyAnswer extends RetryLater {
  readonly code = 'provider_faulty'

  constructor(message: string, options: ErrorOptions & { seconds?: number } = {}) {
    const { seconds = 5, ...rest } = options
    super(seconds, message, rest)
  }
}

/** Throws `StartError` for an address or key that cannot be used. Sends nothing until the first `post`. */
export function createProviderClient(options: ProviderOptions): ProviderClient {
  const { apiKey, timeoutSeconds, maxResponseBytes, name = 'model provider', clock = Date } = options
  const base = checkedBase(options.baseUrl, name)
  // An error of fetch would quote the whole header, with the key.
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
    throw new StartError(`The API key of the ${name} holds a space or another character that no key has`)
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  }

  async function send(path: string, body: string, signal: AbortSignal): Promise<Response> {
    const request = () => fetch(base + path, { method: 'POST', headers, body, signal, redirect: 'manual' })
    return request().catch((error) => {
      // A keep-alive connection that the server has closed fails only when it is used.
      if (signal.aborted) throw error
      return request()
    })
  }

  async function exchange(path: string, body: string, signal: AbortSignal): Promise<unknown> {
    const response = await send(path, body, signal)
    if (!response.ok) throw failure(response, await reasonOf(response))
    const text = await readText(response, maxResponseBytes)
    try {
      return JSON.parse(text)
    } catch {
      // Not the cause: its message quotes the answer.
      throw new FaultyAnswer(`The ${name} answered with something that is not JSON`)
    }
  }

  async function readText(response: Response, maxBytes: number): Promise<string> {
    const decoder = new TextDecoder()
    let text = ''
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) throw new FaultyAnswer(`The ${name} answered with more than ${maxBytes} bytes`)
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  }

  /** Reads the reason from an error response. Empty if there is none. */
  async function reasonOf(response: Response): Promise<string> {
    const text = await readText(response, MAX_ERROR_BYTES).catch(() => '')
    const plain = (apiKey === undefined ? reasonIn(text) : reasonIn(text).replaceAll(apiKey, '[key]')).trim()
    return plain === '' ? '' : `: ${plain.slice(0, MAX_REASON_CHARACTERS).replace(/[\ud800-\udbff]$/, '')}`
  }

  function failure({ status, headers }: Response, reason: string): Error {
    const answered = `The ${name} answered ${status}${reason}`
    if (status >= 300 && status < 400)
      return new RetryLater(OPERATOR_PAUSE_SECONDS, `The ${name} redirects (${status}): its base URL must be corrected`)
    // Without the reason, because some providers quote a part of the key.
    if (status === 401)
      return new RetryLater(OPERATOR_PAUSE_SECONDS, `The ${name} refuses the API key (401): it must be replaced`)
    if (status === 402 || status === 403)
      return new RetryLater(
        OPERATOR_PAUSE_SECONDS,
        `The ${name} refuses this API key or its account (${status})${reason}`,
      )
    const seconds = retryAfterSeconds(headers.get('retry-after'), clock.now(), MAX_PAUSE_SECONDS) ?? PAUSE_SECONDS
    if (status === 500) return new FaultyAnswer(answered, { seconds })
    if (status === 408 || status === 429 || status > 500) return new RetryLater(seconds, answered)
    return new ProviderRefusal(status, answered)
  }

  return {
    async post(path, body, signal) {
      signal?.throwIfAborted()
      const limit = deadline(timeoutSeconds * 1000, signal)
      try {
        return await exchange(path, JSON.stringify(body), limit.signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof RetryLater || error instanceof NeverRetry) throw error
        const what = limit.signal.aborted ? `took longer than ${timeoutSeconds} s` : `cannot be reached${codeOf(error)}`
        throw new RetryLater(PAUSE_SECONDS, `The ${name} ${what}`, { cause: error })
      } finally {
        limit.clear()
      }
    },
  }
}

/** Checks the base URL and removes its trailing slash. Errors do not quote it, because it may contain a password. */
function checkedBase(baseUrl: string, name: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw new StartError(`The base URL of the ${name} must be an address like https://example.com/v1`)
  if (url.username || url.password || url.search || url.hash)
    throw new StartError(
      `The base URL of the ${name} must have no user, password, "?" or "#": the key is a separate setting`,
    )
  return url.href.replace(/\/+$/, '')
}

/** Extracts the message from an error body of OpenAI, FastAPI and others, as one line. Empty for an HTML page. */
function reasonIn(text: string): string {
  let reason: unknown = /^\s*</.test(text) ? '' : text
  try {
    const { error, message, detail } = JSON.parse(text) as Record<string, unknown>
    const inner = (error as { message?: unknown } | null | undefined)?.message
    reason = [inner, error, message, detail, JSON.stringify(error ?? detail)].find((value) => typeof value === 'string')
  } catch {
    // Not JSON: the whole text is the message.
  }
  return typeof reason === 'string' ? reason.replace(/[\p{C}\s]+/gu, ' ') : ''
}

function codeOf(error: unknown): string {
  const { code } = ((error as Error).cause ?? error) as { code?: unknown }
  return typeof code === 'string' ? ` (${code})` : ''
}

/** An HTTP date begins with the day of the week. `Date.parse` alone would read "-5" as a month. */
const HTTP_DATE = /^\s*(mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s/i

/**
 * Reads the header `Retry-After`, seconds or a date, as 1 to `longest` seconds from `now` (milliseconds). Returns undefined if it is
 * absent, unreadable or asks for no pause (0, a negative number, a date in the past). Then the caller uses its own backoff.
 */
export function retryAfterSeconds(header: string | null | undefined, now: number, longest: number): number | undefined {
  if (header === null || header === undefined) return undefined
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header)
    ? Number(header)
    : HTTP_DATE.test(header)
      ? (Date.parse(header) - now) / 1000
      : Number.NaN
  return seconds > 0 ? Math.min(Math.ceil(seconds), longest) : undefined
}
