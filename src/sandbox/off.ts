import { RUNTIMES, type SandboxDriver, type SandboxReport } from './index.ts'
import { supervised } from './supervised.ts'

/** Creates the driver that rejects every call. */
export function off(): SandboxDriver {
  const found = {
    available: false,
    cause: 'User code is disabled on this server (ZERODB_SANDBOX=off)',
    remedy: 'Start the server without this setting',
  } as const
  const report: SandboxReport = {
    driver: 'off',
    isolation: 'none',
    limits: 'none',
    uid: 'shared',
    runtimes: Object.fromEntries(RUNTIMES.map((runtime) => [runtime, found])) as unknown as SandboxReport['runtimes'],
    warnings: [],
  }
  return supervised('off', async () => ({ report, supervisor: null }))
}
