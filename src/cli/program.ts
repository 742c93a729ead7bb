import { Command } from 'commander'
import { packageVersion } from '../package.ts'
import { backup } from './backup.ts'
import { completion } from './completion.ts'
import { config } from './config.ts'
import { cron } from './cron.ts'
import { files, graph, memory, projects, rows, tables, vectors } from './data.ts'
import { deploy } from './deploy.ts'
import { dev } from './dev.ts'
import { doctor } from './doctor.ts'
import { events } from './events.ts'
import { exportProject, importProject } from './export.ts'
import { functions } from './functions.ts'
import { hooks } from './hooks.ts'
import { init } from './init.ts'
import { invoke } from './invoke.ts'
import { keys } from './keys.ts'
import { logs } from './logs.ts'
import { mcp } from './mcp.ts'
import { move } from './move.ts'
import { reembed } from './re-embed.ts'
import { backfill, replay } from './replay.ts'
import { restore } from './restore.ts'
import { runs } from './runs.ts'
import { secrets } from './secrets.ts'
import { start } from './start.ts'
import { status } from './status.ts'
import { worker } from './worker.ts'

/** All commands, as they are typed. What a server is made of they load when they run: most only ask one. */
export const program = new Command('zerodb')
  .description('A data backend for AI agents in which code runs when data changes')
  .version(packageVersion())

const COMMANDS = {
  'Run it:': [start, worker, config, doctor],
  'Write functions:': [init, dev, deploy, functions, invoke, cron, secrets],
  'Store and find:': [status, projects, tables, rows, vectors, memory, graph, files],
  'Use it:': [hooks, events, runs, logs, replay, backfill, reembed, keys, mcp],
  'Keep it:': [exportProject, importProject, backup, restore, move],
  'And:': [completion],
}
for (const [group, commands] of Object.entries(COMMANDS))
  for (const command of commands) program.addCommand(command.helpGroup(group))

/** Settings that each command has for itself. */
function settle(command: Command): void {
  // An option belongs to the command behind which it stands.
  command
    .enablePositionalOptions()
    .exitOverride((error) => {
      throw Object.assign(error, { command: pathOf(command) })
    })
    // Who has asked for JSON is told in JSON, by whoever catches that.
    .configureOutput({ writeErr: (text) => process.argv.includes('--json') || process.stderr.write(text) })
    .showHelpAfterError(`(see ${pathOf(command)} --help)`)
  for (const sub of command.commands) settle(sub)
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

settle(program)
