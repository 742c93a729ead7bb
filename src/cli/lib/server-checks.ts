import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import type { ZeroDBError } from '../../client/index.ts'
import { NOT_TRIED, type SandboxReport } from '../../sandbox/index.ts'
import { type Session, sessionOf } from './remote.ts'
import { wordsOf } from './sandbox-checks.ts'
import { NoServer } from './server-config.ts'

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
export async function checkServer(): Promise<string | null> {
  const session = knownOrNull()
  if (session === null) return null
  const { url } = session.server
  try {
    await session.zerodb.auth.me({}, { timeoutSeconds: 5 })
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
export async function checkServerSandbox(): Promise<string | null> {
  const server = knownOrNull()?.server
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

function knownOrNull(): Session | null {
  try {
    return sessionOf({})
  } catch (error) {
    if (error instanceof NoServer) return null
    throw error
  }
}
