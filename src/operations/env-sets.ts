import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { envSet, envSetChangePage, envSetHistory, envSetKey, envSetList, envSetSet } from '../schema/env-set.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

export const envSetsSet = defineJson({
  name: 'env_sets.set',
  summary: 'Store an env set',
  description:
    'Stores or replaces a set of environment variables. Functions that have it in `env_from` get the new variables from their next call on; running calls keep theirs.',
  route: 'PUT /api/v1/env-sets/:name',
  permission: 'functions:write',
  idempotent: false,
  input: envSetSet,
  output: envSet,
  async run(app, caller, { project_id, name, ...variables }) {
    const scope = scopeOf(caller, project_id)
    const stored = await app.store.envSets.set(scope, name, variables, caller.cause?.run_id)
    app.functions.changed(scope.project_id)
    return stored
  },
})

export const envSetsList = defineJson({
  name: 'env_sets.list',
  summary: 'List env sets, by name',
  description: 'Returns the env sets of a project. Of secrets they have the names only.',
  route: 'GET /api/v1/env-sets',
  permission: 'functions:read',
  idempotent: true,
  input: envSetList,
  output: z.array(envSet).describe('The env sets, by name'),
  run: (app, caller, { project_id }) => app.store.envSets.list(scopeOf(caller, project_id)),
})

export const envSetsGet = defineJson({
  name: 'env_sets.get',
  summary: 'Get an env set',
  description: 'Returns an env set, with the functions that use it. Of secrets it has the names only.',
  route: 'GET /api/v1/env-sets/:name',
  permission: 'functions:read',
  idempotent: true,
  input: envSetKey,
  output: envSet,
  run: (app, caller, { project_id, name }) => app.store.envSets.get(scopeOf(caller, project_id), name),
})

export const envSetsDelete = defineJson({
  name: 'env_sets.delete',
  summary: 'Delete an env set',
  description:
    'Deletes the set, but not the secrets that it names. Functions that have it in `env_from` lack its variables from their next call on.',
  route: 'DELETE /api/v1/env-sets/:name',
  permission: 'functions:write',
  idempotent: false,
  input: envSetKey,
  output: z.null(),
  status: 204,
  async run(app, caller, { project_id, name }) {
    const scope = scopeOf(caller, project_id)
    await app.store.envSets.remove(scope, name, caller.cause?.run_id)
    app.functions.changed(scope.project_id)
    return null
  },
})

export const envSetsHistory = defineJson({
  name: 'env_sets.history',
  summary: 'List the changes of an env set, newest first',
  description:
    'Returns when the set was created, replaced and deleted, with the names of the changed variables and without values. The latest 1,000 changes of a project are kept.',
  route: 'GET /api/v1/env-sets/:name/history',
  permission: 'functions:read',
  idempotent: true,
  input: envSetHistory,
  output: envSetChangePage,
  async run(app, caller, { project_id, name, cursor, limit }) {
    const scope = scopeOf(caller, project_id)
    const items = await app.store.envSets.history(scope, name, { limit, before: decodeCursor(cursor) })
    return { items, next_cursor: encodeCursor(items, limit) }
  },
})
