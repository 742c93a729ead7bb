import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { hashApiKey, newApiKey } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { allows, apiKey, createdKey, keyCreate, keyKey, keyList } from '../schema/login.ts'
import type { StoredKey } from '../store/accounts/keys.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

function shown({ user_id: _, ...key }: StoredKey): z.infer<typeof apiKey> {
  return key
}

export const keysCreate = defineJson({
  name: 'keys.create',
  summary: 'Create an API key',
  description:
    'Creates a key with the scopes, project and lifetime given. The response has the key itself, which is not shown again. A key cannot create one with more permissions than it has.',
  route: 'POST /api/v1/auth/api-keys',
  permission: 'keys:write',
  idempotent: false,
  input: keyCreate,
  output: createdKey,
  status: 201,
  async run(app, caller, input) {
    const project_id = input.project_id ?? caller.bound
    if (project_id !== null) await app.store.projects.get(scopeOf(caller, project_id))
    const missing = input.scopes.find((scope) => !allows(caller.permissions, scope))
    if (missing)
      throw new ZeroError('forbidden', `This key cannot create a key with a permission that it lacks: "${missing}"`)
    const key = newApiKey()
    const stored = await app.store.transaction(async (tx) => {
      const created = await tx.keys.create({
        ...input,
        user_id: caller.user_id,
        project_id,
        hash: hashApiKey(key),
        last4: key.slice(-4),
      })
      await tx.quotas.check(caller, 'keys')
      return created
    })
    return { ...shown(stored), key }
  },
})

export const keysList = defineJson({
  name: 'keys.list',
  summary: 'List API keys',
  description:
    'Returns your keys without the keys themselves, revoked ones included. A key that is bound to a project lists only the keys of that project.',
  route: 'GET /api/v1/auth/api-keys',
  permission: 'keys:read',
  idempotent: true,
  input: keyList,
  output: z.array(apiKey).describe('The API keys, without the keys themselves'),
  nextCursor: (keys, { limit }) => encodeCursor(keys, limit),
  run: async (app, caller, { limit, cursor }) =>
    (await app.store.keys.listOf(caller.user_id, caller.bound, limit, decodeCursor(cursor))).map(shown),
})

export const keysRevoke = defineJson({
  name: 'keys.revoke',
  summary: 'Revoke an API key',
  description: 'The key is refused from now on. It stays in the list.',
  route: 'DELETE /api/v1/auth/api-keys/:key_id',
  permission: 'keys:write',
  idempotent: false,
  input: keyKey,
  output: z.null(),
  status: 204,
  async run(app, caller, { key_id }) {
    if (!(await app.store.keys.revokeOf(caller.user_id, caller.bound, key_id)))
      throw new ZeroError('not_found', 'Key not found')
    return null
  },
})
