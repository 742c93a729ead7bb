import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { App, Caller } from '../app.ts'
import { seal, unseal } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { parseStoredJson, stringifyJson } from '../exact-json.ts'
import type { Operation } from '../operations/operation.ts'

const MAX_KEY_CHARACTERS = 255
const RETRY_SECONDS = 1

export interface Answer {
  status: number
  /** Null for a response without a body. */
  body: unknown
}

/**
 * Tells whether an operation changes data and so supports an `Idempotency-Key`. An idempotent write supports a key too: its repetition would
 * undo what others have written since. Operations without a user, such as a login, do not.
 */
export function takesIdempotencyKey({ idempotent, permission, route }: Operation): boolean {
  const isRead = route.startsWith('GET ') || permission.endsWith(':read')
  return permission !== 'public' && !(idempotent && isRead)
}

/**
 * Executes a request once per `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header). For 24 hours, a repeated request gets the first
 * response. Failed requests are not stored. Throws `idempotency_mismatch` if the key was used with a different request, and
 * `idempotency_running` while the first request has no response. Bodies of multipart requests are not compared.
 */
export async function answerOnce(
  app: App,
  operation: Operation,
  caller: Caller,
  request: FastifyRequest,
  execute: () => Promise<Answer>,
): Promise<Answer & { isRepeated: boolean }> {
  const key = takesIdempotencyKey(operation) ? keyOf(request) : null
  if (key === null) return { ...(await execute()), isRepeated: false }
  const { user_id } = caller
  const context = `idempotency ${user_id} ${key}`
  const claim = await app.store.idempotency.claim(user_id, key, fingerprintOf(operation, caller, request))
  if (claim.state === 'other')
    throw new ZeroError(
      'idempotency_mismatch',
      `The Idempotency-Key "${key}" was used with a different request: use a new key`,
    )
  if (claim.state === 'running') throw new ZeroError('idempotency_running', undefined, { retryAfter: RETRY_SECONDS })
  if (claim.state === 'answered') {
    const { status, answer } = claim
    const body = answer === null ? null : parseStoredJson(unseal(app.encryptionKey, answer, context))
    return { status, body, isRepeated: true }
  }
  let answer: Answer
  try {
    answer = await execute()
  } catch (error) {
    // Without a release the key stays claimed until it expires. A failed release must not hide the error of the request.
    await app.store.idempotency
      .release(user_id, key)
      .catch((failure) => app.log.warn({ error: failure }, 'failed to release an Idempotency-Key'))
    throw error
  }
  const { status, body } = answer
  const sealed = body === null ? null : seal(app.encryptionKey, stringifyJson(body), context)
  await app.store.idempotency.keep(user_id, key, status, sealed)
  return { ...answer, isRepeated: false }
}

function keyOf({ headers }: FastifyRequest): string | null {
  const key = headers['idempotency-key']
  if (key === undefined) return null
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_CHARACTERS) return key
  const msg = `String should have 1 to ${MAX_KEY_CHARACTERS} characters`
  throw new ZeroError('validation_failed', undefined, {
    fields: [{ type: 'value_error', loc: ['header', 'Idempotency-Key'], msg }],
  })
}

function fingerprintOf(operation: Operation, { project_id, bound }: Caller, request: FastifyRequest): Buffer {
  const body = request.isMultipart() ? 'multipart' : request.body
  const parts = [operation.name, request.url, project_id, bound, body ?? null]
  return createHash('sha256').update(stringifyJson(parts)).digest()
}
