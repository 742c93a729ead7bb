import type { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import type { ServeOptions } from '../../main.ts'
import { LOOPBACK_NETWORKS } from '../../net/addresses.ts'

/** Options of the commands that run or check a server on this machine. */
export interface ServerOptions {
  port?: string
  host?: string
  dataDir?: string
  allowLocal?: boolean
}

export function withServerOptions(command: Command): Command {
  return command
    .option('--port <port>', 'port to listen on (ZERODB_PORT)')
    .option('--host <host>', 'address to listen on (ZERODB_HOST)')
    .option('--data-dir <path>', 'data directory (ZERODB_DATA_DIR)')
}

/** Returns the environment with the variables that the options override. */
export function environmentOf({ port, host, dataDir, allowLocal }: ServerOptions): NodeJS.ProcessEnv {
  const { env } = process
  const networks = [env['ZERODB_ALLOW_NETWORKS'], ...LOOPBACK_NETWORKS].filter(Boolean).join(',')
  return {
    ...env,
    ...(port === undefined ? {} : { ZERODB_PORT: port }),
    ...(host === undefined ? {} : { ZERODB_HOST: host }),
    ...(dataDir === undefined ? {} : { ZERODB_DATA_DIR: dataDir }),
    ...(allowLocal ? { ZERODB_ALLOW_NETWORKS: networks } : {}),
  }
}

export function configOf(options: ServerOptions): Config {
  return readConfig(environmentOf(options))
}

/** Names the settings of the listen address for messages: the option if given, otherwise the variable if set, otherwise both. */
export function namesOf({ port, host }: ServerOptions): Pick<ServeOptions, 'portSetting' | 'hostSetting'> {
  const named = (value: unknown, option: string, variable: string) =>
    value !== undefined ? option : process.env[variable] ? variable : `${option} or ${variable}`
  return {
    portSetting: named(port, '--port', 'ZERODB_PORT'),
    hostSetting: named(host, '--host', 'ZERODB_HOST'),
  }
}
