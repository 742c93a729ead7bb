import type { App } from '../app.ts'
import type { Runtime } from '../schema/runtime.ts'

/** The version of the interpreter that executes a runtime here: its name only says what code is written for. Null where none can. */
export function runtimeVersion({ sandbox }: Pick<App, 'sandbox'>, runtime: Runtime): string | null {
  const found = sandbox.report.runtimes[runtime]
  return found.available ? found.version : null
}
