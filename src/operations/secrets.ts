import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { seal } from '../crypto.ts'
import { functionSecretContext } from '../functions/cache.ts'
import { secret, secretChangePage, secretHistory, secretKey, secretList, secretSet } from '../schema/secret.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

export const secretsSet = defineJson({
  name: 'secrets.set',
  summary: 'Store a secret',
  description:
    'Stores or replaces a secret of the project. Functions that declare it have the new value from their next call on.',
  route: 'PUT /api/v1/secrets/:name',
  permission: 'functions:write',
  idempotent: false,
  input: secretSet,
  output: secret,
  async run(app, caller, { project_id, name, value }) {
    const scope = scopeOf(caller, project_id)
    const sealed = seal(app.encryptionKey, value, functionSecretContext(scope.project_id, name))
    const stored = await app.store.secrets.set(scope, name, sealed, caller.cause?.run_id)
    app.functions.changed(scope.project_id)
    return stored
  },
})

export const secretsList = defineJson({
  name: 'secrets.list',
  summary: 'List the names of secrets',
  description: 'Returns the names of the secrets of a project. No response has a value.',
  route: 'GET /api/v1/secrets',
  permission: 'functions:read',
  idempotent: true,
  input: secretList,
  output: z.array(secret).describe('The secrets, without their values'),
  run: (app, caller, { project_id }) => app.store.secrets.list(scopeOf(caller, project_id)),
})

export const secretsDelete = defineJson({
  name: 'secrets.delete',
  summary: 'Delete a secret',
  description: 'Deletes the secret. Functions that declare it do not have it from their next call on.',
  route: 'DELETE /api/v1/secrets/:name',
  permission: 'functions:write',
  idempotent: false,
  input: secretKey,
  output: z.null(),
  status: 204,
  async run(app, caller, { project_id, name }) {
    const scope = scopeOf(caller, project_id)
    await app.store.secrets.remove(scope, name, caller.cause?.run_id)
    app.functions.changed(scope.project_id)
    return null
  },
})

export const secretsHistory = defineJson({
  name: 'secrets.history',
  summary: 'List the changes of secrets, newest first',
  description:
    'Returns when secrets of a project were created, replaced and deleted, without their values. The latest 1,000 changes of a project are kept.',
  route: 'GET /api/v1/secrets/history',
  permission: 'functions:read',
  idempotent: true,
  input: secretHistory,
  output: secretChangePage,
  async run(app, caller, { project_id, cursor, ...filter }) {
    const scope = scopeOf(caller, project_id)
    const items = await app.store.secrets.history(scope, { ...filter, before: decodeCursor(cursor) })
    return { items, next_cursor: encodeCursor(items, filter.limit) }
  },
})
