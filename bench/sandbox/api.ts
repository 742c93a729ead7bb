import { measure, measureAlternately, words } from '../load.ts'
import { startServed } from '../served.ts'
import { log, type Measurement } from '../support.ts'
import { FEW_ROUNDS, spawned, spawnNode } from './support.ts'

/** Measures the built program over HTTP. One project can run ten executions at once. */
export async function throughApi(): Promise<Measurement[]> {
  log('sandbox: POST /api/v1/sandbox/execute')
  const served = await startServed(20)
  try {
    const rows: Measurement[] = []
    const codes = { nodejs: 'export default { hello: "Ada" }', python: 'result = {"hello": "Ada"}' }
    for (const [language, code] of Object.entries(codes)) {
      const execute = async () => {
        const answer = await served.api('POST', '/api/v1/sandbox/execute', { language, code })
        if (answer.status !== 'ok') throw new Error(JSON.stringify(answer))
      }
      const loads = await measureAlternately(
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
    await served.stop()
  }
}
