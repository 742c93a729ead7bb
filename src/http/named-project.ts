import type { FastifyRequest } from 'fastify'
import type { Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { uuid } from '../schema/common.ts'

/**
 * Applies a `project_id` in the query or the body to a request. Where the path names no project, the request is for that one. Throws
 * `not_found` when the caller's key is bound to another project, and `validation_failed` when the path names another project.
 */
export function withNamedProject(caller: Caller, request: FastifyRequest): Caller {
  const path = projectIn(request.params)
  let named = caller
  for (const place of ['query', 'body'] as const) {
    const project = projectIn(request[place])
    if (project === null) continue
    if (caller.bound !== null && caller.bound !== project) throw new ZeroError('not_found', 'Project not found')
    if (path !== null && path !== project)
      throw new ZeroError('validation_failed', undefined, {
        fields: [
          {
            type: 'value_error',
            loc: [place, 'project_id'],
            msg: `Value error, the path names another project: ${path}`,
            input: project,
          },
        ],
      })
    named = { ...caller, project_id: project }
  }
  return named
}

/** Null for none, for `-` and for values that the operation's own validation rejects. */
function projectIn(fields: unknown): string | null {
  if (typeof fields !== 'object' || fields === null) return null
  const { project_id, projectId } = fields as Record<string, unknown>
  return uuid.safeParse(project_id ?? projectId).data ?? null
}
