import type { IncomingHttpHeaders } from 'node:http'
import type { App } from '../app.ts'
import { hashApiKey } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { uuid } from '../schema/common.ts'
import type { Cause } from '../store/context.ts'
import type { Caller } from './caller.ts'
import { readChain } from './chain.ts'
import { looksLikeToken, verifyAccessToken } from './tokens.ts'

/** A key that another process revokes is refused here this much later at most. */
const REMEMBER_MS = 5_000
const TOUCH_MS = 60_000
const MAX_REMEMBERED = 10_000

/** Who is behind a credential. */
interface Identity {
  user_id: string
  /** Null for somebody who has logged in. */
  key_id: string | null
  bound: string | null
  default_project_id: string
  permissions: readonly string[]
}

/** Finds out who sent a request. Answers are remembered for a few seconds, so that a busy caller costs no statement a request. */
export function createAuthenticator({
  store,
  clock,
  log,
  jwtSecret,
}: Pick<App, 'store' | 'clock' | 'log' | 'jwtSecret'>) {
  const remembered = new Map<string, { identity: Promise<Identity | null>; until: number; generation: number }>()
  const touched = new Map<string, number>()

  function identify(credential: string): Promise<Identity | null> {
    const hash = hashApiKey(credential)
    const name = hash.toString('base64')
    const entry = remembered.get(name)
    if (entry && entry.until > clock.now() && entry.generation === store.keys.generation()) return entry.identity
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    const identity = looksLikeToken(credential) ? byToken(credential) : byKey(hash)
    remembered.set(name, { identity, until: clock.now() + REMEMBER_MS, generation: store.keys.generation() })
    identity.then(
      // An unknown key is looked up again each time: it may have been made this moment.
      (found) => found ?? remembered.delete(name),
      () => remembered.delete(name),
    )
    return identity
  }

  async function byKey(hash: Buffer): Promise<Identity | null> {
    const key = await store.keys.findLive(hash)
    return key && { ...key, key_id: key.id, bound: key.project_id, permissions: key.scopes }
  }

  async function byToken(token: string): Promise<Identity | null> {
    const userId = await verifyAccessToken(jwtSecret, token, clock)
    const user = userId && (await store.users.find(userId))
    if (!user) return null
    const { id, default_project_id } = user
    return { user_id: id, key_id: null, bound: null, default_project_id, permissions: ['*'] }
  }

  function touch(id: string): void {
    if ((touched.get(id) ?? 0) + TOUCH_MS > clock.now()) return
    touched.set(id, clock.now())
    store.keys.touch(id).catch((error) => log.debug({ error }, 'last use of a key not recorded'))
  }

  /**
   * The caller behind the headers. Throws `unauthorized`, `validation_failed` for an `X-Project-ID` that is not a UUID, and `not_found` when
   * that header names another project than the key's.
   */
  return async function authenticate(headers: IncomingHttpHeaders): Promise<Caller> {
    const credential = credentialOf(headers)
    const identity = credential ? await identify(credential) : null
    if (!identity) throw new ZeroError('unauthorized', credential ? 'Invalid API key or token' : undefined)
    if (identity.key_id !== null) touch(identity.key_id)
    const { user_id, bound, permissions } = identity
    const named = projectHeader(headers)
    if (bound !== null && named !== null && named !== bound) throw new ZeroError('not_found', 'Project not found')
    return {
      user_id,
      bound,
      project_id: bound ?? named ?? identity.default_project_id,
      permissions,
      cause: causeIn(headers, user_id),
      trace: traceIn(headers),
    }
  }

  /** A token that is not ours, or another user's, says nothing: the write is as good as one from outside. */
  function causeIn(headers: IncomingHttpHeaders, userId: string): Cause | undefined {
    const token = headers['x-zerodb-chain']
    if (typeof token !== 'string') return undefined
    const chain = readChain(jwtSecret, token)
    if (chain === null || chain.user_id !== userId) {
      log.debug('a chain token is not one of ours: the write begins a chain of its own')
      return undefined
    }
    return { chain_id: chain.chain_id, depth: chain.depth + 1, run_id: chain.run_id }
  }
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function traceIn(headers: IncomingHttpHeaders): string | undefined {
  const { traceparent } = headers
  const isOne =
    typeof traceparent === 'string' &&
    /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
  return isOne ? traceparent : undefined
}

/** `X-API-Key` wins over `Authorization: Bearer`. */
function credentialOf(headers: IncomingHttpHeaders): string | null {
  const apiKey = headers['x-api-key']
  if (typeof apiKey === 'string' && apiKey.trim() !== '') return apiKey.trim()
  return /^bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1] ?? null
}

function projectHeader(headers: IncomingHttpHeaders): string | null {
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
