import { Command } from 'commander'
import pc from 'picocolors'
import type { Config } from '../../config.ts'
import type { Serving } from '../../main.ts'
import { readCredentials, writeCredentials } from '../lib/credentials.ts'
import { configOf, namesOf, type ServerOptions, withServerOptions } from '../lib/server-options.ts'
import { stopSignal } from './stop.ts'

export const start = withServerOptions(new Command('start').description('start the server'))
  .option('--allow-local', 'let webhooks reach this machine, for development')
  .action(async (options: ServerOptions) => {
    const stop = stopSignal()
    const began = performance.now()
    const { serving, credentialsPath } = await startServer(options, console.log)
    console.log(
      pc.green(`Ready on ${serving.url} after ${Math.round(performance.now() - began)} ms. Press Ctrl-C to stop.`),
    )
    const key = credentialsPath ? `$(node -p "JSON.parse(fs.readFileSync('${credentialsPath}')).api_key")` : 'YOUR_KEY'
    console.log(`\nTry it:\n  curl ${serving.url}/api/v1/hooks -H "Authorization: Bearer ${key}"`)
    await stop
    console.log('Stopping: waiting for running work to finish…')
    await serving.close()
    console.log('Stopped.')
  })

export interface Started {
  serving: Serving
  /** Path of the file with an API key of this server. Null if none is known. */
  credentialsPath: string | null
}

/** Starts a server, and writes the credentials file for clients on this machine. */
export async function startServer(options: ServerOptions, log: (line: string) => void): Promise<Started> {
  const config = configOf(options)
  const { serve } = await import('../../main.ts')
  const serving = await serve(config, { onStep: log, ...namesOf(options) })
  const credentialsPath = await writeAccess(config, serving, log)
  return { serving, credentialsPath }
}

/** Writes the credentials file and logs how to use the server. Only logs a new key: output is often recorded. */
async function writeAccess(
  config: Config,
  { url, system: { owner } }: Serving,
  log: (line: string) => void,
): Promise<string | null> {
  const known = await readCredentials(config.dataDir)
  const key = owner.new_key ?? config.bootstrapKey ?? (known?.user_id === owner.user_id ? known.api_key : null)
  if (!['127.0.0.1', '::1', 'localhost'].includes(config.host)) {
    log(
      pc.yellow(
        `Warning: ${config.host} is reachable from other machines without encryption. Put a TLS proxy in front of it.`,
      ),
    )
  }
  const { user_id, project_id } = owner
  const path = key && (await writeCredentials(config.dataDir, { url, api_key: key, user_id, project_id }))
  if (path === null)
    log('API key: use an existing one, or stop the server and create one with "zerodb keys create NAME"')
  else if (config.bootstrapKey !== undefined) log(`API key: from ZERODB_BOOTSTRAP_KEY, stored in ${path}`)
  else log(owner.new_key ? `API key: ${key} (new), stored in ${path}` : `API key: stored in ${path}`)
  log(`Project: ${project_id} (default)`)
  return path
}
