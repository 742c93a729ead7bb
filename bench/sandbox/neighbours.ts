import type { Program, SandboxDriver } from '../../src/sandbox/index.ts'
import { instanceWith, isAlive, memoryMbOf, processesOf, residentMb } from '../../test/hostile/host-checks.ts'
import type { Load } from '../load.ts'
import { log, type Measurement, median, milliseconds, pause, quantile } from '../support.ts'
import { BOTH, callOf, FEW_ROUNDS, NODE, PYTHON, programOf, TRIVIAL } from './support.ts'

const FORKS = `while True:
        try: os.fork()
        except OSError: pass`
const python = (body: string): string => `import os
def handler(event, ctx):
    if event['name'] == 'first': return
    print('ready', flush=True)
    ${body}
`

/** Measures from a deadline to the response, and from there to the end of all processes, with endless loops and fork bombs. */
export async function kills(driver: SandboxDriver): Promise<Measurement[]> {
  log('sandbox: kills')
  const replies: number[] = []
  const empties: number[] = []
  const codes = [
    [NODE, 'export default (event) => { if (event.name === "first") return; console.log("ready"); for (;;); }'],
    [PYTHON, python('while True: pass')],
    [PYTHON, python(FORKS)],
  ] as const
  for (let n = 0; n < 24; n++) {
    const [runtime, code] = codes[n % codes.length]!
    const program = programOf(runtime, code)
    await callOf(driver, program, { input: { event: { name: 'first' } } })
    const seen = instanceWith(program.key!)!
    let pids: number[] = []
    const timeout_seconds = 0.4
    const began = performance.now()
    await callOf(driver, program, {
      timeout_seconds,
      onLog: () =>
        setTimeout(() => {
          pids = processesOf(seen)
        }, 200),
    })
    const replied = performance.now()
    if (pids.length === 0) throw new Error('the program to be killed is not running')
    while (pids.some(isAlive)) await pause(1)
    replies.push(replied - began - timeout_seconds * 1000)
    empties.push(performance.now() - replied)
  }
  const describe = (times: number[]) => `p50 ${milliseconds(median(times))}, worst ${milliseconds(Math.max(...times))}`
  return [
    { row: 'sandbox.kill.reply', value: Math.max(...replies), ours: describe(replies) },
    { row: 'sandbox.kill.empty', value: Math.max(...empties), ours: describe(empties) },
  ]
}

type Latency = Pick<Load, 'p50' | 'p99'>

/** Measures the effect of a fork bomb on the calls of another tenant. */
export async function besideForkBomb(driver: SandboxDriver): Promise<Measurement> {
  log('sandbox: beside a fork bomb')
  const neighbour = programOf(NODE, TRIVIAL[NODE])
  const visit = async (ms: number) => {
    const times: number[] = []
    for (const until = performance.now() + ms; performance.now() < until; await pause(2)) {
      const begin = performance.now()
      await callOf(driver, neighbour)
      times.push(performance.now() - begin)
    }
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
  }
  await visit(300)
  const alone: Latency[] = []
  const beside: Latency[] = []
  for (let round = 0; round < FEW_ROUNDS; round++) {
    alone.push(await visit(2_000))
    const over = new AbortController()
    const bombing = callOf(driver, programOf(PYTHON, python(FORKS)), { signal: over.signal })
    await pause(300)
    beside.push(await visit(2_000))
    over.abort()
    await bombing
  }
  const middle = (of: Latency[], key: keyof Latency) => median(of.map((each) => each[key]))
  const describe = (of: Latency[]) => `p50 ${milliseconds(middle(of, 'p50'))}, p99 ${milliseconds(middle(of, 'p99'))}`
  return {
    row: 'sandbox.neighbour',
    value: middle(beside, 'p99'),
    ours: describe(beside),
    baseline: `alone: ${describe(alone)}`,
  }
}

/** Measures a hundred warm programs. */
export async function manyWarm(driver: SandboxDriver, framework: number): Promise<Measurement[]> {
  log('sandbox: 100 warm instances')
  const rows: Measurement[] = []
  const all: Program[] = []
  for (const [name, runtime] of Object.entries(BOTH)) {
    const programs = Array.from({ length: 50 }, () => programOf(runtime, TRIVIAL[runtime]))
    for (const program of programs) await callOf(driver, program)
    const seen = programs.map(({ key }) => instanceWith(key!)!)
    const memory = seen.map(memoryMbOf)
    const own = seen.map((each) => processesOf(each).reduce((sum, pid) => sum + residentMb(pid), 0))
    rows.push({
      row: `sandbox.${name}.memory`,
      value: median(memory),
      ours: `${median(memory).toFixed(1)} MB in its control group, ${median(own).toFixed(1)} MB of them not backed by a file`,
      baseline: `functions-framework, a process: ${residentMb(framework).toFixed(1)} MB that are not backed by a file`,
    })
    all.push(...programs)
  }
  const times: number[] = []
  let coldCalls = 0
  for (let round = 0; round < 3; round++)
    for (const program of all) {
      const begin = performance.now()
      if ((await callOf(driver, program)).cold) coldCalls++
      times.push(performance.now() - begin)
    }
  rows.push({
    row: 'sandbox.warm.100',
    value: quantile(times, 0.5),
    ours: `p50 ${milliseconds(quantile(times, 0.5))}, p99 ${milliseconds(quantile(times, 0.99))}; ${coldCalls} of ${times.length} cold`,
  })
  for (const { key } of all) driver.retire(key!)
  return rows
}
