import { z } from 'zod'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import {
  type Project,
  project,
  projectCreate,
  projectKey,
  projectList,
  projectStats,
  projectStatus,
  projectUpdate,
} from '../schema/project.ts'
import type { Scope } from '../store/context.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

export const projectsCreate = defineJson({
  name: 'projects.create',
  summary: 'Create a project',
  description: 'Creates an empty project that you own.',
  route: 'POST /api/v1/projects',
  permission: 'zerodb:write',
  allowedWhenSuspended: true,
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
  nextCursor: (projects, { limit }) => encodeCursor(projects, limit),
  run: (app, caller, { cursor, ...page }) =>
    app.store.projects.list(caller.user_id, caller.bound, { ...page, after: decodeCursor(cursor) }),
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
  allowedWhenSuspended: true,
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
  allowedWhenSuspended: true,
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

export const projectsSuspend = defineJson({
  name: 'projects.suspend',
  summary: 'Suspend a project',
  description:
    'The project can still be read. It refuses writes of data and calls of functions with 409 `project_suspended`. Its queued runs and its schedules wait; runs that are executing end.',
  route: 'POST /api/v1/projects/:project_id/suspend',
  permission: 'zerodb:write',
  allowedWhenSuspended: true,
  idempotent: true,
  input: projectKey,
  output: project,
  run: (app, caller, { project_id }) => setSuspended(app, scopeOf(caller, project_id), true),
})

export const projectsActivate = defineJson({
  name: 'projects.activate',
  summary: 'Activate a suspended project',
  description:
    'The project accepts writes again, and its waiting runs continue. Ticks of schedules during the suspension count as missed.',
  route: 'POST /api/v1/projects/:project_id/activate',
  permission: 'zerodb:write',
  allowedWhenSuspended: true,
  idempotent: true,
  input: projectKey,
  output: project,
  run: (app, caller, { project_id }) => setSuspended(app, scopeOf(caller, project_id), false),
})

async function setSuspended(app: App, scope: Scope, suspended: boolean): Promise<Project> {
  const changed = await app.store.projects.setSuspended(scope, suspended)
  app.functions.changed(scope.project_id)
  if (!suspended) app.runs.queued()
  return changed
}

export const projectsStatus = defineJson({
  name: 'projects.status',
  summary: 'Count the objects of a project',
  description: 'Returns the number of objects of the main kinds. `projects.stats` has all kinds.',
  route: 'GET /api/v1/projects/:project_id/database',
  permission: 'zerodb:read',
  idempotent: true,
  input: projectKey,
  output: projectStatus,
  run: (app, caller, { project_id }) => statusOf(app, scopeOf(caller, project_id)),
})

export const projectsEnableDatabase = defineJson({
  name: 'projects.enable_database',
  summary: 'Enable the database of a project',
  description: 'Every project has a database, so this changes nothing. Returns the same as `projects.status`.',
  route: 'POST /api/v1/projects/:project_id/database',
  permission: 'zerodb:write',
  allowedWhenSuspended: true,
  idempotent: true,
  input: projectKey,
  output: projectStatus,
  run: (app, caller, { project_id }) => statusOf(app, scopeOf(caller, project_id)),
})

export const projectsConfigureDatabase = defineJson({
  name: 'projects.configure_database',
  summary: 'Configure the database of a project',
  description:
    'A database has no settings. The fields that clients of the hosted API send are accepted and named in `warnings`. Returns the same as `projects.status`.',
  route: 'PUT /api/v1/projects/:project_id/database',
  permission: 'zerodb:write',
  allowedWhenSuspended: true,
  idempotent: true,
  input: projectKey,
  output: projectStatus,
  run: (app, caller, { project_id }) => statusOf(app, scopeOf(caller, project_id)),
})

async function statusOf(app: App, scope: Scope): Promise<z.infer<typeof projectStatus>> {
  const { status } = await app.store.projects.get(scope)
  const kinds = ['tables', 'vectors', 'memories', 'events', 'files'] as const
  const { counts_are_exact, ...counts } = await app.store.projects.counts(scope, kinds)
  return {
    enabled: true,
    status,
    tables_count: counts.tables,
    vectors_count: counts.vectors,
    memory_records_count: counts.memories,
    events_count: counts.events,
    files_count: counts.files,
    counts_are_exact,
  }
}

export const projectsStats = defineJson({
  name: 'projects.stats',
  summary: 'Count the objects of every kind in a project',
  description: 'Returns the number of objects of every kind.',
  route: 'GET /api/v1/projects/:project_id/stats',
  permission: 'zerodb:read',
  idempotent: true,
  input: projectKey,
  output: projectStats,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    const { id: project_id } = await app.store.projects.get(scope)
    const { enabled: _, ...main } = await statusOf(app, scope)
    const kinds = ['rows', 'entities', 'hooks', 'functions', 'schedules'] as const
    const { counts_are_exact, ...counts } = await app.store.projects.counts(scope, kinds)
    return {
      project_id,
      ...main,
      rows_count: counts.rows,
      entities_count: counts.entities,
      hooks_count: counts.hooks,
      functions_count: counts.functions,
      schedules_count: counts.schedules,
      counts_are_exact: main.counts_are_exact && counts_are_exact,
    }
  },
})
