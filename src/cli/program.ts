import { Command } from 'commander'
import { packageVersion } from '../platform/package.ts'
import { backup } from './commands/backup.ts'
import { completion } from './commands/completion.ts'
import { config } from './commands/config.ts'
import { cron } from './commands/cron.ts'
import { deploy } from './commands/deploy.ts'
import { dev } from './commands/dev.ts'
import { doctor } from './commands/doctor.ts'
import { embeddings } from './commands/embeddings.ts'
import { env } from './commands/env.ts'
import { events } from './commands/events.ts'
import { exportProject, importProject } from './commands/export.ts'
import { files } from './commands/files.ts'
import { functions } from './commands/functions.ts'
import { graph } from './commands/graph.ts'
import { hooks } from './commands/hooks.ts'
import { init } from './commands/init.ts'
import { invoke } from './commands/invoke.ts'
import { keys } from './commands/keys.ts'
import { logs } from './commands/logs.ts'
import { mcp } from './commands/mcp.ts'
import { memory } from './commands/memory.ts'
import { move } from './commands/move.ts'
import { plans } from './commands/plans.ts'
import { projects } from './commands/projects.ts'
import { published } from './commands/published.ts'
import { reembed } from './commands/re-embed.ts'
import { backfill, replay } from './commands/replay.ts'
import { restore } from './commands/restore.ts'
import { rows } from './commands/rows.ts'
import { runs } from './commands/runs.ts'
import { sandbox } from './commands/sandbox.ts'
import { secrets } from './commands/secrets.ts'
import { start } from './commands/start.ts'
import { status } from './commands/status.ts'
import { tables } from './commands/tables.ts'
import { vectors } from './commands/vectors.ts'
import { worker } from './commands/worker.ts'
import { EXAMPLES } from './lib/examples.ts'

/** The command line program. Commands load server modules only when they run, because most of them only call a server. */
export const program = new Command('zerodb')
  .description('A data backend for AI agents in which code runs when data changes')
  .version(packageVersion())

const COMMANDS = {
  'Server:': [start, worker, config, doctor],
  'Functions:': [init, dev, deploy, functions, invoke, sandbox, cron, secrets, env],
  'Data:': [status, projects, tables, rows, vectors, embeddings, memory, graph, plans, files, published, reembed],
  'Automation:': [hooks, events, runs, logs, replay, backfill],
  'Access:': [keys, mcp],
  'Backup and transfer:': [exportProject, importProject, backup, restore, move],
  'Shell:': [completion],
}
for (const [group, commands] of Object.entries(COMMANDS))
  for (const command of commands) program.addCommand(command.helpGroup(group))

/** Applies the common settings to a command and its subcommands. */
function configure(command: Command): void {
  // An option belongs to the command that it follows.
  command
    .enablePositionalOptions()
    .exitOverride((error) => {
      throw Object.assign(error, { command: pathOf(command) })
    })
    // With --json, the top-level handler prints errors as JSON.
    .configureOutput({ writeErr: (text) => process.argv.includes('--json') || process.stderr.write(text) })
    .showHelpAfterError(`(see ${pathOf(command)} --help)`)
    .addHelpText('after', examplesOf(pathOf(command)))
  for (const sub of command.commands) configure(sub)
}

function examplesOf(path: string): string {
  const examples = EXAMPLES[path.replace(/^zerodb /, '')] ?? []
  return examples.length === 0
    ? ''
    : ['', 'Examples:', ...examples.map((one) => `  ${path} ${one}`.trimEnd())].join('\n')
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

configure(program)
