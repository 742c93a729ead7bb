import { available } from './commands.ts'

/** Settings for tests that run user code: with a sandbox if the machine has one, otherwise without. */
export const SANDBOX = {
  ZERODB_SANDBOX: process.platform === 'linux' && available('bwrap', ['--version']) ? 'bubblewrap' : 'unsafe-process',
}
