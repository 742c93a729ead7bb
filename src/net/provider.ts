import { NeverRetry, RetryLater, StartError } from '../errors.ts'
import { deadline } from '../platform/abort.ts'

/** Until the next attempt, where the provider does not say. */
const PAUSE_SECONDS = 30
const MAX_PAUSE_SECONDS = 600
/** Until the next attempt when someone has to change the configuration first. */
const OPERATOR_PAUSE_SECONDS = 60
const MAX_REASON_CHARACTERS = 300
/** A longer explanation of an error is none. */
const MAX_ERROR_BYTES = 64 * 1024

export interface ProviderOptions {
  /** What the paths are added to, e.g. `https://inference.do-ai.run/v1`. */
  baseUrl: string
  /** Undefined: requests carry no `Authorization`, as for a model server on the own machine. */
  apiKey: string | undefined
  /** For one `post`, from the first byte sent to the last one read. */
  timeoutSeconds: number
  /** After decompression. */
  maxResponseBytes: number
  /** How error messages call it. */
  name?: string
  clock?: { now(): number }
}

/** Speaks JSON with an OpenAI-compatible endpoint. */
export interface ProviderClient {
  /**
   * The parsed answer to `body`. A connection that fails before the answer begins is tried once more at once; every other repetition is
   * the caller's. What it throws are words to the engine: `RetryLater` when it may go well later (network, timeout, 408, 429, 5xx: after
   * `Retry-After`, 1 to 600 s, or else 30 s; a refused key or account, or a redirect: 60 s), `FaultyAnswer` for 500 and what is no JSON or
   * too long, `ProviderRefusal` for every other status. An aborted call throws the signal's reason. No error holds the key.
   */
  post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown>
}

/** The provider will never do what it was asked; the message holds its reason, at most 300 characters. */
export class ProviderRefusal extends NeverRetry {
  readonly code = 'provider_refused'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The provider took the request and gave nothing of use. That may be the fault of this one request, where others would go well. */
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
  // fetch would name the whole header, and so the key, in its own error.
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
      // A kept connection that the other side has closed meanwhile shows only when it is used.
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

  /** Empty when there is none to be read: the status says enough. */
  async function reasonOf(response: Response): Promise<string> {
    const text = await readText(response, MAX_ERROR_BYTES).catch(() => '')
    const plain = (apiKey === undefined ? reasonIn(text) : reasonIn(text).replaceAll(apiKey, '[key]')).trim()
    return plain === '' ? '' : `: ${plain.slice(0, MAX_REASON_CHARACTERS).replace(/[\ud800-\udbff]$/, '')}`
  }

  function failure({ status, headers }: Response, reason: string): Error {
    const answered = `The ${name} answered ${status}${reason}`
    if (status >= 300 && status < 400)
      return new RetryLater(OPERATOR_PAUSE_SECONDS, `The ${name} redirects (${status}): its base URL must be corrected`)
    // Without the reason: some quote a part of the key.
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

/** Without the slash at its end. The address is not quoted: it might hold a password. */
function checkedBase(baseUrl: string, name: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw new StartError(`The base URL of the ${name} must be an address like https://example.com/v1`)
  if (url.username || url.password || url.search || url.hash)
    throw new StartError(
      `The base URL of the ${name} must have no user, password, "?" or "#": the key is a setting of its own`,
    )
  return url.href.replace(/\/+$/, '')
}

/** What OpenAI, FastAPI and others call the message of an error, on one line; a page of HTML has none. */
function reasonIn(text: string): string {
  let reason: unknown = /^\s*</.test(text) ? '' : text
  try {
    const { error, message, detail } = JSON.parse(text) as Record<string, unknown>
    const inner = (error as { message?: unknown } | null | undefined)?.message
    reason = [inner, error, message, detail, JSON.stringify(error ?? detail)].find((value) => typeof value === 'string')
  } catch {
    // Then the text is the message.
  }
  return typeof reason === 'string' ? reason.replace(/[\p{C}\s]+/gu, ' ') : ''
}

function codeOf(error: unknown): string {
  const { code } = ((error as Error).cause ?? error) as { code?: unknown }
  return typeof code === 'string' ? ` (${code})` : ''
}

/** A date of HTTP begins with the day of the week. `Date.parse` alone would read "-5" as a month. */
const HTTP_DATE = /^\s*(mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s/i

/**
 * Reads the header `Retry-After`, seconds or a date, as 1 to `longest` seconds from `now` (milliseconds). Undefined when it is absent,
 * unreadable or asks for no pause (0, a negative number, a date in the past): then the caller's own back-off decides.
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
