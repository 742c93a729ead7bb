import type { Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { allows, type PERMISSIONS } from '../schema/login.ts'
import type { Scope } from '../store/context.ts'

export type Permission = (typeof PERMISSIONS)[number]

/** The caller of a public operation. The client's address is added per request. */
export const ANONYMOUS: Caller = { user_id: '', bound: null, project_id: '', permissions: [] }

/** Returns the scope of the project in a path; `-` means the caller's own. Throws `not_found` for another project than the key's. */
export function scopeOf(caller: Caller, projectId = '-'): Scope {
  const project_id = projectId === '-' ? caller.project_id : projectId
  if (caller.bound !== null && caller.bound !== project_id) throw new ZeroError('not_found', 'Project not found')
  const { user_id, cause, trace, writes_data } = caller
  return { user_id, project_id, cause, trace, writes_data }
}

/** Throws `forbidden` when the caller's key lacks `permission`. */
export function require(caller: Caller, permission: Permission): void {
  if (!allows(caller.permissions, permission)) {
    throw new ZeroError('forbidden', `This API key lacks the permission "${permission}"`)
  }
}

/** Throws `forbidden` with the names of all `permissions` that the caller's key lacks. */
export function requireAll(caller: Caller, permissions: readonly Permission[]): void {
  const missing = permissions.filter((permission) => !allows(caller.permissions, permission))
  if (missing.length > 0) {
    const named = missing.map((permission) => `"${permission}"`).join(', ')
    throw new ZeroError('forbidden', `This API key lacks the permission${missing.length > 1 ? 's' : ''} ${named}`)
  }
}
