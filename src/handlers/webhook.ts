import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import type { App } from '../app.ts'
import { signChain } from '../auth/chain.ts'
import { unseal } from '../crypto.ts'
import { NeverRetry, RetryLater } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { type OutgoingAnswer, OutgoingError } from '../net/outgoing.ts'
import { retryAfterSeconds } from '../net/provider.ts'
import { signatureHeaders } from '../net/signature.ts'
import { packageVersion } from '../platform/package.ts'
import { EVENT_NAMES } from '../schema/events.ts'
import { webhookConfig } from '../schema/webhook.ts'
import { defineHandler, type HandlerRun } from './handler.ts'

const MAX_PAUSE_SECONDS = 3600
/** Until the next attempt when the operator has to give the right key first. */
const OPERATOR_PAUSE_SECONDS = 60
const MAX_BODY_CHARACTERS = 4096
const MAX_EXCERPT_CHARACTERS = 200
/** Before a webhook is switched off, half a day or more apart: two with nothing between say little of all that time. */
const MIN_FAILURES = 3
/** The engine ends an attempt by itself; a webhook has said by then why it failed. */
const SHARE_OF_TIME = 0.9

/** Posts the event to an address of the user's choosing, signed as Standard Webhooks has it. */
export const webhook = defineHandler({
  name: 'webhook',
  on: EVENT_NAMES,
  config: webhookConfig,

  async run(app, run, config) {
    const hookId = run.hook_id
    if (hookId === null) throw new NeverRetry('A webhook runs for a hook only')
    const message = await signed(app, run, hookId)
    const seconds = Math.min(config.timeout_seconds, app.config.handlerTimeoutSeconds * SHARE_OF_TIME)
    const started = performance.now()
    try {
      const answer = await app.outgoing.send({
        method: 'POST',
        url: config.url,
        headers: headersOf(app, run, config, message.headers),
        body: message.body,
        timeoutSeconds: seconds,
        signal: run.signal,
      })
      const kept = keptOf(answer, performance.now() - started)
      if (answer.status < 200 || answer.status > 299) throw failureOf(kept, app.clock.now())
      await app.store.hooks.succeeded(hookId)
      return kept
    } catch (error) {
      if (run.signal.aborted) throw run.signal.reason
      if (error instanceof OutgoingError) throw await counted(app, hookId, notAnswered(error))
      throw error instanceof Failure ? await counted(app, hookId, error) : error
    }
  },
})

/** What the receiver made of an attempt. */
class Failure extends Error {
  readonly code: 'webhook_failed' | 'webhook_timeout' | 'webhook_blocked' | 'webhook_gone'
  /** Seconds that the receiver asks for; null: as usual. */
  readonly pause: number | null

  constructor(code: Failure['code'], message: string, pause: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.pause = pause
  }
}

/** The message of this attempt. Its id is the run's, and so the same in every attempt: a receiver can tell what it has already. */
async function signed(app: App, run: HandlerRun, hookId: string) {
  const { id, event, channel, data, timestamp } = run.event
  const body = stringifyJson({
    ...{ id, event, channel, data, timestamp },
    hook_id: hookId,
    run_id: run.id,
    attempt: run.attempts,
    synthetic: run.synthetic,
    chain_id: run.chain.id,
    depth: run.chain.depth,
  })
  const sealed = await app.store.hookSecrets.live(hookId)
  const secrets = sealed.map((secret) => open(app, secret, hookId))
  if (secrets.length === 0) throw new NeverRetry('This webhook has no secret: rotate it')
  const message = { id: run.id, timestamp: Math.floor(app.clock.now() / 1000), body }
  return { body, headers: signatureHeaders(message, secrets) }
}

function open(app: App, sealed: Uint8Array, hookId: string): string {
  try {
    return unseal(app.encryptionKey, sealed, webhookSecretContext(hookId))
  } catch (error) {
    const { message } = error as Error
    throw Object.assign(new RetryLater(OPERATOR_PAUSE_SECONDS, message, { cause: error }), {
      code: 'secret_unreadable',
    })
  }
}

/** What the secrets of a hook are sealed with. */
export function webhookSecretContext(hookId: string): string {
  return `hook:${hookId}`
}

function headersOf(
  app: App,
  run: HandlerRun,
  config: z.infer<typeof webhookConfig>,
  signature: Record<string, string>,
): Record<string, string> {
  const given = Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value])
  const token = { chain_id: run.chain.id, depth: run.chain.depth, run_id: run.id, user_id: run.user_id }
  return {
    'user-agent': `zerodb-functions/${packageVersion()}`,
    ...Object.fromEntries(given),
    'content-type': 'application/json',
    ...signature,
    ...traceOf(run.trace),
    'x-zerodb-chain': signChain(app.jwtSecret, token),
  }
}

/** The trace of the request that wrote the row goes on with a span of this attempt's own (W3C Trace Context). */
function traceOf(parent: string | null): { traceparent?: string } {
  const [, trace, flags] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})/.exec(parent ?? '') ?? []
  return trace ? { traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-${flags}` } : {}
}

interface Kept {
  status: number
  headers: Record<string, string>
  body: string
  duration_ms: number
}

/** What the run keeps of an answer. */
function keptOf({ status, headers, body }: OutgoingAnswer, milliseconds: number): Kept {
  const kept = ['content-type', 'retry-after'].filter((name) => headers[name] !== undefined)
  return {
    status,
    headers: Object.fromEntries(kept.map((name) => [name, headers[name]!])),
    body: storable(body.toString('utf8'))
      .slice(0, MAX_BODY_CHARACTERS)
      .replace(/[\ud800-\udbff]$/, ''),
    duration_ms: Math.round(milliseconds),
  }
}

/** The database takes no U+0000. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '\ufffd')
}

function failureOf({ status, headers, body }: Kept, now: number): Failure {
  const said = body.replace(/[\p{C}\s]+/gu, ' ').trim()
  const excerpt = said.slice(0, MAX_EXCERPT_CHARACTERS).replace(/[\ud800-\udbff]$/, '')
  const answered = `The receiver answered ${status}${excerpt === '' ? '' : `: ${excerpt}`}`
  if (status === 410) return new Failure('webhook_gone', answered)
  if (status >= 300 && status < 400)
    return new Failure('webhook_failed', `The receiver redirects (${status}), which is not followed: correct the url`)
  const asked = status === 429 || status === 503 ? headers['retry-after'] : undefined
  return new Failure('webhook_failed', answered, retryAfterSeconds(asked, now, MAX_PAUSE_SECONDS) ?? null)
}

function notAnswered(error: OutgoingError): Failure {
  const codes = { blocked: 'webhook_blocked', timeout: 'webhook_timeout', unreachable: 'webhook_failed' } as const
  return new Failure(codes[error.reason], `The receiver ${error.message}`, null, { cause: error.cause })
}

/** Counts a failure against the hook, which may switch it off. Returns what becomes of the run. */
async function counted(app: App, hookId: string, failure: Failure): Promise<Error> {
  const { code, message } = failure
  const { seconds, failures } = await app.store.hooks.failed(hookId)
  const tooLong = seconds >= app.config.webhookFailingDays * 86_400 && failures >= MIN_FAILURES
  const why =
    code === 'webhook_gone'
      ? 'The receiver answered 410: it wants no more'
      : `The receiver has failed for ${app.config.webhookFailingDays} days without one success; at last: ${message}`
  if (code === 'webhook_gone' || tooLong) {
    if (await app.store.hooks.disable(hookId, why)) app.log.warn({ hook: hookId, why }, 'a webhook is switched off')
    return Object.assign(new NeverRetry(`${message}. The hook is switched off`), { code })
  }
  const { cause } = failure
  if (code === 'webhook_blocked') return Object.assign(new NeverRetry(message, { cause }), { code })
  return failure.pause === null ? failure : Object.assign(new RetryLater(failure.pause, message, { cause }), { code })
}
