import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { ZeroDBError } from '../../client/index.ts'
import { StartError } from '../../errors.ts'

/** The contents of `zerodb.json`. It must not contain secrets: it is committed with the sources. */
const projectFile = z.object({
  $schema: z.string().optional(),
  /** Address of the server. */
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

/** No server is configured, or there is no API key for it. */
export class NoServer extends Error {
  override readonly name = 'NoServer'
  /** The suggested next step, if not to start a server. */
  readonly next: string | undefined

  constructor(message: string, next?: string) {
    super(message)
    this.next = next
  }
}

/**
 * Finds the server to call: from the flags, the environment, `zerodb.json`, or the `credentials.json` of a server that was started here, in
 * this order. Both files are searched in this folder and its parents. A key is only used for its own server. The key in `credentials.json`
 * is for the server that wrote it. `ZERODB_API_KEY` is for `ZERODB_URL` if that is set. Throws `NoServer`.
 */
export function readServerConfig(flags: ServerFlags, env = process.env, folder = process.cwd()): ServerConfig {
  const file = readProjectFile(folder)
  const stored = readCredentials(env, folder)
  const inEnvironment = env['ZERODB_URL'] || undefined
  const url = flags.server ?? inEnvironment ?? file?.url ?? stored?.url
  if (url === undefined) throw new NoServer('No server is configured here')
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new StartError(`"${url}" is not a valid server address: use one such as http://127.0.0.1:8000`)
  const isKeyForUrl = inEnvironment === undefined || sameServer(inEnvironment, url)
  const apiKey =
    flags.apiKey ??
    (isKeyForUrl ? env['ZERODB_API_KEY'] || undefined : undefined) ??
    (sameServer(stored?.url, url) ? stored!.api_key : undefined)
  if (apiKey === undefined)
    throw new NoServer(
      `No API key is configured for ${url}`,
      isKeyForUrl ? undefined : `--api-key KEY: ZERODB_API_KEY belongs to ${inEnvironment}`,
    )
  return { url, apiKey, projectId: flags.project === '-' ? undefined : (flags.project ?? file?.project_id) }
}

/** Tells whether the call failed because the server of this folder is not running, so its data can be opened. False if a server was named. */
export function isAway(error: unknown, { server }: ServerFlags): boolean {
  if (server !== undefined || process.env['ZERODB_URL']) return false
  const named = readProjectFile(process.cwd())?.url
  if (named !== undefined && !sameServer(readCredentials(process.env, process.cwd())?.url, named)) return false
  return error instanceof NoServer || (error instanceof ZeroDBError && error.code === 'connection_failed')
}

function sameServer(one: string | undefined, other: string): boolean {
  const normal = (url: string) => url.replace(/\/+$/, '').replace('//localhost', '//127.0.0.1')
  return one !== undefined && normal(one) === normal(other)
}

function readProjectFile(folder: string): z.infer<typeof projectFile> | undefined {
  const path = findUpwards(folder, 'zerodb.json')
  if (path === undefined) return undefined
  try {
    return projectFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message
    throw new StartError(`${path} cannot be used: ${why}`, { cause: error })
  }
}

const credentials = z.object({ url: z.string(), api_key: z.string() })

function readCredentials(env: NodeJS.ProcessEnv, folder: string): z.infer<typeof credentials> | undefined {
  const given = env['ZERODB_DATA_DIR']
  const path = given
    ? join(resolve(folder, given), 'credentials.json')
    : findUpwards(folder, join('.zerodb', 'credentials.json'))
  try {
    return path === undefined ? undefined : credentials.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // A missing or damaged file counts as absent.
    return undefined
  }
}

/** Returns the nearest file of this name, in `folder` or one of its parents. */
export function findUpwards(folder: string, name: string): string | undefined {
  const path = join(folder, name)
  if (existsSync(path)) return path
  const parent = dirname(folder)
  return parent === folder ? undefined : findUpwards(parent, name)
}
