import type { IncomingHttpHeaders } from 'node:http'
import type { App } from '../app.ts'
import { hashApiKey } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { uuid } from '../schema/common.ts'
import type { Caller } from './caller.ts'

/** A key that another process revokes is refused here this much later at most. */
const REMEMBER_MS = 5_000
const TOUCH_MS = 60_000
const MAX_REMEMBERED = 10_000

type Known = Awaited<ReturnType<App['store']['keys']['findLive']>>

/** Finds out who sent a request. Answers are remembered for a few seconds, so that a busy key costs no statement a request. */
export function createAuthenticator({ store, clock, log }: Pick<App, 'store' | 'clock' | 'log'>) {
  const remembered = new Map<string, { key: Promise<Known>; until: number }>()
  const touched = new Map<string, number>()

  function lookUp(hash: Buffer): Promise<Known> {
    const name = hash.toString('base64')
    const entry = remembered.get(name)
    if (entry && entry.until > clock.now()) return entry.key
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    const key = store.keys.findLive(hash)
    remembered.set(name, { key, until: clock.now() + REMEMBER_MS })
    key.then(
      // An unknown key is looked up again each time: it may have been made this moment.
      (found) => found ?? remembered.delete(name),
      () => remembered.delete(name),
    )
    return key
  }

  function touch(id: string): void {
    if ((touched.get(id) ?? 0) + TOUCH_MS > clock.now()) return
    touched.set(id, clock.now())
    store.keys.touch(id).catch((error) => log.debug({ error }, 'last use of a key not recorded'))
  }

  /** The caller behind the headers. Throws `unauthorized`, or `validation_failed` for an `X-Project-ID` that is no UUID. */
  return async function authenticate(headers: IncomingHttpHeaders): Promise<Caller> {
    const credential = credentialOf(headers)
    const key = credential ? await lookUp(hashApiKey(credential)) : null
    if (!key) throw new ZeroError('unauthorized', credential ? 'Invalid API key' : undefined)
    touch(key.id)
    return {
      user_id: key.user_id,
      key_id: key.id,
      bound: key.project_id,
      project_id: key.project_id ?? projectHeader(headers) ?? key.default_project_id,
      permissions: key.scopes,
    }
  }
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
