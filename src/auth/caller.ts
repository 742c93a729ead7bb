import type { Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { allows, type PERMISSIONS } from '../schema/login.ts'
import type { Scope } from '../store/context.ts'

export type { Caller }
export type Permission = (typeof PERMISSIONS)[number]

/** The caller of a public operation, apart from the client's address. */
export const ANONYMOUS: Caller = { user_id: '', bound: null, project_id: '', permissions: [] }

/** The project that a path names (`-`: the caller's own). Another project than the key's is as good as none. */
export function scopeOf(caller: Caller, projectId = '-'): Scope {
  const project_id = projectId === '-' ? caller.project_id : projectId
  if (caller.bound !== null && caller.bound !== project_id) throw new ZeroError('not_found', 'Project not found')
  return { user_id: caller.user_id, project_id, cause: caller.cause, trace: caller.trace }
}

/** Throws `forbidden` when the caller's key lacks `permission`. */
export function require(caller: Caller, permission: Permission): void {
  if (!allows(caller.permissions, permission)) {
    throw new ZeroError('forbidden', `This API key lacks the right "${permission}"`)
  }
}

/** Throws `forbidden` that names every one of `permissions` that the caller's key lacks. */
export function requireAll(caller: Caller, permissions: readonly Permission[]): void {
  const missing = permissions.filter((permission) => !allows(caller.permissions, permission))
  if (missing.length > 0) {
    const named = missing.map((permission) => `"${permission}"`).join(', ')
    throw new ZeroError('forbidden', `This API key lacks the right${missing.length > 1 ? 's' : ''} ${named}`)
  }
}
