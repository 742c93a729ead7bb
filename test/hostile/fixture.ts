import { randomBytes } from 'node:crypto'
import type { GuestLog, Outcome, Program, Runtime } from '../../src/sandbox/index.ts'
import type { Environment } from './environment.ts'
import { instanceWith, isAlive, processesOf, type Seen } from './host-checks.ts'
import { type CallRest, codeOf, type HostileProgram, within } from './program.ts'

/** From a kill to the end of the last process. */
const GONE_MS = 1_000
const LATE_MS = 2_000

/** Where one program is run once. */
export class Fixture {
  readonly environment: Environment
  readonly program: HostileProgram
  readonly runtime: Runtime
  /** What it has got that it must not, each a clause. */
  readonly breaches: string[] = []
  readonly outcomes: Outcome[] = []
  /** An instance of it may live on: it was called with a key, and all was well. */
  isKept = false
  readonly #nonce = randomBytes(6).toString('hex')
  readonly #keys = new Set<string>()
  #seen: Seen | undefined

  constructor(environment: Environment, program: HostileProgram, runtime: Runtime) {
    this.environment = environment
    this.program = program
    this.runtime = runtime
  }

  /** Notes what must not be. */
  breach(what: string): void {
    this.breaches.push(what)
  }

  check(isRight: boolean, otherwise: string): void {
    if (!isRight) this.breach(otherwise)
  }

  /** Ends what lives on. */
  end(): void {
    for (const key of this.#keys) this.environment.driver.retire(key)
  }

  /** Calls the program. Without a key in an instance of its own, as a script. */
  async call({ key, isolation = 'warm', signal, ...rest }: CallRest = {}): Promise<Outcome> {
    const { input, timeoutSeconds = 5 } = this.program
    // Where the server does not end it, we do.
    const late = AbortSignal.timeout((rest.timeout_seconds ?? timeoutSeconds) * 1000 + LATE_MS)
    const name = key === undefined ? null : `${key} ${this.#nonce}`
    if (name !== null) this.#keys.add(name)
    const outcome = await this.environment.driver.call({
      program: this.programOf(name, isolation),
      mode: key ? 'handler' : 'script',
      input: input ?? {},
      timeout_seconds: timeoutSeconds,
      output_limit_bytes: 51_200,
      signal: signal ? AbortSignal.any([signal, late]) : late,
      ...rest,
    })
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
    }
  }

  /** Calls it, has `look` see it as soon as it has printed `ready`, and cancels it then. Resolves when all of it has ended. */
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
    if (looking) this.check(await this.gone(GONE_MS, pids), 'processes of it are left')
    else if (!this.program.mayEndBefore)
      this.breach(`it was never ready: ${outcome.status} ${outcome.error?.message ?? ''} ${outcome.stderr}`)
    return outcome
  }

  /** Its processes, by what lies in its working directory. Throws when it has none. */
  seen(): Seen {
    const seen = this.found()
    if (!seen) throw new Error('the instance cannot be found among our processes')
    return seen
  }

  /** The same where it may have ended: undefined then. */
  found(): Seen | undefined {
    this.#seen ??= instanceWith(this.#nonce)
    return this.#seen
  }

  processes(): number[] {
    return processesOf(this.seen())
  }

  /** Whether the instance is gone with all its processes, so long after this at most. */
  gone(ms: number, pids = this.processes()): Promise<boolean> {
    return within(ms, () => !pids.some(isAlive))
  }

  /** Whether an instance of this program lives. */
  isThere(): boolean {
    return instanceWith(this.#nonce) !== undefined
  }
}
