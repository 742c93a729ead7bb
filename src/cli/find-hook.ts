import { type Hook, type ZeroDB, ZeroDBError } from '../client/index.ts'
import { UsageError } from './failure.ts'

/** The hook of this id, or the only one of this name. */
export async function findHook(zerodb: ZeroDB, given: string): Promise<Hook> {
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(given)) return zerodb.hooks.get({ hook_id: given })
  const named = (await zerodb.hooks.list({ active_only: false })).filter(
    ({ id, hook_name }) => hook_name === given || id.startsWith(given),
  )
  if (named.length === 1) return named[0]!
  if (named.length === 0)
    throw new ZeroDBError({ status: 404, code: 'not_found', detail: `Hook not found: none is called "${given}"` })
  const which = named.map(({ id, event_type }) => `${id} (${event_type})`).join(', ')
  throw new UsageError(`"${given}" may be ${which}: give the id`)
}
