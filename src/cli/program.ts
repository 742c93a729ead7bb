import { Command } from 'commander'
import { packageVersion } from '../platform/package.ts'
import { backup } from './commands/backup.ts'
import { completion } from './commands/completion.ts'
import { config } from './commands/config.ts'
import { cron } from './commands/cron.ts'
import { files, graph, memory, projects, rows, tables, vectors } from './commands/data.ts'
import { deploy } from './commands/deploy.ts'
import { dev } from './commands/dev.ts'
import { doctor } from './commands/doctor.ts'
import { events } from './commands/events.ts'
import { exportProject, importProject } from './commands/export.ts'
import { functions } from './commands/functions.ts'
import { hooks } from './commands/hooks.ts'
import { init } from './commands/init.ts'
import { invoke } from './commands/invoke.ts'
import { keys } from './commands/keys.ts'
import { logs } from './commands/logs.ts'
import { mcp } from './commands/mcp.ts'
import { move } from './commands/move.ts'
import { reembed } from './commands/re-embed.ts'
import { backfill, replay } from './commands/replay.ts'
import { restore } from './commands/restore.ts'
import { runs } from './commands/runs.ts'
import { secrets } from './commands/secrets.ts'
import { start } from './commands/start.ts'
import { status } from './commands/status.ts'
import { worker } from './commands/worker.ts'

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
