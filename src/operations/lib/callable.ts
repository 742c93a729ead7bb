import type { App, Caller, PreparedFunction } from '../../app.ts'
import { scopeOf } from '../../auth/caller.ts'
import { ZeroError } from '../../errors.ts'

/** Returns the caller's function for a call. Throws `not_found` or `function_disabled`. */
export async function callable(
  app: App,
  caller: Caller,
  { project_id, name }: { project_id?: string | undefined; name: string },
): Promise<PreparedFunction> {
  const fn = await app.functions.byName(scopeOf(caller, project_id).project_id, name)
  if (fn === null || fn.user_id !== caller.user_id) throw new ZeroError('not_found', 'Function not found')
  if (!fn.is_active) throw new ZeroError('function_disabled', `The function "${name}" is disabled`)
  return fn
}
