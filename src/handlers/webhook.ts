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
import { EVENT_NAMES, eventTypeOf } from '../schema/events.ts'
import { webhookConfig } from '../schema/webhook.ts'
import { defineHandler, type HandlerRun } from './handler.ts'

const MAX_PAUSE_SECONDS = 3600
/** Retry pause while the operator has to restore the encryption key. */
const OPERATOR_PAUSE_SECONDS = 60
const MAX_BODY_CHARACTERS = 4096
const MAX_EXCERPT_CHARACTERS = 200
/**
 * Minimum number of failures, at least half a day apart, before a webhook is disabled. Two failures alone say little about the time between
 * them.
 */
const MIN_FAILURES = 3
/** Fraction of the handler timeout: the request must time out first, so that the run records a useful error. */
const TIMEOUT_FRACTION = 0.9

type WebhookConfig = z.infer<typeof webhookConfig>

/** Posts the event to the user's URL, signed according to Standard Webhooks. */
export const webhook = defineHandler({
  name: 'webhook',
  on: EVENT_NAMES,
  config: webhookConfig,

  async run(app, run, config) {
    const hookId = run.hook_id
    if (hookId === null) throw new NeverRetry('This run belongs to no hook: a webhook needs one')
    const message = await signMessage(app, run, hookId, config)
    const seconds = Math.min(config.timeout_seconds, app.config.handlerTimeoutSeconds * TIMEOUT_FRACTION)
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
      const response = toRecorded(answer, performance.now() - started)
      if (answer.status < 200 || answer.status > 299) throw toFailure(response, app.clock.now())
      await app.store.hooks.succeeded(hookId)
      return response
    } catch (error) {
      if (run.signal.aborted) throw run.signal.reason
      if (error instanceof OutgoingError) throw await countFailure(app, hookId, toNetworkFailure(error))
      throw error instanceof Failure ? await countFailure(app, hookId, error) : error
    }
  },
})

/** A failed attempt. */
class Failure extends Error {
  readonly code: 'webhook_failed' | 'webhook_timeout' | 'webhook_blocked' | 'webhook_gone'
  /** Pause that the receiver asked for with `Retry-After`; null for the default backoff. */
  readonly pauseSeconds: number | null

  constructor(code: Failure['code'], message: string, pauseSeconds: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.pauseSeconds = pauseSeconds
  }
}

/** Builds and signs the message. Its id is the run's id, the same in every attempt, so that a receiver can detect duplicates. */
async function signMessage(app: App, run: HandlerRun, hookId: string, config: WebhookConfig) {
  const body = stringifyJson(
    config.format === 'trigger' ? await triggerMessage(app, run) : await standardMessage(app, run, hookId, config),
  )
  const sealed = await app.store.hookSecrets.live(hookId)
  const secrets = sealed.map((secret) => openSecret(app, secret, hookId))
  if (secrets.length === 0) throw new NeverRetry('This webhook has no secret: rotate it')
  const message = { id: run.id, timestamp: Math.floor(app.clock.now() / 1000), body }
  return { body, headers: signatureHeaders(message, secrets) }
}

async function standardMessage(app: App, run: HandlerRun, hookId: string, { include }: WebhookConfig) {
  const { id, event, channel, data, timestamp } = run.event
  const rows = include.length === 0 ? null : await rowsOf(app, run)
  return {
    ...{ id, event, channel, data, timestamp },
    ...(rows && include.includes('row') ? { row: rows.row } : {}),
    ...(rows && include.includes('previous') ? { previous: rows.previous } : {}),
    hook_id: hookId,
    run_id: run.id,
    attempt: run.attempts,
    synthetic: run.synthetic,
    chain_id: run.chain.id,
    depth: run.chain.depth,
  }
}

/** Returns the message in the form of database triggers. An event type without a row has the event's data in place of the row. */
async function triggerMessage(app: App, run: HandlerRun) {
  const { event, data } = run.event
  const { table_name = null, row_id = null } = data as { table_name?: string; row_id?: string }
  const { row, previous } = await rowsOf(app, run)
  const hasRow = eventTypeOf(event).row !== null
  return { event_type: event, table_name, row_id, data: hasRow ? row : data, old_data: previous }
}

/** Returns the row after the event and the row before it. */
async function rowsOf(app: App, { event, ref, project_id }: HandlerRun) {
  if (eventTypeOf(event.event).row === null) return { row: null, previous: null }
  return app.store.events.rows(event.event, event.id, ref, project_id)
}

function openSecret(app: App, sealed: Uint8Array, hookId: string): string {
  try {
    return unseal(app.encryptionKey, sealed, webhookSecretContext(hookId))
  } catch (error) {
    const { message } = error as Error
    throw Object.assign(new RetryLater(OPERATOR_PAUSE_SECONDS, message, { cause: error }), {
      code: 'secret_unreadable',
    })
  }
}

/** Returns the context with which the secrets of a hook are sealed. */
export function webhookSecretContext(hookId: string): string {
  return `hook:${hookId}`
}

function headersOf(
  app: App,
  run: HandlerRun,
  config: WebhookConfig,
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

/** Continues the trace of the request that wrote the row, with a new span for this attempt (W3C Trace Context). */
function traceOf(parent: string | null): { traceparent?: string } {
  const [, trace, flags] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})/.exec(parent ?? '') ?? []
  return trace ? { traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-${flags}` } : {}
}

interface RecordedResponse {
  status: number
  headers: Record<string, string>
  body: string
  duration_ms: number
}

/** Converts a response to the form that is stored with the run. */
function toRecorded({ status, headers, body }: OutgoingAnswer, milliseconds: number): RecordedResponse {
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

/** Replaces U+0000, which PostgreSQL cannot store. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '\ufffd')
}

function toFailure({ status, headers, body }: RecordedResponse, now: number): Failure {
  const text = body.replace(/[\p{C}\s]+/gu, ' ').trim()
  const excerpt = text.slice(0, MAX_EXCERPT_CHARACTERS).replace(/[\ud800-\udbff]$/, '')
  const answered = `The receiver answered ${status}${excerpt === '' ? '' : `: ${excerpt}`}`
  if (status === 410) return new Failure('webhook_gone', answered)
  if (status >= 300 && status < 400)
    return new Failure(
      'webhook_failed',
      `The receiver redirects (${status}), and redirects are not followed: correct the url`,
    )
  const retryAfter = status === 429 || status === 503 ? headers['retry-after'] : undefined
  return new Failure('webhook_failed', answered, retryAfterSeconds(retryAfter, now, MAX_PAUSE_SECONDS) ?? null)
}

function toNetworkFailure(error: OutgoingError): Failure {
  const codes = { blocked: 'webhook_blocked', timeout: 'webhook_timeout', unreachable: 'webhook_failed' } as const
  return new Failure(codes[error.reason], `The receiver ${error.message}`, null, { cause: error.cause })
}

/** Counts a failure of the hook, and disables the hook if it has failed for too long. Returns the error that decides about the retry. */
async function countFailure(app: App, hookId: string, failure: Failure): Promise<Error> {
  const { code, message } = failure
  const { seconds, failures } = await app.store.hooks.failed(hookId)
  const tooLong = seconds >= app.config.webhookFailingDays * 86_400 && failures >= MIN_FAILURES
  const why =
    code === 'webhook_gone'
      ? 'The receiver answered 410 (gone)'
      : `The receiver has failed for ${app.config.webhookFailingDays} days without a success. Last error: ${message}`
  if (code === 'webhook_gone' || tooLong) {
    if (await app.store.hooks.disable(hookId, why)) app.log.warn({ hook: hookId, why }, 'disabled a webhook')
    return Object.assign(new NeverRetry(`${message}. The hook has been disabled`), { code })
  }
  const { cause } = failure
  if (code === 'webhook_blocked') return Object.assign(new NeverRetry(message, { cause }), { code })
  return failure.pauseSeconds === null
    ? failure
    : Object.assign(new RetryLater(failure.pauseSeconds, message, { cause }), { code })
}
