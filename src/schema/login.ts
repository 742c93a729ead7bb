import { z } from 'zod'
import { arrayCursor, createdAt, limit, name, timestamp, uuid } from './common.ts'

/** An e-mail address. The part before the @ has at most 64 characters (RFC 5321, 4.5.3.1.1). */
const email = z
  .email()
  .max(254)
  .refine((address) => address.lastIndexOf('@') <= 64, 'The part before the @ has more than 64 characters')
/** A password. The minimum resists guessing; the maximum limits the cost of hashing. */
const newPassword = z.string().min(10).max(1024)

export const register = z.object({
  email: email.meta({ description: 'E-mail address, which is the name of the login', examples: ['maria@example.com'] }),
  password: newPassword.describe('Password of 10 to 1,024 characters'),
  username: name.nullish().describe('Name to show'),
  name: name.nullish().describe('Same meaning as `username`, which comes first'),
})
export const login = z.object({
  email: z.string().min(1).max(254).describe('E-mail address of the account'),
  password: z.string().min(1).max(1024).describe('Password of the account'),
})
export const refresh = z.object({
  refresh_token: z.string().min(1).max(255).describe('The refresh token, which can be used once'),
})
export const logout = z.object({
  refresh_token: z
    .string()
    .max(255)
    .nullish()
    .describe('A refresh token of the login to end. When absent, nothing happens'),
})

export const tokens = z
  .object({
    access_token: z.string().describe('Token for the header `Authorization: Bearer`'),
    refresh_token: z.string().describe('Token that can be exchanged once for new tokens'),
    token_type: z.literal('bearer').describe('Always `bearer`'),
    expires_in: z.number().describe('Seconds until the access token expires'),
  })
  .meta({ id: 'Tokens', description: 'The tokens of a login' })

export const person = z
  .object({
    id: z.string().describe('Id of the user'),
    email: z.string().nullable().describe('E-mail address; null for a user without a login'),
    username: z.string().nullable().describe('Name to show; null when not given'),
    is_active: z.literal(true).describe('Always true'),
    role: z.literal('user').describe('Always `user`'),
    default_project_id: z.string().describe('Id of the project of requests that name none'),
    created_at: createdAt,
  })
  .meta({ id: 'User', description: 'A user of this server' })
export type Person = z.infer<typeof person>
export const registered = person
  .extend(tokens.shape)
  .meta({ id: 'Registered', description: 'The user that was created, with the tokens of a first login' })
export const loggedOut = z
  .object({ status: z.literal('ok').describe('Always `ok`') })
  .meta({ id: 'LoggedOut', description: 'Confirmation that the login has ended' })

/** Permissions of keys. `*` allows everything, `zerodb:*` everything of a service. */
export const PERMISSIONS = [
  'zerodb:read',
  'zerodb:write',
  'memory:read',
  'memory:write',
  'hooks:read',
  'hooks:write',
  'functions:read',
  'functions:write',
  'functions:invoke',
  'keys:read',
  'keys:write',
] as const
/** Tells whether these permissions include `wanted`, which can itself be a group such as `zerodb:*`. */
export function allows(held: readonly string[], wanted: string): boolean {
  const [service] = wanted.split(':')
  return ['*', `${service}:*`, wanted].some((sufficient) => held.includes(sufficient))
}

const scope = z.enum([...PERMISSIONS, '*', 'zerodb:*', 'memory:*', 'hooks:*', 'functions:*', 'keys:*'])

/** Input of a new key. Strict, because a misspelled scope or lifetime would create a key with all permissions that never expires. */
export const keyCreate = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(128)
    .meta({ description: 'Name of the key', examples: ['ci'] }),
  ttl_seconds: z
    .int()
    .min(60)
    .max(315_360_000)
    .nullish()
    .describe('Seconds until the key expires, from 60 to ten years. Null or absent: never'),
  scopes: z
    .array(scope)
    .min(1)
    .max(20)
    .default(['*'])
    .describe('Permissions of the key. `*` allows everything, `zerodb:*` everything of one service'),
  project_id: uuid.nullish().describe('The only project that the key can access. Null or absent: all your projects'),
})
export const apiKey = z
  .object({
    id: z.string().describe('Id of the key'),
    name: z.string().describe('Name of the key'),
    last4: z.string().describe('The last four characters of the key'),
    scopes: z.array(z.string()).describe('Permissions of the key'),
    project_id: z.string().nullable().describe('The only project that the key can access; null for all your projects'),
    created_at: createdAt,
    last_used_at: timestamp.nullable().describe('When the key was last used; null before the first use'),
    expires_at: timestamp.nullable().describe('When the key expires; null for never'),
    revoked_at: timestamp.nullable().describe('When the key was revoked; null while it is valid'),
  })
  .meta({ id: 'Key', description: 'An API key, without the key itself' })
export const keyList = z.object({ limit: limit(1_000), cursor: arrayCursor })
export const createdKey = apiKey
  .extend({ key: z.string().describe('The key itself. The server shows it only in this response') })
  .meta({ id: 'CreatedKey', description: 'A new API key' })
export const keyKey = z.object({ key_id: uuid.describe('Id of the key') })
