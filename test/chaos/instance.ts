import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package.ts'

/** A process of the built program that is started again and again. */
export interface Instance {
  readonly name: string
  readonly kind: 'start' | 'worker'
  /** Where it answers; null while it does not, and for a worker. */
  readonly url: string | null
  readonly isUp: boolean
  /** Resolves when it is ready; as a supervisor would, starts it again when it gives up, for a minute. Returns the milliseconds. */
  start(): Promise<number>
  /** Resolves with its exit code when it has ended; null: by the signal. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
  /** Stops it in the middle of whatever it does, for `ms`. */
  freeze(ms: number): Promise<void>
}

const PATIENCE_MS = 60_000

// What we start must not outlive us.
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** `onEnd` is told when it ends without having been asked to, after it was ready. */
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
        if (isUp && !asked) onEnd(`${name} ended by itself with ${code ?? signal}: ${said.slice(-1000)}`)
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
        if (asked || performance.now() - began > PATIENCE_MS) throw new Error(`${name} does not start`)
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
