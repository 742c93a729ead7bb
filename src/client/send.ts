import { errorOf, ZeroDBError } from './errors.ts'
import type { Body } from './upload.ts'

export interface Sending {
  method: string
  url: string
  body: Body | null
  headers: Record<string, string>
  /** Doing it twice changes no more than doing it once. */
  isSafe: boolean
  /** The body is a stream, and gone once it has been sent. */
  isOnce: boolean
  /** The answer goes on after it has begun, and is aborted with the signal until its end. */
  isOpen: boolean
  /** Null: as long as it takes. */
  timeoutSeconds: number | null
  signal: AbortSignal | undefined
}

export interface SendOptions {
  fetch: typeof fetch
  /** How often a call is sent again, at most. */
  maxRetries: number
}

/** Whoever is asked to wait for longer is told so instead. */
const MAX_PAUSE_SECONDS = 30
const FIRST_PAUSE_SECONDS = 0.5
const UNAVAILABLE = [502, 503, 504]

/** Failures of fetch in Node, Deno and Bun before anything has been sent. Browsers do not say which one it was. */
const NEVER_SENT = /ECONNREFUSED|ConnectionRefused|[Cc]onnection refused|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT/

/**
 * What `read` makes of the answer. Sent again is only what changes nothing, and what has certainly not been done: a 429, or a connection that
 * never was. Throws `ZeroDBError`, and the signal's reason once it is aborted.
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
    const pause = error.retry_after ?? Math.random() * FIRST_PAUSE_SECONDS * 2 ** attempt
    if (!mayRepeat || sending.isOnce || attempt >= options.maxRetries || pause > MAX_PAUSE_SECONDS) throw error
    await sleep(pause * 1000, sending.signal)
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
      // Followed, a POST may become a GET.
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
      const detail = `${server} has not answered within ${timeoutSeconds} s`
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

/** Node hides what happened in the cause, or in the first of several. */
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

/** What aborts with `signal`, or by itself, until it is told to forget. `AbortSignal.any` is not yet everywhere. */
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

/** Throws the signal's reason when it is aborted meanwhile. */
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
