import type { Pool } from 'undici'
import type { Runtime, SandboxDriver } from '../../src/sandbox/index.ts'
import { measure, measureAlternately, ROUNDS, words } from '../load.ts'
import { log, type Measurement } from '../support.ts'
import { callOf, NODE, PYTHON, programOf, TRIVIAL } from './support.ts'

const CALLS = 2_000
const WORK_CALLS = 600
const SPECIFIED = 'specified: 18 ms, 112/s on other hardware, behind a microVM'

/** Programs that busy-wait for one millisecond. */
const WORK = {
  [NODE]: 'export default () => { const end = performance.now() + 1; while (performance.now() < end); return 1 }',
  [PYTHON]:
    'import time\ndef handler(event, ctx):\n    end = time.perf_counter() + 0.001\n    while time.perf_counter() < end: pass\n    return 1\n',
}

async function get(pool: Pool): Promise<void> {
  const { statusCode, body } = await pool.request({ method: 'GET', path: '/?name=Ada' })
  await body.text()
  if (statusCode !== 200) throw new Error(`functions-framework responds with status ${statusCode}`)
}

export async function trivial(driver: SandboxDriver, framework: Pool, callers: number): Promise<Measurement[]> {
  log(`sandbox: ${callers} callers, ${ROUNDS} rounds`)
  const call = (runtime: Runtime) => {
    const program = programOf(runtime, TRIVIAL[runtime])
    return () => measure(callers, CALLS, () => callOf(driver, program))
  }
  const loads = await measureAlternately({
    nodejs: call(NODE),
    python: call(PYTHON),
    framework: () => measure(callers, CALLS, () => get(framework)),
  })
  const baseline = `functions-framework, HTTP, no isolation: ${words(loads.framework)}; ${SPECIFIED}`
  return (['nodejs', 'python'] as const).map((name) => ({
    row: `sandbox.${name}.${callers}`,
    value: callers === 1 ? loads[name].p50 : loads[name].rate,
    ours: words(loads[name]),
    baseline,
  }))
}

export async function work(driver: SandboxDriver, framework: Pool): Promise<Measurement[]> {
  log('sandbox: 1 ms of work, 20 callers')
  const call = (runtime: Runtime) => {
    const program = programOf(runtime, WORK[runtime])
    return () => measure(20, WORK_CALLS, () => callOf(driver, program))
  }
  const loads = await measureAlternately({
    nodejs: call(NODE),
    python: call(PYTHON),
    framework: () => measure(20, WORK_CALLS, () => get(framework)),
  })
  return (['nodejs', 'python'] as const).map((name) => ({
    row: `sandbox.${name}.work`,
    value: loads[name].rate,
    ours: words(loads[name]),
    baseline: `functions-framework, HTTP, no isolation: ${words(loads.framework)}; ${SPECIFIED}`,
  }))
}
