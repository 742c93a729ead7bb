import { z } from 'zod'
import { name, timestamp, uuid } from './common.ts'

/** The part before the @ has at most 64 characters (RFC 5321, 4.5.3.1.1). */
const email = z
  .email()
  .max(254)
  .refine((address) => address.lastIndexOf('@') <= 64, 'The part before the @ has more than 64 characters')
/** Long enough to resist guessing; the upper limit bounds the cost of hashing. */
const newPassword = z.string().min(10).max(1024)

export const register = z.object({ email, password: newPassword, username: name.nullish(), name: name.nullish() })
export const login = z.object({ email: z.string().min(1).max(254), password: z.string().min(1).max(1024) })
export const refresh = z.object({ refresh_token: z.string().min(1).max(255) })
export const logout = z.object({ refresh_token: z.string().max(255).nullish() })

export const tokens = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  token_type: z.literal('bearer'),
  /** Seconds that the access token is good for. */
  expires_in: z.number(),
})

export const person = z.object({
  id: z.string(),
  email: z.string().nullable(),
  username: z.string().nullable(),
  is_active: z.literal(true),
  role: z.literal('user'),
  default_project_id: z.string(),
  created_at: timestamp,
})
export type Person = z.infer<typeof person>
export const registered = person.extend(tokens.shape)

/** What a key may be allowed; `*` is everything, `zerodb:*` all of one service. */
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
/** Whether who holds these permissions has `wanted`, which may itself be a group like `zerodb:*`. */
export function allows(held: readonly string[], wanted: string): boolean {
  const [service] = wanted.split(':')
  return ['*', `${service}:*`, wanted].some((sufficient) => held.includes(sufficient))
}

const scope = z.enum([...PERMISSIONS, '*', 'zerodb:*', 'memory:*', 'hooks:*', 'functions:*', 'keys:*'])

/** Strict: a right or a time that is misspelt would make a key that may do everything for ever. */
export const keyCreate = z.strictObject({
  name: z.string().min(1).max(128),
  /** Seconds until the key is refused; null for never. */
  ttl_seconds: z.int().min(60).max(315_360_000).nullish(),
  scopes: z.array(scope).min(1).max(20).default(['*']),
  /** The only project that the key may touch; null for all. */
  project_id: uuid.nullish(),
})
export const apiKey = z.object({
  id: z.string(),
  name: z.string(),
  last4: z.string(),
  scopes: z.array(z.string()),
  project_id: z.string().nullable(),
  created_at: timestamp,
  last_used_at: timestamp.nullable(),
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
})
/** The key itself is shown here and never again. */
export const createdKey = apiKey.extend({ key: z.string() })
export const keyKey = z.object({ key_id: uuid })
