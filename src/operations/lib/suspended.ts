import type { App, Caller } from '../../app.ts'
import { scopeOf } from '../../auth/caller.ts'
import { ZeroError } from '../../errors.ts'
import type { Operation } from '../operation.ts'

/** The permissions that operations on the data of a project need. Hooks, functions and keys of a suspended project can change. */
const WRITES_DATA: readonly Operation['permission'][] = ['zerodb:write', 'memory:write']

/** Tells whether a suspended project refuses the operation. */
export function isRefusedWhenSuspended({
  permission,
  allowedWhenSuspended,
}: Pick<Operation, 'permission' | 'allowedWhenSuspended'>): boolean {
  return WRITES_DATA.includes(permission) && !allowedWhenSuspended
}

/**
 * Returns `run` with `project_suspended` as the error for a suspended project. The statements of a write do not find such a project
 * (`userProject`), so that only a write that found nothing needs another query.
 */
export function refuseWhenSuspended<Input, Rest extends unknown[], Answer>(
  run: (app: App, caller: Caller, input: Input, ...rest: Rest) => Promise<Answer>,
): (app: App, caller: Caller, input: Input, ...rest: Rest) => Promise<Answer> {
  return async (app, caller, input, ...rest) => {
    try {
      return await run(app, { ...caller, writes_data: true }, input, ...rest)
    } catch (error) {
      if (!(error instanceof ZeroError) || error.code !== 'not_found') throw error
      const { project_id } = input as { project_id?: string | undefined }
      if (!(await app.store.projects.isSuspended(scopeOf(caller, project_id)))) throw error
      throw new ZeroError('project_suspended', undefined, { cause: error })
    }
  }
}
