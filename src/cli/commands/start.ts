import { Command } from 'commander'
import pc from 'picocolors'
import type { Config } from '../../config.ts'
import type { Serving } from '../../main.ts'
import { readCredentials, writeCredentials } from '../lib/credentials.ts'
import { configOf, namesOf, type ServerOptions, withServerOptions } from '../lib/server-options.ts'
import { stopSignal } from './stop.ts'

export const start = withServerOptions(new Command('start').description('start the server'))
  .option('--allow-local', 'let webhooks reach this machine: while you write them')
  .action(async (options: ServerOptions) => {
    const stop = stopSignal()
    const began = performance.now()
    const { serving, credentialsPath } = await startServer(options, console.log)
    console.log(pc.green(`Ready on ${serving.url} after ${Math.round(performance.now() - began)} ms. Ctrl-C stops.`))
    const key = credentialsPath ? `$(node -p "JSON.parse(fs.readFileSync('${credentialsPath}')).api_key")` : 'YOUR_KEY'
    console.log(`\nTry it:\n  curl ${serving.url}/api/v1/hooks -H "Authorization: Bearer ${key}"`)
    await stop
    console.log('Stopping: finishing what runs…')
    await serving.close()
    console.log('Stopped.')
  })

export interface Started {
  serving: Serving
  /** Null where this program does not know a key of this server. */
  credentialsPath: string | null
}

/** Starts the server of these options, and writes down how its clients on this machine reach it. */
export async function startServer(options: ServerOptions, say: (line: string) => void): Promise<Started> {
  const config = configOf(options)
  const { serve } = await import('../../main.ts')
  const serving = await serve(config, { onStep: say, ...namesOf(options) })
  const credentialsPath = await welcome(config, serving, say)
  return { serving, credentialsPath }
}

/** Says whose server it is. A key is shown when it is new, and never again: what is printed is seen, and often kept. */
async function welcome(
  config: Config,
  { url, system: { owner } }: Serving,
  say: (line: string) => void,
): Promise<string | null> {
  const known = await readCredentials(config.dataDir)
  const key = owner.new_key ?? config.bootstrapKey ?? (known?.user_id === owner.user_id ? known.api_key : null)
  if (!['127.0.0.1', '::1', 'localhost'].includes(config.host)) {
    say(
      pc.yellow(
        `Warning: ${config.host} can be reached from other machines, without encryption. Put a TLS proxy in front of it.`,
      ),
    )
  }
  const { user_id, project_id } = owner
  const path = key && (await writeCredentials(config.dataDir, { url, api_key: key, user_id, project_id }))
  if (path === null) say('API key: use one that you have, or stop and make one with "zerodb keys create NAME"')
  else if (config.bootstrapKey !== undefined) say(`API key: that of ZERODB_BOOTSTRAP_KEY, kept in ${path}`)
  else say(owner.new_key ? `API key: ${key} (new), kept in ${path}` : `API key: kept in ${path}`)
  say(`Project: ${project_id} (default)`)
  return path
}
