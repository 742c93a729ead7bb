import { ZeroDBError } from '../../client/index.ts'

/** A proof of the server takes one small answer. */
const MAX_PROOF_MS = 10_000

const proofs = new Map<string, Promise<void>>()

/**
 * A `fetch` that sends nothing to `server` before that has answered, without a key, as this API does. It never follows a redirect: a key
 * belongs to the address that was given. Throws `ZeroDBError` where something else answers.
 */
export function provenFetch(server: string, send: typeof fetch = fetch): typeof fetch {
  const base = server.replace(/\/+$/, '')
  return async (address, options) => {
    const proof = proofs.get(base) ?? prove(base, options?.signal ?? undefined)
    proofs.set(base, proof)
    await proof.catch((error) => {
      // A server that is not up yet is asked again with the next call.
      proofs.delete(base)
      throw error
    })
    const response = await send(address, { ...options, redirect: 'manual' })
    if (response.status >= 300 && response.status < 400 && response.status !== 304) throw redirected(base, response)
    return response
  }
}

async function prove(base: string, signal: AbortSignal | undefined): Promise<void> {
  const limit = AbortSignal.timeout(MAX_PROOF_MS)
  const response = await fetch(`${base}/`, {
    redirect: 'manual',
    headers: { accept: 'application/json' },
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  })
  if (response.status >= 300 && response.status < 400) throw redirected(base, response)
  if (!isOurs(await response.json().catch(() => null))) throw foreign(base)
}

/** Either the server's name, or an error in the form of this API: a server may refuse to say its name under this host. */
function isOurs(answer: unknown): boolean {
  const { name, code, detail, request_id } = (answer ?? {}) as Record<string, unknown>
  return (
    name === 'zerodb-functions' ||
    (typeof code === 'string' &&
      typeof request_id === 'string' &&
      (typeof detail === 'string' || Array.isArray(detail)))
  )
}

function foreign(base: string): ZeroDBError {
  return new ZeroDBError({
    code: 'unexpected_answer',
    detail: `${base} is not a zerodb-functions server, so no key was sent to it: give the server's address with --server or ZERODB_URL`,
  })
}

function redirected(base: string, response: Response): ZeroDBError {
  const target = response.headers.get('location')
  return new ZeroDBError({
    status: response.status,
    code: 'unexpected_answer',
    detail: `${base} redirects${target === null ? '' : ` to ${target}`}, and a key is not sent after a redirect: give the server's own address`,
  })
}
