import { type Dispatcher, Pool } from 'undici'
import { readCredentials } from '../src/cli/lib/credentials.ts'
import { newPlace, startProgram } from './support.ts'

/** The built program with a new data directory, and connections to it. */
export interface Served {
  url: string
  api_key: string
  project_id: string
  pool: Pool
  /** Headers with the key and the content type of JSON. */
  headers: Record<string, string>
  /** Calls an operation and returns its response. Throws for any status from 300. */
  // biome-ignore lint/suspicious/noExplicitAny: a benchmark reads arbitrary responses
  api(method: Dispatcher.HttpMethod, path: string, body?: unknown): Promise<any>
  stop(): Promise<void>
}

export async function startServed(connections: number): Promise<Served> {
  const place = await newPlace('pglite')
  const program = await startProgram({ ...place.env, ZERODB_LOG_LEVEL: 'error' })
  const { url, api_key, project_id } = (await readCredentials(place.env['ZERODB_DATA_DIR']!))!
  const pool = new Pool(url, { connections })
  const headers = { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' }
  return {
    url,
    api_key,
    project_id,
    pool,
    headers,
    async api(method, path, body) {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) }
      const reply = await pool.request({ method, path, headers, ...sent })
      const text = await reply.body.text()
      if (reply.statusCode >= 300) throw new Error(`${path}: ${reply.statusCode} ${text}`)
      return text === '' ? null : JSON.parse(text)
    },
    async stop() {
      await pool.close()
      await program.stop()
      await place.remove()
    },
  }
}
