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
  /** Null for an answer without a body. */
  body: unknown
}

/** Whether an operation changes something, so that an `Idempotency-Key` means something to it. */
export function takesIdempotencyKey({ idempotent, permission }: Operation): boolean {
  return !idempotent && permission !== 'public'
}

/**
 * Carries out a request once per `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated request gets the first answer, for
 * 24 hours. Requests that fail are not kept. Throws `idempotency_mismatch` when the key came with another request, and
 * `idempotency_running` while the first one has no answer. The body of a multipart request is not compared.
 */
export async function answerOnce(
  app: App,
  operation: Operation,
  caller: Caller,
  request: FastifyRequest,
  carryOut: () => Promise<Answer>,
): Promise<Answer & { isRepeated: boolean }> {
  const key = keyOf(request)
  if (key === null || !takesIdempotencyKey(operation)) return { ...(await carryOut()), isRepeated: false }
  const { user_id } = caller
  const context = `idempotency ${user_id} ${key}`
  const claim = await app.store.idempotency.claim(user_id, key, fingerprintOf(operation, caller, request))
  if (claim.state === 'other')
    throw new ZeroError('idempotency_mismatch', `The Idempotency-Key "${key}" came with another request: use a new one`)
  if (claim.state === 'running') throw new ZeroError('idempotency_running', undefined, { retryAfter: RETRY_SECONDS })
  if (claim.state === 'answered') {
    const { status, answer } = claim
    const body = answer === null ? null : parseStoredJson(unseal(app.encryptionKey, answer, context))
    return { status, body, isRepeated: true }
  }
  let answer: Answer
  try {
    answer = await carryOut()
  } catch (error) {
    // Else the key stays taken until it counts as abandoned; the caller must hear why the request failed.
    await app.store.idempotency
      .release(user_id, key)
      .catch((failure) => app.log.warn({ error: failure }, 'an Idempotency-Key was not released'))
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
