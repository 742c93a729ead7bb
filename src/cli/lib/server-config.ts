import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { ZeroDBError } from '../../client/index.ts'
import { StartError } from '../../errors.ts'

/** What a folder says of itself in `zerodb.json`. Has no secrets: it is kept with the sources. */
const projectFile = z.object({
  $schema: z.string().optional(),
  /** Of the server. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  project_id: z.guid().optional(),
})

export interface ServerConfig {
  url: string
  apiKey: string
  projectId: string | undefined
}

export interface ServerFlags {
  server?: string
  apiKey?: string
  project?: string
}

/** No server is known, or no key for it. */
export class NoServer extends Error {
  override readonly name = 'NoServer'
  /** What to do, where that is not to start one. */
  readonly next: string | undefined

  constructor(message: string, next?: string) {
    super(message)
    this.next = next
  }
}

/**
 * The server that is meant: by the flags, else the environment, else `zerodb.json`, else the `credentials.json` of a server that was started
 * here; both are looked for in this folder and in those above it. A key belongs to the server it was stored for: the one in `credentials.json`
 * to the server that wrote it, and `ZERODB_API_KEY` to `ZERODB_URL` where that is set. Throws `NoServer`.
 */
export function readServerConfig(flags: ServerFlags, env = process.env, folder = process.cwd()): ServerConfig {
  const file = readProjectFile(folder)
  const written = readWritten(env, folder)
  const inEnvironment = env['ZERODB_URL'] || undefined
  const url = flags.server ?? inEnvironment ?? file?.url ?? written?.url
  if (url === undefined) throw new NoServer('No server is known here')
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new StartError(`"${url}" is not the address of a server: it must be like http://127.0.0.1:8000`)
  const isKeyForUrl = inEnvironment === undefined || sameServer(inEnvironment, url)
  const apiKey =
    flags.apiKey ??
    (isKeyForUrl ? env['ZERODB_API_KEY'] || undefined : undefined) ??
    (sameServer(written?.url, url) ? written!.api_key : undefined)
  if (apiKey === undefined)
    throw new NoServer(
      `No API key is known for ${url}`,
      isKeyForUrl ? undefined : `--api-key KEY: ZERODB_API_KEY belongs to ${inEnvironment}`,
    )
  return { url, apiKey, projectId: flags.project === '-' ? undefined : (flags.project ?? file?.project_id) }
}

/** Whether a call failed because the server that was started here is not running, so that its data can be opened; none was named, then. */
export function isAway(error: unknown, { server }: ServerFlags): boolean {
  if (server !== undefined || process.env['ZERODB_URL']) return false
  const named = readProjectFile(process.cwd())?.url
  if (named !== undefined && !sameServer(readWritten(process.env, process.cwd())?.url, named)) return false
  return error instanceof NoServer || (error instanceof ZeroDBError && error.code === 'connection_failed')
}

function sameServer(one: string | undefined, other: string): boolean {
  const normal = (url: string) => url.replace(/\/+$/, '').replace('//localhost', '//127.0.0.1')
  return one !== undefined && normal(one) === normal(other)
}

function readProjectFile(folder: string): z.infer<typeof projectFile> | undefined {
  const path = above(folder, 'zerodb.json')
  if (path === undefined) return undefined
  try {
    return projectFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message
    throw new StartError(`${path} cannot be used: ${why}`, { cause: error })
  }
}

const credentials = z.object({ url: z.string(), api_key: z.string() })

function readWritten(env: NodeJS.ProcessEnv, folder: string): z.infer<typeof credentials> | undefined {
  const given = env['ZERODB_DATA_DIR']
  const path = given
    ? join(resolve(folder, given), 'credentials.json')
    : above(folder, join('.zerodb', 'credentials.json'))
  try {
    return path === undefined ? undefined : credentials.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // Not there, or no longer whole: as if nobody had written one.
    return undefined
  }
}

/** The nearest file of this name, in `folder` or above it. */
export function above(folder: string, name: string): string | undefined {
  const path = join(folder, name)
  if (existsSync(path)) return path
  const parent = dirname(folder)
  return parent === folder ? undefined : above(parent, name)
}
