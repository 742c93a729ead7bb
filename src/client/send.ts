import { errorOf, ZeroDBError } from './errors.ts'
import type { Body } from './upload.ts'

export interface Sending {
  method: string
  url: string
  body: Body | null
  headers: Record<string, string>
  /** The request can be repeated without further effects. */
  isSafe: boolean
  /** The body is a stream, which can only be sent once. */
  isOnce: boolean
  /** The response is a stream, which the signal can abort until its end. */
  isOpen: boolean
  /** Timeout; null for none. */
  timeoutSeconds: number | null
  signal: AbortSignal | undefined
}

export interface SendOptions {
  fetch: typeof fetch
  /** Maximum number of retries. */
  maxRetries: number
}

/** If the server requests a longer delay, the error is thrown instead of retrying. */
const MAX_DELAY_SECONDS = 30
const FIRST_DELAY_SECONDS = 0.5
const UNAVAILABLE = [502, 503, 504]

/** Matches errors of fetch in Node, Deno and Bun before a request is sent. Browsers do not report the reason. */
const NEVER_SENT = /ECONNREFUSED|ConnectionRefused|[Cc]onnection refused|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT/

/**
 * Sends a request and returns the result of `read`. Retries only safe requests, and requests that were certainly not executed: after a 429 or a
 * failed connection. Throws `ZeroDBError`, or the reason of the signal if it is aborted.
 */
export async function send<Answer>(
  sending: Sending,
  options: SendOptions,
  read: (response: Response) => Answer | Promise<Answer>,
): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await tryOnce(sending, options.fetch, read)
    if ('answer' in outcome) return outcome.answer
    const { error, mayRepeat } = outcome
    const delay = error.retry_after ?? Math.random() * FIRST_DELAY_SECONDS * 2 ** attempt
    if (!mayRepeat || sending.isOnce || attempt >= options.maxRetries || delay > MAX_DELAY_SECONDS) throw error
    await sleep(delay * 1000, sending.signal)
  }
}

type Outcome<Answer> = { answer: Answer } | { error: ZeroDBError; mayRepeat: boolean }

async function tryOnce<Answer>(
  { method, url, body, headers, isSafe, isOnce, isOpen, timeoutSeconds, signal }: Sending,
  fetch: SendOptions['fetch'],
  read: (response: Response) => Answer | Promise<Answer>,
): Promise<Outcome<Answer>> {
  const ending = following(signal)
  let isLate = false
  const expire = () => {
    isLate = true
    ending.abort()
  }
  const timer = timeoutSeconds === null ? undefined : setTimeout(expire, timeoutSeconds * 1000)
  try {
    const response = await fetch(url, {
      method,
      headers,
      body,
      signal: ending.signal,
      // Following a redirect can turn a POST into a GET.
      redirect: 'manual',
      ...(isOnce ? ({ duplex: 'half' } as object) : {}),
    })
    if (response.ok) return { answer: await read(response) }
    const error = await errorOf(response)
    return { error, mayRepeat: error.status === 429 || (isSafe && UNAVAILABLE.includes(error.status)) }
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    if (cause instanceof ZeroDBError) throw cause
    const [server] = url.split('/api/')
    if (isLate) {
      const detail = `${server} did not respond within ${timeoutSeconds} s`
      return { error: new ZeroDBError({ code: 'timeout', detail, cause }), mayRepeat: isSafe }
    }
    const reason = reasonOf(cause as Thrown)
    const detail = `No server answers at ${server}: ${reason}`
    const error = new ZeroDBError({ code: 'connection_failed', detail, cause })
    return { error, mayRepeat: isSafe || NEVER_SENT.test(reason) }
  } finally {
    clearTimeout(timer)
    if (!isOpen) ending.forget()
  }
}

interface Thrown {
  code?: string
  message?: string
  cause?: Thrown
  errors?: Thrown[]
}

/** Returns the reason of a network error, which Node puts into the cause or the first of several errors. */
function reasonOf({ code = '', message = '', cause, errors }: Thrown): string {
  const inner = cause ?? errors?.[0]
  if (inner) return reasonOf(inner)
  return message.includes(code) ? message : `${code} ${message}`
}

interface Following {
  signal: AbortSignal
  abort(): void
  forget(): void
}

/** Creates a controller that also aborts with `signal`, until `forget` is called. `AbortSignal.any` is not available in all runtimes. */
export function following(signal: AbortSignal | undefined): Following {
  const controller = new AbortController()
  const abort = () => controller.abort(signal!.reason)
  if (signal?.aborted) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    abort: () => controller.abort(),
    forget: () => signal?.removeEventListener('abort', abort),
  }
}

/** Waits. Rejects with the reason of the signal if it is aborted. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
