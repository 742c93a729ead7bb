import { jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../app.ts'

const ISSUER = 'zerodb'
export const ACCESS_SECONDS = 3_600
export const REFRESH_SECONDS = 30 * 86_400

/** Signs an access token (HS256, RFC 7518) that identifies the user and is valid for an hour. */
export function signAccessToken(secret: Uint8Array, userId: string, clock: Clock): Promise<string> {
  const now = Math.floor(clock.now() / 1000)
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setIssuer(ISSUER)
    .setAudience(ISSUER)
    .setIssuedAt(now)
    .setExpirationTime(now + ACCESS_SECONDS)
    .sign(secret)
}

/** Returns the user id of a valid token; null when the signature is wrong or the token has expired. */
export async function verifyAccessToken(secret: Uint8Array, token: string, clock: Clock): Promise<string | null> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: ['HS256'],
      issuer: ISSUER,
      audience: ISSUER,
      currentDate: new Date(clock.now()),
    })
    return payload.sub ?? null
  } catch {
    // Every failure gives the same 401, so that an attacker learns nothing from it.
    return null
  }
}

/** Audience of stream tokens, which separates them from access tokens. */
const STREAM_AUDIENCE = 'zerodb:stream'

/** Signs a token that only permits to read the published events of one project. `expiresAt` is in seconds since 1970. */
export function signStreamToken(
  secret: Uint8Array,
  { user_id, project_id }: { user_id: string; project_id: string },
  expiresAt: number,
): Promise<string> {
  return new SignJWT({ project_id })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user_id)
    .setIssuer(ISSUER)
    .setAudience(STREAM_AUDIENCE)
    .setExpirationTime(expiresAt)
    .sign(secret)
}

/** Returns the user and project of a valid stream token; null for any other text. */
export async function verifyStreamToken(
  secret: Uint8Array,
  token: string,
  clock: Clock,
): Promise<{ user_id: string; project_id: string } | null> {
  try {
    const { payload } = await jwtVerify<{ project_id: string }>(token, secret, {
      algorithms: ['HS256'],
      issuer: ISSUER,
      audience: STREAM_AUDIENCE,
      requiredClaims: ['sub', 'exp', 'project_id'],
      currentDate: new Date(clock.now()),
    })
    return { user_id: payload.sub!, project_id: payload.project_id }
  } catch {
    // An access token of a login is not a stream token either.
    return null
  }
}

/** Returns whether a credential has the form of a token. API keys contain no dots. */
export function looksLikeToken(credential: string): boolean {
  return credential.split('.').length === 3
}
