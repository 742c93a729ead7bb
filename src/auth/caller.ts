import { ZeroError } from '../errors.ts'
import type { PERMISSIONS } from '../schema/login.ts'
import type { Cause, Scope } from '../store/context.ts'

export type Permission = (typeof PERMISSIONS)[number]

/** Who asks. */
export interface Caller {
  user_id: string
  /** The only project that the key may touch; null for all of the user's. */
  bound: string | null
  /** Where a request goes that names no project: the key's, else `X-Project-ID`, else the user's default. Not yet known to be the user's. */
  project_id: string
  permissions: readonly string[]
  /** The run that asks, where one does: what it writes belongs to its chain. */
  cause?: Cause | undefined
  /** The request's `traceparent` (W3C Trace Context). */
  trace?: string | undefined
}

/** The caller of a public operation. */
export const NOBODY: Caller = { user_id: '', bound: null, project_id: '', permissions: [] }

/** The project that a path names (`-`: the caller's own). Another project than the key's is as good as none. */
export function scopeOf(caller: Caller, projectId = '-'): Scope {
  const project_id = projectId === '-' ? caller.project_id : projectId
  if (caller.bound !== null && caller.bound !== project_id) throw new ZeroError('not_found', 'Project not found')
  return { user_id: caller.user_id, project_id, cause: caller.cause, trace: caller.trace }
}

/** Whether the caller's key includes `permission`, which may itself be a group like `zerodb:*`. */
export function allows(caller: Caller, permission: string): boolean {
  const [service] = permission.split(':')
  return ['*', `${service}:*`, permission].some((sufficient) => caller.permissions.includes(sufficient))
}

/** Throws `forbidden` when the caller's key lacks `permission`. */
export function require(caller: Caller, permission: Permission): void {
  if (!allows(caller, permission)) {
    throw new ZeroError('forbidden', `This API key lacks the right "${permission}"`)
  }
}
