import { z } from 'zod'
import { ZeroDB, type ZeroDBError } from '../client/index.ts'
import { type KnownServer, knownServer, NoServer } from './known-server.ts'

/** What a running server says of itself. */
const health = z.object({ status: z.string(), version: z.string(), database: z.string() })

/** Null where none is known, or the one that was started here is not running. */
export async function lookAtServer(): Promise<string | null> {
  const server = knownOrNull()
  if (server === null) return null
  const { url, apiKey } = server
  const zerodb = new ZeroDB({ url, apiKey, timeoutSeconds: 5 })
  try {
    await zerodb.auth.me()
  } catch (error) {
    const { code, message } = error as ZeroDBError
    if (code === 'connection_failed' && !process.env['ZERODB_URL']) return null
    throw new Error(
      code === 'unauthorized' ? `${url} does not know the API key: make one with "zerodb keys create"` : message,
    )
  }
  const { version, database, status } = health.parse(await (await fetch(`${url}/health`)).json())
  return `${url} is ${status}: version ${version}, ${database}`
}

function knownOrNull(): KnownServer | null {
  try {
    return knownServer({})
  } catch (error) {
    if (error instanceof NoServer) return null
    throw error
  }
}
