import type { Logger } from 'pino'
import { ZeroError } from '../errors.ts'
import { NOT_TRIED, RUNTIMES, type Runtime, type SandboxDriver, type SandboxReport, unavailable } from './index.ts'
import type { NetworkOptions } from './network/proxy.ts'
import type { Supervisor } from './supervisor.ts'

export interface SandboxOptions {
  /** Maximum number of concurrent calls. */
  concurrency: number
  /** How programs with a network policy reach their hosts. By default, public addresses only. */
  network?: NetworkOptions
  log: Logger
}

/** No network is allowed beyond the public addresses. */
export const NO_NETWORKS: NetworkOptions = { allowNetworks: [] }

interface Opened {
  report: SandboxReport
  /** Null if no runtime is available. */
  supervisor: Supervisor | null
}

/** Creates a driver that runs calls with a supervisor. Calls `open`, which must not reject, at the first use. */
export function supervised(driver: string, open: () => Promise<Opened>): SandboxDriver {
  let report = initialReport(driver)
  let opening: Promise<Opened> | undefined
  let opened: Opened | undefined
  let closed = false

  async function start(): Promise<Opened> {
    opened = await open()
    report = opened.report
    return opened
  }
  function openOnce(): Promise<Opened> {
    opening ??= start()
    return opening
  }
  async function supervisorFor(runtime: Runtime): Promise<Supervisor> {
    if (closed) throw new ZeroError('sandbox_unavailable', 'The sandbox is closing')
    const { supervisor, report } = opened ?? (await openOnce())
    const obstacle = unavailable(report, runtime)
    if (obstacle) throw obstacle
    return supervisor!
  }
  return {
    get report() {
      return report
    },
    ready: async () => (await openOnce()).report,
    prepare(runtime) {
      void supervisorFor(runtime).then(
        (supervisor) => supervisor.prepare(runtime),
        // The caller of the function gets the error.
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

function initialReport(driver: string): SandboxReport {
  const found = {
    available: false,
    cause: NOT_TRIED,
    remedy: 'Retry in a second',
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
