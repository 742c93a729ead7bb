import type { IncomingHttpHeaders } from 'node:http'
import type { App, Caller } from '../app.ts'
import { hashApiKey } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { uuid } from '../schema/common.ts'
import type { Cause } from '../store/context.ts'
import { readChain } from './chain.ts'
import { looksLikeToken, verifyAccessToken } from './tokens.ts'

/** A key revoked in another process is refused here after at most this long. */
const CACHE_MS = 5_000
const TOUCH_MS = 60_000
const MAX_CACHED = 10_000

/** The user that a credential belongs to, with its rights. */
interface Identity {
  user_id: string
  /** Null for a login token. */
  key_id: string | null
  bound: string | null
  default_project_id: string
  permissions: readonly string[]
}

/** Creates the function that identifies the sender of a request. Results are cached for a few seconds: a busy caller needs no SQL per request. */
export function createAuthenticator({
  store,
  clock,
  log,
  jwtSecret,
}: Pick<App, 'store' | 'clock' | 'log' | 'jwtSecret'>) {
  const cache = new Map<string, { identity: Promise<Identity | null>; until: number; generation: number }>()
  const touched = new Map<string, number>()

  function identify(credential: string): Promise<Identity | null> {
    const hash = hashApiKey(credential)
    const name = hash.toString('base64')
    const entry = cache.get(name)
    if (entry && entry.until > clock.now() && entry.generation === store.keys.generation()) return entry.identity
    if (cache.size >= MAX_CACHED) cache.clear()
    const identity = looksLikeToken(credential) ? findByToken(credential) : findByKey(hash)
    cache.set(name, { identity, until: clock.now() + CACHE_MS, generation: store.keys.generation() })
    identity.then(
      // An unknown key is not cached: it may be created at any moment.
      (found) => found ?? cache.delete(name),
      () => cache.delete(name),
    )
    return identity
  }

  async function findByKey(hash: Buffer): Promise<Identity | null> {
    const key = await store.keys.findLive(hash)
    return key && { ...key, key_id: key.id, bound: key.project_id, permissions: key.scopes }
  }

  async function findByToken(token: string): Promise<Identity | null> {
    const userId = await verifyAccessToken(jwtSecret, token, clock)
    const user = userId && (await store.users.find(userId))
    if (!user) return null
    const { id, default_project_id } = user
    return { user_id: id, key_id: null, bound: null, default_project_id, permissions: ['*'] }
  }

  function touch(id: string): void {
    if ((touched.get(id) ?? 0) + TOUCH_MS > clock.now()) return
    touched.set(id, clock.now())
    store.keys.touch(id).catch((error) => log.debug({ error }, 'failed to record the last use of an API key'))
  }

  /**
   * Returns the caller that the headers identify. Throws `unauthorized`, `validation_failed` for an `X-Project-ID` that is not a UUID, and
   * `not_found` when that header names another project than the key's.
   */
  return async function authenticate(headers: IncomingHttpHeaders): Promise<Caller> {
    const credential = readCredential(headers)
    const identity = credential ? await identify(credential) : null
    if (!identity) throw new ZeroError('unauthorized', credential ? 'Invalid API key or token' : undefined)
    if (identity.key_id !== null) touch(identity.key_id)
    const { user_id, bound, permissions } = identity
    const requested = readProjectId(headers)
    if (bound !== null && requested !== null && requested !== bound)
      throw new ZeroError('not_found', 'Project not found')
    return {
      user_id,
      bound,
      project_id: bound ?? requested ?? identity.default_project_id,
      permissions,
      cause: readCause(headers, user_id),
      trace: readTraceparent(headers),
    }
  }

  /** Reads the chain token. An invalid token, or one of another user, is ignored: the write then starts a new chain. */
  function readCause(headers: IncomingHttpHeaders, userId: string): Cause | undefined {
    const token = headers['x-zerodb-chain']
    if (typeof token !== 'string') return undefined
    const chain = readChain(jwtSecret, token)
    if (chain === null || chain.user_id !== userId) {
      log.debug('ignored an invalid X-ZeroDB-Chain header: the write starts a new chain')
      return undefined
    }
    return { chain_id: chain.chain_id, depth: chain.depth + 1, run_id: chain.run_id }
  }
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function readTraceparent(headers: IncomingHttpHeaders): string | undefined {
  const { traceparent } = headers
  const isValid =
    typeof traceparent === 'string' &&
    /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
  return isValid ? traceparent : undefined
}

/** Reads the credential. `X-API-Key` takes precedence over `Authorization: Bearer`. */
function readCredential(headers: IncomingHttpHeaders): string | null {
  const apiKey = headers['x-api-key']
  if (typeof apiKey === 'string' && apiKey.trim() !== '') return apiKey.trim()
  return /^bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1] ?? null
}

function readProjectId(headers: IncomingHttpHeaders): string | null {
  const value = headers['x-project-id']
  if (typeof value !== 'string' || value === '') return null
  const parsed = uuid.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ZeroError('validation_failed', undefined, {
    fields: [
      { type: 'uuid_parsing', loc: ['header', 'X-Project-ID'], msg: 'Input should be a valid UUID', input: value },
    ],
  })
}
