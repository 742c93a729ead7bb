import type { Logger } from 'pino'
import { ZeroError } from '../errors.ts'
import { NOT_TRIED, RUNTIMES, type Runtime, type SandboxDriver, type SandboxReport, unavailable } from './index.ts'
import type { Supervisor } from './supervisor.ts'

export interface SandboxOptions {
  /** Calls at once. */
  concurrency: number
  log: Logger
}

interface Opened {
  report: SandboxReport
  /** Null when nothing can be run. */
  supervisor: Supervisor | null
}

/** A driver whose guests are processes of this machine. `open` is called when somebody first asks; it must not reject. */
export function supervised(driver: string, open: () => Promise<Opened>): SandboxDriver {
  let report = notYet(driver)
  let opening: Promise<Opened> | undefined
  let opened: Opened | undefined
  let closed = false

  async function start(): Promise<Opened> {
    opened = await open()
    report = opened.report
    return opened
  }
  function opens(): Promise<Opened> {
    opening ??= start()
    return opening
  }
  async function supervisorFor(runtime: Runtime): Promise<Supervisor> {
    if (closed) throw new ZeroError('sandbox_unavailable', 'The sandbox is closing')
    const { supervisor, report } = opened ?? (await opens())
    const obstacle = unavailable(report, runtime)
    if (obstacle) throw obstacle
    return supervisor!
  }
  return {
    get report() {
      return report
    },
    ready: async () => (await opens()).report,
    prepare(runtime) {
      void supervisorFor(runtime).then(
        (supervisor) => supervisor.prepare(runtime),
        // Whoever calls is told why.
        () => {},
      )
    },
    load: () => opened?.supervisor?.load() ?? { running: 0, queued: 0, instances: 0 },
    async call(call) {
      return (await supervisorFor(call.program.runtime)).call(call)
    },
    retire: (key) => opened?.supervisor?.retire(key),
    async close() {
      closed = true
      if (opening) await (await opening).supervisor?.close()
    },
  }
}

function notYet(driver: string): SandboxReport {
  const found = {
    available: false,
    cause: NOT_TRIED,
    remedy: 'Ask again in a second',
  } as const
  return {
    driver,
    isolation: 'none',
    limits: 'none',
    uid: 'shared',
    runtimes: Object.fromEntries(RUNTIMES.map((runtime) => [runtime, found])) as unknown as SandboxReport['runtimes'],
    warnings: [],
  }
}
