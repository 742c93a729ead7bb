import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package.ts'

/** A process of the built program that can be restarted. */
export interface Instance {
  readonly name: string
  readonly kind: 'start' | 'worker'
  /** URL of the server; null while it is not ready, and for a worker. */
  readonly url: string | null
  readonly isUp: boolean
  /** Starts the process and restarts it for up to a minute if it exits. Resolves with the milliseconds when it is ready. */
  start(): Promise<number>
  /** Sends a signal. Resolves when the process has ended, with its exit code, or null if the signal ended it. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
  /** Pauses the process for `ms`. */
  freeze(ms: number): Promise<void>
}

const PATIENCE_MS = 60_000

// Processes must not outlive the test.
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Creates an instance. `onEnd` is called if the process ends unexpectedly after it was ready. */
export function createInstance(
  name: string,
  kind: Instance['kind'],
  env: NodeJS.ProcessEnv,
  onEnd: (complaint: string) => void,
): Instance {
  let child: ChildProcess | undefined
  let url: string | null = null
  let isUp = false
  let asked = false
  function attempt(): Promise<boolean> {
    let said = ''
    const { ZERODB_TEST_DATABASE_URL: _, ...inherited } = process.env
    const starting = spawn(process.execPath, [join(packageRoot(), 'dist', 'zerodb.js'), kind], {
      env: { ...inherited, ...env },
    })
    child = starting
    children.add(starting)
    return new Promise((resolve) => {
      const look = (chunk: Buffer) => {
        said = (said + chunk).slice(-4000)
        const [line, address = null] = /Ready (?:on (http:\S+)|to execute runs)/.exec(said) ?? []
        if (isUp || line === undefined) return
        url = address
        isUp = true
        resolve(true)
      }
      starting.stdout.on('data', look)
      starting.stderr.on('data', look)
      starting.once('exit', (code, signal) => {
        children.delete(starting)
        if (child !== starting) return
        if (isUp && !asked) onEnd(`${name} ended unexpectedly with ${code ?? signal}: ${said.slice(-1000)}`)
        isUp = false
        url = null
        resolve(false)
      })
    })
  }

  return {
    name,
    kind,
    get url() {
      return url
    },
    get isUp() {
      return isUp
    },
    async start() {
      const began = performance.now()
      asked = false
      while (!(await attempt())) {
        if (asked || performance.now() - began > PATIENCE_MS) throw new Error(`${name} did not start`)
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
      return Math.round(performance.now() - began)
    },
    async end(signal) {
      asked = true
      isUp = false
      url = null
      const ending = child
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return null
      const ended = new Promise<number | null>((resolve) => ending.once('exit', (code) => resolve(code)))
      ending.kill(signal)
      return ended
    },
    async freeze(ms) {
      const frozen = child!
      frozen.kill('SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, ms))
      frozen.kill('SIGCONT')
    },
  }
}
