import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

const chain = z.object({
  /** The event with which the chain of causes began. */
  chain_id: z.string(),
  /** Of the run that carries the token: what is written on its behalf lies one deeper. */
  depth: z.number().int().min(0),
  run_id: z.string(),
  /** Whose run it is: the token says nothing about what anybody else writes. */
  user_id: z.string(),
})
export type ChainToken = z.infer<typeof chain>

/** A token by which a write that comes back from outside names its cause. It gives no rights, and does not expire. */
export function signChain(secret: Uint8Array, token: ChainToken): string {
  const payload = Buffer.from(JSON.stringify(chain.parse(token))).toString('base64url')
  return `${payload}.${signature(secret, payload).toString('base64url')}`
}

/** What `signChain` was given; null when the token is not ours or was changed. */
export function readChain(secret: Uint8Array, token: string): ChainToken | null {
  const [payload = '', signed = '', ...rest] = token.split('.')
  const given = Buffer.from(signed, 'base64url')
  const right = signature(secret, payload)
  if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) return null
  return chain.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
}

/** The same secret signs access tokens, whose signed text never begins like this. */
function signature(secret: Uint8Array, payload: string): Buffer {
  return createHmac('sha256', secret).update(`zerodb-chain:${payload}`).digest()
}
