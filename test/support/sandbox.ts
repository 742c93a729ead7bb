import { available } from './commands.ts'

/** The settings under which tests run users' code: behind a boundary where there can be one, else without. */
export const SANDBOX = {
  ZERODB_SANDBOX: process.platform === 'linux' && available('bwrap', ['--version']) ? 'bubblewrap' : 'unsafe-process',
}
