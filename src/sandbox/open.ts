import type { Logger } from 'pino'
import { bubblewrap } from './bubblewrap/index.ts'
import { e2b } from './e2b.ts'
import type { SandboxDriver } from './index.ts'
import { off } from './off.ts'
import { unsafeProcess } from './unsafe-process.ts'

/** Every sandbox driver, by the name that configuration uses. */
export const SANDBOXES = { bubblewrap, e2b, 'unsafe-process': unsafeProcess, off }

/** The configured one; it is tried when it is first asked for. `auto`: the strongest that needs no decision of the operator. */
export function openSandbox(
  { sandbox, sandboxConcurrency }: { sandbox: 'auto' | keyof typeof SANDBOXES; sandboxConcurrency: number },
  log: Logger,
): SandboxDriver {
  return SANDBOXES[sandbox === 'auto' ? 'bubblewrap' : sandbox]({ concurrency: sandboxConcurrency, log })
}
