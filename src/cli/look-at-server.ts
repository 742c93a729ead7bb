import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { ZeroDB, type ZeroDBError } from '../client/index.ts'
import { NOT_TRIED, type SandboxReport } from '../sandbox/index.ts'
import { type KnownServer, knownServer, NoServer } from './known-server.ts'
import { wordsOf } from './look-at-sandbox.ts'

/** Who asks first has the sandbox tried, and is told of that later. */
const [TIMES, PAUSE_MS] = [40, 250]

/** What a running server says of itself. */
const health = z.object({
  status: z.string(),
  version: z.string(),
  database: z.string(),
  sandbox: z.custom<SandboxReport>().optional(),
})

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
  const { version, database, status } = await askHealth(url)
  return `${url} is ${status}: version ${version}, ${database}`
}

/** Null where it does not say. */
export async function lookAtItsSandbox(): Promise<string | null> {
  const server = knownOrNull()
  for (let asked = 0; server && asked < TIMES; asked++) {
    const { sandbox } = await askHealth(server.url).catch(() => ({ sandbox: undefined }))
    if (!sandbox) return null
    const isTried = Object.values(sandbox.runtimes).some((found) => found.available || found.cause !== NOT_TRIED)
    if (isTried || sandbox.driver === 'off') return wordsOf(sandbox)
    await setTimeout(PAUSE_MS)
  }
  return null
}

async function askHealth(url: string): Promise<z.infer<typeof health>> {
  return health.parse(await (await fetch(`${url}/health`)).json())
}

function knownOrNull(): KnownServer | null {
  try {
    return knownServer({})
  } catch (error) {
    if (error instanceof NoServer) return null
    throw error
  }
}
