import type { IncomingHttpHeaders } from 'node:http'
import type { App, Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { looksLikeToken, verifyStreamToken } from './tokens.ts'

/**
 * Creates the function that identifies the sender of a stream request by a token in the query. Accepts stream tokens and access tokens, which
 * expire within an hour. API keys are refused: URLs end up in logs and histories.
 */
export function createQueryAuthenticator(
  { jwtSecret, clock }: Pick<App, 'jwtSecret' | 'clock'>,
  authenticate: (headers: IncomingHttpHeaders) => Promise<Caller>,
): (token: string, headers: IncomingHttpHeaders) => Promise<Caller> {
  return async (token, headers) => {
    if (!looksLikeToken(token))
      throw new ZeroError(
        'unauthorized',
        'The query parameter "token" accepts no API key: create a token with POST /api/v1/projects/{project_id}/database/events/stream-token',
      )
    const stream = await verifyStreamToken(jwtSecret, token, clock)
    if (!stream) return authenticate({ ...headers, authorization: `Bearer ${token}` })
    const { user_id, project_id } = stream
    return { user_id, bound: project_id, project_id, permissions: ['zerodb:read'] }
  }
}
