import { Command, InvalidArgumentError, Option } from 'commander'
import { ZeroDB, type ZeroDBOptions } from '../../client/index.ts'
import { parseStoredJson, stringifyJson } from '../../exact-json.ts'
import { print } from './output.ts'
import { provenFetch } from './proven-fetch.ts'
import { readServerConfig, type ServerConfig, type ServerFlags } from './server-config.ts'

export interface Session {
  zerodb: ZeroDB
  server: ServerConfig
  json: boolean
  /** Prints a result of the API: as JSON with --json, otherwise as text. */
  print(value: unknown, words: () => string): void
}

/** Creates a command that calls a running server, with the options that locate the server. */
export function remote(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--server <url>', 'address of the server (ZERODB_URL)')
    .option('--api-key <key>', 'API key (ZERODB_API_KEY)')
    .option('--project <id>', 'project, if not the project of the key')
    .option('--json', 'print JSON')
    .addOption(new Option('--url <url>').hideHelp().argParser(refuseUrl))
}

/** Rejects `--url`: someone who means the address of a webhook would send the API key there. */
function refuseUrl(): never {
  throw new InvalidArgumentError(
    'Use --server for the address of the server, or --endpoint for the address of a webhook',
  )
}

/** Returns the action of a remote command: `run` receives the session, then the arguments and options of the command. */
export function ask<Args extends unknown[]>(
  run: (session: Session, ...args: Args) => Promise<void>,
  how: Pick<ZeroDBOptions, 'fetch'> = {},
) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command
    await run(sessionOf(command.opts(), how), ...(all.slice(0, -1) as Args))
  }
}

export function sessionOf(options: ServerFlags & { json?: boolean }, how: Pick<ZeroDBOptions, 'fetch'> = {}): Session {
  const server = readServerConfig(options)
  const json = options.json ?? false
  return {
    zerodb: new ZeroDB({
      url: server.url,
      apiKey: server.apiKey,
      projectId: server.projectId,
      fetch: provenFetch(server.url, how.fetch),
      json: { parse: parseStoredJson, stringify: stringifyJson },
    }),
    server,
    json,
    print: (value, words) => print(json ? stringifyJson(value) : words()),
  }
}
