import { jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../app.ts'

const ISSUER = 'zerodb'
export const ACCESS_SECONDS = 3_600
export const REFRESH_SECONDS = 30 * 86_400

/** A token that says who bears it, good for an hour. HS256 (RFC 7518). */
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

/** The bearer's user id; null when the token is not ours, was changed or has expired. */
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
    // Whatever is wrong with it, the answer is the same 401: a forger learns nothing.
    return null
  }
}

/** Whether a credential has the form of such a token; keys have no dots. */
export function looksLikeToken(credential: string): boolean {
  return credential.split('.').length === 3
}
