import { randomBytes } from 'node:crypto'
import { hashApiKey, newApiKey } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import {
  claimedDb,
  instantDbClaim as claimInput,
  instantDbCreate as createInput,
  instantDb,
} from '../schema/instant-db.ts'
import type { PERMISSIONS } from '../schema/login.ts'
import { defineJson } from './operation.ts'

const ROUTE = '/api/v1/public/instant-db'
const LIFETIME_SECONDS = 72 * 3600
/** Permissions of a temporary key. Without `functions:write` and `functions:invoke`, anonymous clients cannot run code in the sandbox. */
const SCOPES: readonly (typeof PERMISSIONS)[number][] = [
  'zerodb:read',
  'zerodb:write',
  'memory:read',
  'memory:write',
  'hooks:read',
  'hooks:write',
]

export const instantDbCreate = defineJson({
  name: 'instant_db.create',
  summary: 'Create a temporary database without an account',
  description:
    'Creates a project with a key. Both are deleted after 72 hours, unless the database is claimed. 403 `forbidden` unless the server is started with ZERODB_INSTANT_DB=on. A client can create five in an hour.',
  route: `POST ${ROUTE}`,
  permission: 'public',
  idempotent: false,
  input: createInput,
  errors: ['forbidden'],
  output: instantDb,
  async run(app, { client = 'unknown' }) {
    if (!app.config.instantDb)
      throw new ZeroError(
        'forbidden',
        'Instant databases are disabled on this server: its owner can set ZERODB_INSTANT_DB=on',
      )
    const wait = app.instantDatabases.waitFor(client)
    if (wait > 0)
      throw new ZeroError('rate_limited', `Too many instant databases: retry in ${wait} s`, { retryAfter: wait })
    app.instantDatabases.count(client)
    const api_key = newApiKey('tmp_')
    const claim_token = randomBytes(32).toString('base64url')
    const { project_id, expires_at } = await app.store.instantDatabases.create({
      claim_hash: hashApiKey(claim_token),
      key: { hash: hashApiKey(api_key), last4: api_key.slice(-4), scopes: SCOPES },
      seconds: LIFETIME_SECONDS,
    })
    const database = `/api/v1/projects/${project_id}/database`
    return {
      project_id,
      api_key,
      claim_url: `${ROUTE}/claim`,
      claim_token,
      expires_at,
      endpoints: {
        vectors: `${database}/vectors`,
        memory: `${database}/memory`,
        files: `${database}/files`,
        tables: `${database}/tables`,
      },
    }
  },
})

export const instantDbClaim = defineJson({
  name: 'instant_db.claim',
  summary: 'Claim a temporary database',
  description:
    'Makes the database one of your projects, with everything in it, and creates a key for it that does not expire. The temporary key and the token stop working.',
  route: `POST ${ROUTE}/claim`,
  permission: 'keys:write',
  idempotent: false,
  input: claimInput,
  errors: ['quota_exceeded'],
  output: claimedDb,
  async run(app, caller, { claim_token }) {
    if (caller.bound !== null)
      throw new ZeroError('forbidden', 'This API key is bound to one project and cannot claim another')
    const api_key = newApiKey()
    const project_id = await app.store.transaction(async (tx) => {
      const claimed = await tx.instantDatabases.claim(hashApiKey(claim_token), caller.user_id)
      if (claimed === null) throw new ZeroError('not_found', 'No database has this claim token, or it has expired')
      await tx.keys.create({
        user_id: caller.user_id,
        project_id: claimed,
        name: 'Claimed database',
        hash: hashApiKey(api_key),
        last4: api_key.slice(-4),
        scopes: caller.permissions,
      })
      await tx.quotas.check(caller, 'projects', 'keys', 'hooks')
      return claimed
    })
    app.store.keys.forgetCached()
    return { project_id, api_key }
  },
})
