#!/usr/bin/env node
import { Command } from 'commander'
import pc from 'picocolors'
import { StartError, ZeroError } from '../errors.ts'
import { packageVersion } from '../package.ts'
import { config } from './config.ts'
import { doctor } from './doctor.ts'
import { keys } from './keys.ts'
import { reembed } from './re-embed.ts'
import { start } from './start.ts'
import { worker } from './worker.ts'

const program = new Command('zerodb')
  .description('A data backend for AI agents in which code runs when data changes')
  .version(packageVersion())
  .showHelpAfterError('(add --help for the commands and their options)')
  .exitOverride()

for (const command of [start, worker, keys, reembed, config, doctor]) program.addCommand(command)

/** What went wrong, in one sentence with the remedy; a stack only for what we did not foresee. Exit codes: 1 failure, 2 usage. */
function report(error: unknown): number {
  const { code, exitCode, message } = error as { code?: string; exitCode?: number; message: string }
  if (code?.startsWith('commander.')) return exitCode === 0 ? 0 : 2
  if (error instanceof StartError || error instanceof ZeroError) console.error(`${pc.red('error')} ${message}`)
  else console.error(error)
  return 1
}

program.parseAsync().catch((error) => {
  process.exitCode = report(error)
  // A thread that is still up must not keep a failed command alive.
  setTimeout(() => process.exit(), 500).unref()
})
