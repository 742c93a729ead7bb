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

/** Returns whether a credential has the form of a token. API keys contain no dots. */
export function looksLikeToken(credential: string): boolean {
  return credential.split('.').length === 3
}
