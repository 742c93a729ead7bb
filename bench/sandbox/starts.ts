import type { Runtime, SandboxDriver } from '../../src/sandbox/index.ts'
import { measure, measureAlternately, words } from '../load.ts'
import { log, type Measurement, median, milliseconds, pause, quantile } from '../support.ts'
import {
  BOTH,
  CONCURRENCY,
  callOf,
  FEW_ROUNDS,
  NODE,
  PYTHON,
  programOf,
  spawned,
  spawnNode,
  TRIVIAL,
} from './support.ts'

const COLD_CALLS = 100

/** Measures first calls of programs, with a ready instance and with one that has to be started. */
export async function cold(driver: SandboxDriver): Promise<Measurement[]> {
  log('sandbox: cold calls')
  const rows: Measurement[] = []
  for (const [name, runtime] of Object.entries(BOTH)) {
    // The pool has only instances of the default size.
    for (const [row, memory_mb] of [
      ['cold', 256],
      ['start', 192],
    ] as const) {
      const times: number[] = []
      for (let n = 0; n < COLD_CALLS; n++) {
        const program = programOf(runtime, TRIVIAL[runtime], { memory_mb })
        const begin = performance.now()
        await callOf(driver, program)
        times.push(performance.now() - begin)
        driver.retire(program.key!)
        await pause(150)
      }
      const value = median(times)
      rows.push({
        row: `sandbox.${name}.${row}`,
        value,
        ours: `p50 ${milliseconds(value)}, p99 ${milliseconds(quantile(times, 0.99))}`,
        ...(row === 'start' ? { baseline: spawned(await measure(1, COLD_CALLS, spawnNode)) } : {}),
      })
    }
  }
  return rows
}

/** Measures calls that each get a new sandbox. */
export async function fresh(driver: SandboxDriver): Promise<Measurement[]> {
  const rows: Measurement[] = []
  for (const [callers, calls] of [
    [1, 20],
    [20, 60],
    [100, 100],
  ] as const) {
    log(`sandbox: a new sandbox for every call, ${callers} callers`)
    const call = (runtime: Runtime) => {
      const program = programOf(runtime, TRIVIAL[runtime], { isolation: 'fresh' })
      return () => measure(callers, calls, () => callOf(driver, program))
    }
    const loads = await measureAlternately(
      {
        nodejs: call(NODE),
        python: call(PYTHON),
        spawn: () => measure(Math.min(callers, CONCURRENCY), calls, spawnNode),
      },
      FEW_ROUNDS,
    )
    for (const name of ['nodejs', 'python'] as const)
      rows.push({
        row: `sandbox.${name}.fresh.${callers}`,
        value: callers === 1 ? loads[name].p50 : loads[name].rate,
        ours: words(loads[name]),
        baseline: spawned(loads.spawn),
      })
  }
  return rows
}
