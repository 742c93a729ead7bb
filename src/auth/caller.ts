import { ZeroError } from '../errors.ts'
import type { Scope } from '../store/context.ts'

/** What a key may be allowed: `*` is everything. */
export type Permission = 'zerodb:read' | 'zerodb:write' | 'memory:read' | 'memory:write' | 'hooks:read' | 'hooks:write'

/** Who asks. */
export interface Caller {
  user_id: string
  key_id: string
  /** The only project that the key may touch; null for all of the user's. */
  bound: string | null
  /** Where a request goes that names no project: the key's, else `X-Project-ID`, else the user's default. Not yet known to be the user's. */
  project_id: string
  permissions: readonly string[]
}

/** The project that a path names (`-`: the caller's own). Another project than the key's is as good as none. */
export function scopeOf(caller: Caller, projectId = '-'): Scope {
  const project_id = projectId === '-' ? caller.project_id : projectId
  if (caller.bound !== null && caller.bound !== project_id) throw new ZeroError('not_found', 'Project not found')
  return { user_id: caller.user_id, project_id }
}

/** Throws `forbidden` when the caller's key lacks `permission`. */
export function require(caller: Caller, permission: Permission): void {
  const [service] = permission.split(':')
  const sufficient = ['*', permission, `${service}:*`]
  if (!caller.permissions.some((given) => sufficient.includes(given))) {
    throw new ZeroError('forbidden', `This API key lacks the right "${permission}"`)
  }
}
