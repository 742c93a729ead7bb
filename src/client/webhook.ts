import type { ZeroDBEvent } from './generated.ts'

/** What a webhook posts: the event, and the run that sends it. */
export type WebhookMessage = ZeroDBEvent & {
  hook_id: string
  /** The same in every attempt. */
  run_id: string
  attempt: number
  /** An event that is handed out once more. */
  synthetic: boolean
  /** The event with which the chain of causes began, and how many runs lie between it and this one. */
  chain_id: string
  depth: number
}

/** A message that must not be believed. */
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
 * The message of a webhook, if it was signed with one of `secrets` (Standard Webhooks 1.0) not longer than `toleranceSeconds` ago.
 * `body` is the text as it came. Throws `WebhookError`, and `TypeError` for what is no secret.
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
    throw new WebhookError(
      'unsigned',
      'The headers webhook-id, webhook-timestamp and webhook-signature are not all there',
    )
  // No comparison with a number that is none is true.
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceSeconds))
    throw new WebhookError('too_old', `Sent more than ${toleranceSeconds} seconds ago, or from now`)
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`)
  for (const secret of [secrets].flat()) {
    const key = await keyOf(secret)
    for (const signature of signatures.split(' ')) {
      const bytes = signature.startsWith('v1,') ? bytesOf(signature.slice(3)) : null
      // `verify` takes as long for a signature that is nearly right as for any other.
      if (bytes && (await crypto.subtle.verify('HMAC', key, bytes, signed))) return JSON.parse(body)
    }
  }
  throw new WebhookError('wrong_signature', 'Not signed with this secret')
}

function header(headers: Headers, name: string): string | undefined {
  if (typeof headers.get === 'function') return (headers as { get(name: string): string | null }).get(name) ?? undefined
  const value = Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1]
  return typeof value === 'string' ? value : value?.[0]
}

async function keyOf(secret: string) {
  const bytes = bytesOf(secret.replace(/^whsec_/, ''))
  if (!bytes?.length) throw new TypeError('A secret is "whsec_" and base64, as the webhook’s creation has answered it')
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

/** Null for what is no base64. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  } catch {
    return null
  }
}
