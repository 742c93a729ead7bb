import type { ZeroDBEvent } from './generated.ts'

/** The message of a webhook: the event, and the run that sends it. */
export type WebhookMessage = ZeroDBEvent & {
  hook_id: string
  /** Id of the run, which is the same in every attempt. */
  run_id: string
  attempt: number
  /** True for an event of a replay or backfill. */
  synthetic: boolean
  /** Id of the event or call that started the chain of runs. */
  chain_id: string
  /** Number of runs between the start of the chain and this run. */
  depth: number
}

/** A message failed the verification and must not be trusted. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: 'unsigned' | 'too_old' | 'wrong_signature'
  constructor(code: WebhookError['code'], message: string) {
    super(message)
    this.code = code
  }
}

type Headers = { get(name: string): string | null } | Record<string, string | readonly string[] | undefined>

/**
 * Verifies the signature of a webhook (Standard Webhooks 1.0) and returns its message. The message must be signed with one of `secrets` and not
 * be older than `toleranceSeconds`. `body` must be the unchanged request body. Throws `WebhookError`, and `TypeError` for an invalid secret.
 */
export async function verifyWebhook(request: {
  headers: Headers
  body: string | Uint8Array
  secrets: string | readonly string[]
  toleranceSeconds?: number
}): Promise<WebhookMessage> {
  const { headers, secrets, toleranceSeconds = 300 } = request
  const body = typeof request.body === 'string' ? request.body : new TextDecoder().decode(request.body)
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((name) => header(headers, `webhook-${name}`))
  if (!id || !timestamp || !signatures)
    throw new WebhookError('unsigned', 'The headers webhook-id, webhook-timestamp and webhook-signature are required')
  // Negated, because comparisons with NaN are false.
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceSeconds))
    throw new WebhookError(
      'too_old',
      `The timestamp differs from the current time by more than ${toleranceSeconds} seconds`,
    )
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`)
  for (const secret of [secrets].flat()) {
    const key = await keyOf(secret)
    for (const signature of signatures.split(' ')) {
      const bytes = signature.startsWith('v1,') ? bytesOf(signature.slice(3)) : null
      // `verify` runs in constant time, so an attacker cannot guess a signature by timing.
      if (bytes && (await crypto.subtle.verify('HMAC', key, bytes, signed))) return JSON.parse(body)
    }
  }
  throw new WebhookError('wrong_signature', 'The signature does not match the secret')
}

function header(headers: Headers, name: string): string | undefined {
  if (typeof headers.get === 'function') return (headers as { get(name: string): string | null }).get(name) ?? undefined
  const value = Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1]
  return typeof value === 'string' ? value : value?.[0]
}

async function keyOf(secret: string) {
  const bytes = bytesOf(secret.replace(/^whsec_/, ''))
  if (!bytes?.length)
    throw new TypeError('Invalid secret: use the webhook_secret from the creation of the webhook, "whsec_" and base64')
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

/** Decodes base64. Returns null if it is not valid. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  } catch {
    return null
  }
}
