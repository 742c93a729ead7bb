import { randomBytes } from 'node:crypto'
import { deadline } from '../../src/platform/abort.ts'
import type { GuestLog, Outcome, Program, Runtime } from '../../src/sandbox/index.ts'
import type { Environment } from './environment.ts'
import { instanceWith, isAlive, processesOf, type Seen } from './host-checks.ts'
import { type CallRest, codeOf, type HostileProgram, within } from './program.ts'

/** Time limit from a kill to the end of the last process. */
const GONE_MS = 1_000
const LATE_MS = 2_000

/** One run of one program in an environment. */
export class Fixture {
  readonly environment: Environment
  readonly program: HostileProgram
  readonly runtime: Runtime
  /** Violations, as clauses. */
  readonly breaches: string[] = []
  readonly outcomes: Outcome[] = []
  /** Whether an instance may stay alive, because the program was called with a key and succeeded. */
  isKept = false
  readonly #nonce = randomBytes(6).toString('hex')
  readonly #keys = new Set<string>()
  #seen: Seen | undefined

  constructor(environment: Environment, program: HostileProgram, runtime: Runtime) {
    this.environment = environment
    this.program = program
    this.runtime = runtime
  }

  /** Records a violation. */
  breach(what: string): void {
    this.breaches.push(what)
  }

  check(isRight: boolean, otherwise: string): void {
    if (!isRight) this.breach(otherwise)
  }

  /** Ends the remaining instances. */
  end(): void {
    for (const key of this.#keys) this.environment.driver.retire(key)
  }

  /** Calls the program: with a key as a handler, without a key as a script in a separate instance. */
  async call({ key, isolation = 'warm', signal, ...rest }: CallRest = {}): Promise<Outcome> {
    const { input, timeoutSeconds = 5 } = this.program
    // Ends the program if the server does not.
    const late = deadline((rest.timeout_seconds ?? timeoutSeconds) * 1000 + LATE_MS, signal)
    const name = key === undefined ? null : `${key} ${this.#nonce}`
    if (name !== null) this.#keys.add(name)
    const outcome = await this.environment.driver
      .call({
        program: this.programOf(name, isolation),
        mode: key ? 'handler' : 'script',
        input: input ?? {},
        timeout_seconds: timeoutSeconds,
        output_limit_bytes: 51_200,
        signal: late.signal,
        ...rest,
      })
      .finally(late.clear)
    this.outcomes.push(outcome)
    this.isKept = key !== undefined && isolation === 'warm' && ['ok', 'threw', 'output_limit'].includes(outcome.status)
    return outcome
  }

  programOf(key: string | null, isolation: Program['isolation']): Program {
    const entry = this.runtime === 'nodejs20' ? 'main.mjs' : 'main.py'
    return {
      key,
      runtime: this.runtime,
      files: { ...this.program.files, [entry]: codeOf(this.program, this.runtime)!, [this.#nonce]: '' },
      entry,
      env: { WORLD: JSON.stringify(this.environment.told) },
      isolation,
      memory_mb: this.program.memoryMb ?? 256,
      network: this.program.network ? this.environment.policy : null,
    }
  }

  /** Calls the program, runs `look` when the program has printed `ready`, and cancels it. Resolves when all its processes have ended. */
  async watch(look: (fixture: Fixture) => Promise<void> | void, rest: CallRest = {}): Promise<Outcome> {
    const over = new AbortController()
    let looking: Promise<void> | undefined
    let pids: number[] = []
    const onLog = ({ text }: GuestLog) => {
      if (text.trim() !== 'ready') return
      looking ??= (async () => {
        await look(this)
        pids = this.processes()
      })().finally(() => over.abort())
    }
    const outcome = await this.call({ signal: over.signal, onLog, ...rest })
    await looking
    if (looking) this.check(await this.gone(GONE_MS, pids), 'processes of the program are still running')
    else if (!this.program.mayEndBefore)
      this.breach(`the program was never ready: ${outcome.status} ${outcome.error?.message ?? ''} ${outcome.stderr}`)
    return outcome
  }

  /** Finds the processes of the program by a file in its working directory. Throws if there are none. */
  seen(): Seen {
    const seen = this.found()
    if (!seen) throw new Error('the instance was not found among the child processes')
    return seen
  }

  /** Finds the processes of a program that may have ended; undefined if it has. */
  found(): Seen | undefined {
    this.#seen ??= instanceWith(this.#nonce)
    return this.#seen
  }

  processes(): number[] {
    return processesOf(this.seen())
  }

  /** Waits until the instance and all its processes have ended. Returns false after `ms`. */
  gone(ms: number, pids = this.processes()): Promise<boolean> {
    return within(ms, () => !pids.some(isAlive))
  }

  /** Returns whether an instance of this program is running. */
  isThere(): boolean {
    return instanceWith(this.#nonce) !== undefined
  }
}
