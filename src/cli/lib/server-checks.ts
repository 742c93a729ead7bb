import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import type { ZeroDBError } from '../../client/index.ts'
import { NOT_TRIED, type SandboxReport } from '../../sandbox/index.ts'
import { type Session, sessionOf } from './remote.ts'
import { describeSandbox } from './sandbox-checks.ts'
import { NoServer } from './server-config.ts'

/** The first health request starts the test of the sandbox; its result follows some seconds later. */
const [MAX_ATTEMPTS, PAUSE_MS] = [40, 250]

/** The response of GET /health, as far as it is used here. */
const health = z.object({
  status: z.string(),
  version: z.string(),
  database: z.string(),
  sandbox: z.custom<SandboxReport>().optional(),
})

/** Describes the running server. Returns null if no server is configured, or the server of this folder is not running. */
export async function checkServer(): Promise<string | null> {
  const session = findSession()
  if (session === null) return null
  const { url } = session.server
  try {
    await session.zerodb.auth.me({}, { timeoutSeconds: 5 })
  } catch (error) {
    const { code, message } = error as ZeroDBError
    if (code === 'connection_failed' && !process.env['ZERODB_URL']) return null
    throw new Error(
      code === 'unauthorized' ? `${url} rejects the API key: create one with "zerodb keys create"` : message,
    )
  }
  const { version, database, status } = await askHealth(url)
  return `${url} is ${status}: version ${version}, ${database}`
}

/** Describes the sandbox of the running server. Returns null if the server does not report one. */
export async function checkServerSandbox(): Promise<string | null> {
  const server = findSession()?.server
  for (let asked = 0; server && asked < MAX_ATTEMPTS; asked++) {
    const { sandbox } = await askHealth(server.url).catch(() => ({ sandbox: undefined }))
    if (!sandbox) return null
    const isTried = Object.values(sandbox.runtimes).some((found) => found.available || found.cause !== NOT_TRIED)
    if (isTried || sandbox.driver === 'off') return describeSandbox(sandbox)
    await setTimeout(PAUSE_MS)
  }
  return null
}

async function askHealth(url: string): Promise<z.infer<typeof health>> {
  return health.parse(await (await fetch(`${url}/health`)).json())
}

function findSession(): Session | null {
  try {
    return sessionOf({})
  } catch (error) {
    if (error instanceof NoServer) return null
    throw error
  }
}
