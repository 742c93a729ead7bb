import { readCredentials } from '../src/cli/lib/credentials.ts'
import {
  type Backend,
  log,
  type Measurement,
  milliseconds,
  newPlace,
  pause,
  quantile,
  startProgram,
} from './support.ts'

// Effect of many logins on other users: one user uploads small files, alone and during 100 concurrent login attempts by others.

const LOGINS = 100
const UPLOADS = 200
const SETTLE_MS = 3_000
const CONTENT = Buffer.alloc(64 * 1024, 'x').toString('base64')

export async function logins(backend: Backend): Promise<Measurement[]> {
  log(`logins: ${UPLOADS} uploads, alone and during ${LOGINS} logins at once`)
  const place = await newPlace(backend)
  const program = await startProgram(place.env)
  try {
    const { url, api_key, project_id } = (await readCredentials(place.env['ZERODB_DATA_DIR']!))!
    const post = (path: string, body: object, headers: Record<string, string> = {}) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    const upload = async (n: number) => {
      const start = performance.now()
      const body = { file_name: `${n}.txt`, file_content: CONTENT }
      const reply = await post(`/api/v1/projects/${project_id}/database/files/upload`, body, { 'x-api-key': api_key })
      await reply.arrayBuffer()
      if (!reply.ok) throw new Error(`upload: ${reply.status}`)
      return performance.now() - start
    }
    const uploads = async () => {
      const times: number[] = []
      for (let n = 0; n < UPLOADS; n++) times.push(await upload(n))
      return times
    }
    await pause(SETTLE_MS)
    await uploads()
    const alone = quantile(await uploads(), 0.95)

    let isOver = false
    const statuses = new Map<number, number>()
    const strangers = Array.from({ length: LOGINS }, async (_, n) => {
      for (let attempt = 0; !isOver; attempt++) {
        const reply = await post('/api/v1/auth/login', {
          email: `${n}.${attempt}@example.test`,
          password: 'a wrong guess',
        })
        await reply.arrayBuffer()
        statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
        // Without a pause after a rejected attempt, this would measure the HTTP server instead of the password check.
        if (reply.status === 429) await pause(100)
      }
    })
    const during = quantile(await uploads(), 0.95)
    isOver = true
    await Promise.all(strangers)
    const answers = [...statuses].map(([status, count]) => `${count} times ${status}`).join(', ')
    return [
      {
        row: 'logins.upload',
        value: during / alone,
        ours: `${milliseconds(during)} (logins: ${answers})`,
        baseline: `alone ${milliseconds(alone)}`,
      },
    ]
  } finally {
    await program.stop()
    await place.remove()
  }
}
