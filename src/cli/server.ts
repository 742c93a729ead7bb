import { resolve } from 'node:path'
import { StartError } from '../errors.ts'
import { readCredentials } from './credentials.ts'

/** How to ask the running server: `ZERODB_URL` and `ZERODB_API_KEY`, else what the last start has written down. */
export async function findServer(): Promise<
  (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>
> {
  const written = await readCredentials(resolve(process.env['ZERODB_DATA_DIR'] || './.zerodb'))
  const url = process.env['ZERODB_URL'] ?? written?.url
  const key = process.env['ZERODB_API_KEY'] ?? written?.api_key
  if (!url || !key) throw new StartError('No server is known here: start one, or set ZERODB_URL and ZERODB_API_KEY')
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error) => {
      throw new StartError(`No server answers at ${url}: start it with "zerodb start"`, { cause: error })
    })
    const answer = (await response.json()) as { detail?: unknown }
    if (!response.ok) throw new StartError(`The server refused: ${JSON.stringify(answer.detail)}`)
    return answer
  }
}
