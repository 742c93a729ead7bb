import type { Logger } from 'pino'
import { bubblewrap } from './bubblewrap/index.ts'
import { e2b } from './e2b.ts'
import type { SandboxDriver } from './index.ts'
import { off } from './off.ts'
import { unsafeProcess } from './unsafe-process.ts'

/** Sandbox drivers by their name in the configuration. */
export const SANDBOXES = { bubblewrap, e2b, 'unsafe-process': unsafeProcess, off }

/** Creates the configured driver, which is tested at its first use. `auto` chooses the strongest one that needs no setup. */
export function openSandbox(
  {
    sandbox,
    sandboxConcurrency,
    allowNetworks,
  }: { sandbox: 'auto' | keyof typeof SANDBOXES; sandboxConcurrency: number; allowNetworks: readonly string[] },
  log: Logger,
): SandboxDriver {
  return SANDBOXES[sandbox === 'auto' ? 'bubblewrap' : sandbox]({
    concurrency: sandboxConcurrency,
    network: { allowNetworks },
    log,
  })
}
