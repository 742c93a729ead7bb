import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { App } from '../app.ts'
import { withDerivationSlot } from '../auth/derivations.ts'
import { hashPassword, passwordMatches } from '../auth/passwords.ts'
import { ACCESS_SECONDS, REFRESH_SECONDS, signAccessToken } from '../auth/tokens.ts'
import { hashApiKey } from '../crypto.ts'
import { isUniqueViolation } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { loggedOut, login, logout, person, refresh, register, registered, tokens } from '../schema/login.ts'
import { defineJson } from './operation.ts'

/** The unique constraints on addresses. The same spelling violates both, another case only the second. */
const EMAIL_CONSTRAINTS = ['zerodb_users_email_key', 'uix_zerodb_users_email']

/** Creates an access token and the refresh token for its successor. */
async function issueTokens(app: App, userId: string, familyId: string = randomUUID()): Promise<z.infer<typeof tokens>> {
  const refreshToken = randomBytes(32).toString('base64url')
  await app.store.refreshTokens.create({
    hash: hashApiKey(refreshToken),
    family_id: familyId,
    user_id: userId,
    seconds: REFRESH_SECONDS,
  })
  return {
    access_token: await signAccessToken(app.jwtSecret, userId, app.clock),
    refresh_token: refreshToken,
    token_type: 'bearer',
    expires_in: ACCESS_SECONDS,
  }
}

export const authRegister = defineJson({
  name: 'auth.register',
  summary: 'Create an account and log in',
  description:
    'Creates a user with a default project and returns the tokens of a first login. 403 `forbidden` unless the server is started with ZERODB_REGISTRATION=on.',
  route: 'POST /api/v1/auth/register',
  permission: 'public',
  idempotent: false,
  input: register,
  errors: ['forbidden', 'email_taken'],
  output: registered,
  status: 201,
  async run(app, _, input) {
    if (!app.config.registration) {
      throw new ZeroError(
        'forbidden',
        'Registration is disabled on this server: its owner can set ZERODB_REGISTRATION=on',
      )
    }
    const password_hash = await withDerivationSlot(() => hashPassword(input.password))
    const username = input.username ?? input.name ?? null
    try {
      const { user_id } = await app.store.users.create(input.email, { username, password_hash })
      return { ...(await app.store.users.get(user_id)), ...(await issueTokens(app, user_id)) }
    } catch (error) {
      if (!EMAIL_CONSTRAINTS.some((name) => isUniqueViolation(error, name))) throw error
      throw new ZeroError('email_taken', undefined, { cause: error })
    }
  },
})

export const authLogin = defineJson({
  name: 'auth.login',
  summary: 'Exchange e-mail and password for tokens',
  description:
    'Returns an access token and a refresh token. After several failed logins of an account or a client, further ones are 429 for a while.',
  route: 'POST /api/v1/auth/login',
  permission: 'public',
  idempotent: false,
  input: login,
  errors: ['unauthorized'],
  output: tokens,
  async run(app, { client = 'unknown' }, input) {
    const { logins, store } = app
    const email = input.email.toLowerCase()
    const checkThrottle = () => {
      const wait = Math.max(logins.byEmail.waitFor(email), logins.byClient.waitFor(client))
      if (wait > 0)
        throw new ZeroError('rate_limited', `Too many failed logins: retry in ${wait} s`, { retryAfter: wait })
    }
    checkThrottle()
    const user = await store.users.findByEmail(input.email)
    await withDerivationSlot(async () => {
      // Checked again, because earlier attempts in the queue may have failed.
      checkThrottle()
      if (await passwordMatches(input.password, user?.password_hash ?? null)) return
      logins.byEmail.count(email)
      logins.byClient.count(client)
      throw new ZeroError('unauthorized', 'Incorrect e-mail or password')
    })
    // The failures of the client are kept: an attacker could reset them by logging in to another account.
    logins.byEmail.clear(email)
    return issueTokens(app, user!.id)
  },
})

export const authRefresh = defineJson({
  name: 'auth.refresh',
  summary: 'Exchange a refresh token for new tokens',
  description:
    'A refresh token can be used once. Using it a second time ends the login, because someone else may have the token.',
  route: 'POST /api/v1/auth/refresh',
  permission: 'public',
  idempotent: false,
  input: refresh,
  errors: ['unauthorized'],
  output: tokens,
  async run(app, _, input) {
    const used = await app.store.refreshTokens.use(hashApiKey(input.refresh_token))
    if (used?.stolen) {
      // The token was used twice, so one user has stolen it: both lose access.
      app.log.warn({ user: used.user_id }, 'a refresh token was used twice; its login is ended')
      await app.store.refreshTokens.revokeFamily(used)
    }
    if (!used || used.stolen) throw new ZeroError('unauthorized', 'Invalid refresh token: log in again')
    return issueTokens(app, used.user_id, used.family_id)
  },
})

export const authLogout = defineJson({
  name: 'auth.logout',
  summary: 'End a login',
  description:
    'Revokes all refresh tokens of the login that the token belongs to. Access tokens stay valid until they expire.',
  route: 'POST /api/v1/auth/logout',
  permission: 'public',
  idempotent: false,
  input: logout,
  output: loggedOut,
  async run(app, _, input) {
    if (input.refresh_token) await app.store.refreshTokens.revokeFamily({ hash: hashApiKey(input.refresh_token) })
    return { status: 'ok' as const }
  },
})

export const authMe = defineJson({
  name: 'auth.me',
  summary: 'Get the current user',
  description: 'Returns the user that the API key or token belongs to, and the project of requests that name none.',
  route: 'GET /api/v1/auth/me',
  permission: 'any',
  idempotent: true,
  input: z.object({}),
  output: person,
  async run(app, caller) {
    const me = await app.store.users.get(caller.user_id)
    return { ...me, default_project_id: caller.bound ?? me.default_project_id }
  },
})
