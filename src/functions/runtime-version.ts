import type { App } from '../app.ts'
import type { Runtime } from '../schema/function.ts'

/** Returns the version of the interpreter that executes a runtime here, which may be newer than the runtime's name says. Null without one. */
export function runtimeVersion({ sandbox }: Pick<App, 'sandbox'>, runtime: Runtime): string | null {
  const found = sandbox.report.runtimes[runtime]
  return found.available ? found.version : null
}
