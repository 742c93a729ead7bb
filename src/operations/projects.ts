import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { project, projectCreate, projectKey, projectList, projectStatus, projectUpdate } from '../schema/project.ts'
import { defineJson } from './operation.ts'

export const projectsCreate = defineJson({
  name: 'projects.create',
  summary: 'Create a project',
  description: 'Creates an empty project that you own.',
  route: 'POST /api/v1/projects',
  permission: 'zerodb:write',
  idempotent: false,
  input: projectCreate,
  output: project,
  status: 201,
  async run(app, caller, input) {
    if (caller.bound !== null)
      throw new ZeroError('forbidden', 'This API key is bound to one project and cannot create another')
    return app.store.transaction(async (tx) => {
      const created = await tx.projects.create(caller.user_id, input)
      await tx.quotas.check(caller, 'projects')
      return created
    })
  },
})

export const projectsList = defineJson({
  name: 'projects.list',
  summary: 'List projects, oldest first',
  description: 'Returns your projects. A key that is bound to a project lists only that one.',
  route: 'GET /api/v1/projects',
  permission: 'zerodb:read',
  idempotent: true,
  input: projectList,
  output: z.array(project).describe('The projects, oldest first'),
  run: (app, caller, input) => app.store.projects.list(caller.user_id, caller.bound, input.limit, input.offset),
})

export const projectsGet = defineJson({
  name: 'projects.get',
  summary: 'Get a project',
  description: 'Returns one of your projects.',
  route: 'GET /api/v1/projects/:project_id',
  permission: 'zerodb:read',
  idempotent: true,
  input: projectKey,
  output: project,
  run: (app, caller, input) => app.store.projects.get(scopeOf(caller, input.project_id)),
})

export const projectsUpdate = defineJson({
  name: 'projects.update',
  summary: 'Change a project',
  description: 'Fields that are absent stay as they are.',
  route: 'PATCH /api/v1/projects/:project_id',
  permission: 'zerodb:write',
  idempotent: false,
  input: projectUpdate,
  output: project,
  run: (app, caller, { project_id, ...fields }) => app.store.projects.update(scopeOf(caller, project_id), fields),
})

export const projectsDelete = defineJson({
  name: 'projects.delete',
  summary: 'Delete a project and everything in it',
  description:
    'Deletes the project with its vectors, memories, files, tables, events, hooks and functions. The default project cannot be deleted.',
  route: 'DELETE /api/v1/projects/:project_id',
  permission: 'zerodb:write',
  idempotent: false,
  input: projectKey,
  output: z.null(),
  status: 204,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    await app.store.projects.get(scope)
    if (!(await app.store.projects.remove(scope)))
      throw new ZeroError('invalid', 'The default project cannot be deleted')
    return null
  },
})

export const projectsStatus = defineJson({
  name: 'projects.status',
  summary: 'Count the objects of a project',
  description: 'Returns the number of objects of each kind.',
  route: 'GET /api/v1/projects/:project_id/database',
  permission: 'zerodb:read',
  idempotent: true,
  input: projectKey,
  output: projectStatus,
  async run(app, caller, input) {
    const counts = await app.store.projects.counts(scopeOf(caller, input.project_id))
    return {
      enabled: true,
      tables_count: counts.tables,
      vectors_count: counts.vectors,
      memory_records_count: counts.memories,
      events_count: counts.events,
      files_count: counts.files,
    }
  },
})
