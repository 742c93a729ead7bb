import { RUNTIMES, type SandboxDriver, type SandboxReport } from './index.ts'
import { supervised } from './supervised.ts'

/** No user code is run here: every call says so. */
export function off(): SandboxDriver {
  const found = {
    available: false,
    cause: 'User code is switched off on this server (ZERODB_SANDBOX=off)',
    remedy: 'Start it without that setting',
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
