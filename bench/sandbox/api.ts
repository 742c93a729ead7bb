import { Pool } from 'undici'
import { readCredentials } from '../../src/cli/credentials.ts'
import { type Measurement, newPlace, say, startProgram } from '../support.ts'
import { FEW_ROUNDS, inTurn, measure, spawned, spawnNode, words } from './support.ts'

/** Through the built program. One project may have ten under way at once. */
export async function throughApi(): Promise<Measurement[]> {
  say('sandbox: POST /api/v1/sandbox/execute')
  const place = await newPlace('pglite')
  const program = await startProgram({ ...place.env, ZERODB_LOG_LEVEL: 'error' })
  const { url, api_key } = (await readCredentials(place.env['ZERODB_DATA_DIR']!))!
  const pool = new Pool(url, { connections: 20 })
  try {
    const rows: Measurement[] = []
    const codes = { nodejs: 'export default { hello: "Ada" }', python: 'result = {"hello": "Ada"}' }
    for (const [language, code] of Object.entries(codes)) {
      const execute = async () => {
        const { statusCode, body } = await pool.request({
          method: 'POST',
          path: '/api/v1/sandbox/execute',
          headers: { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ language, code }),
        })
        const text = await body.text()
        if (statusCode !== 200 || !text.includes('"status":"ok"')) throw new Error(`${statusCode} ${text}`)
      }
      const loads = await inTurn(
        {
          one: () => measure(1, 20, execute),
          ten: () => measure(10, 60, execute),
          spawn: () => measure(1, 20, spawnNode),
        },
        FEW_ROUNDS,
      )
      rows.push({
        row: `sandbox.execute.${language}`,
        value: loads.one.p50,
        ours: `${words(loads.one)}; 10 callers: ${words(loads.ten)}`,
        baseline: spawned(loads.spawn),
      })
    }
    return rows
  } finally {
    await pool.close()
    await program.stop()
    await place.remove()
  }
}
