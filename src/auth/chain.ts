import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

const chain = z.object({
  /** Id of the first event of the chain. */
  chain_id: z.string(),
  /** Depth of the run that holds the token. Events that it writes are one level deeper. */
  depth: z.number().int().min(0),
  run_id: z.string(),
  /** Owner of the run. The token counts for writes of this user only. */
  user_id: z.string(),
})
export type ChainToken = z.infer<typeof chain>

/** Signs a token that links a write from outside to the run that caused it. The token grants no permissions and does not expire. */
export function signChain(secret: Uint8Array, token: ChainToken): string {
  const payload = Buffer.from(JSON.stringify(chain.parse(token))).toString('base64url')
  return `${payload}.${signature(secret, payload).toString('base64url')}`
}

/** Returns the content of a token that `signChain` made; null for an invalid signature. */
export function readChain(secret: Uint8Array, token: string): ChainToken | null {
  const [payload = '', signed = '', ...rest] = token.split('.')
  const actual = Buffer.from(signed, 'base64url')
  const expected = signature(secret, payload)
  if (rest.length > 0 || actual.length !== expected.length || !timingSafeEqual(actual, expected)) return null
  return chain.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
}

/** Computes the signature. The prefix separates it from access tokens, which are signed with the same secret. */
function signature(secret: Uint8Array, payload: string): Buffer {
  return createHmac('sha256', secret).update(`zerodb-chain:${payload}`).digest()
}
