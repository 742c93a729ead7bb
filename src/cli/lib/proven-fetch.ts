import { ZeroDBError } from '../../client/index.ts'

/** The check of the server reads one small response. */
const MAX_PROOF_MS = 10_000

const proofs = new Map<string, Promise<void>>()

/**
 * Returns a `fetch` that first checks, without a key, that `server` is a server of this API. Never follows a redirect: the key belongs to the
 * given address. Throws `ZeroDBError` if another program answers or redirects.
 */
export function provenFetch(server: string, send: typeof fetch = fetch): typeof fetch {
  const base = server.replace(/\/+$/, '')
  return async (address, options) => {
    const proof = proofs.get(base) ?? prove(base, options?.signal ?? undefined)
    proofs.set(base, proof)
    await proof.catch((error) => {
      // A failed check is repeated with the next call: the server may have started by then.
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

/** Accepts the server's name or an error of this API: a server rejects requests for a host name that it does not know. */
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
    detail: `${base} is not a zerodb-functions server, so no key was sent to it: set the server's address with --server or ZERODB_URL`,
  })
}

function redirected(base: string, response: Response): ZeroDBError {
  const target = response.headers.get('location')
  return new ZeroDBError({
    status: response.status,
    code: 'unexpected_answer',
    detail: `${base} redirects${target === null ? '' : ` to ${target}`}, and keys are not sent to redirect targets: use the server's final address`,
  })
}
