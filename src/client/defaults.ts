import { ZeroDBError } from './errors.ts'

interface KnownServer {
  url: string
  apiKey: string | null
}

interface Process {
  env?: Record<string, string | undefined>
  /** Loads a module of Node without an import, which bundlers for browsers could not resolve. */
  getBuiltinModule?(name: 'node:fs'): { readFileSync(path: string, encoding: 'utf8'): string }
}

/**
 * Returns the default server: `ZERODB_URL` with `ZERODB_API_KEY`, otherwise the server in `credentials.json` of
 * `ZERODB_DATA_DIR` (default `./.zerodb`), which a server writes at start. Throws `misused` if there is neither.
 */
export function knownServer(): KnownServer {
  const { env = {}, getBuiltinModule } = ((globalThis as { process?: Process }).process ?? {}) as Process
  if (env['ZERODB_URL']) return { url: env['ZERODB_URL'], apiKey: env['ZERODB_API_KEY'] || null }
  const path = `${env['ZERODB_DATA_DIR'] || './.zerodb'}/credentials.json`
  try {
    const { url, api_key } = JSON.parse(getBuiltinModule!('node:fs').readFileSync(path, 'utf8'))
    return { url, apiKey: env['ZERODB_API_KEY'] || api_key }
  } catch (cause) {
    const detail =
      'No server is configured: pass url and apiKey, set ZERODB_URL and ZERODB_API_KEY, or start a server here'
    throw new ZeroDBError({ code: 'misused', detail, cause })
  }
}
