import { Command } from 'commander'
import pc from 'picocolors'
import { type Config, readConfig } from '../config.ts'
import type { Serving } from '../main.ts'
import { readCredentials, writeCredentials } from './credentials.ts'
import { stopSignal } from './stop.ts'

export const start = new Command('start')
  .description('start the server')
  .option('--port <port>', 'port to listen on (ZERODB_PORT)')
  .option('--host <host>', 'address to listen on (ZERODB_HOST)')
  .option('--data-dir <path>', 'where data is kept (ZERODB_DATA_DIR)')
  .action(async (options: { port?: string; host?: string; dataDir?: string }) => {
    const config = readConfig({
      ...process.env,
      ...(options.port === undefined ? {} : { ZERODB_PORT: options.port }),
      ...(options.host === undefined ? {} : { ZERODB_HOST: options.host }),
      ...(options.dataDir === undefined ? {} : { ZERODB_DATA_DIR: options.dataDir }),
    })
    const stop = stopSignal()
    const began = performance.now()
    const { serve } = await import('../main.ts')
    const serving = await serve(config, { onStep: (step) => console.log(step) })
    await welcome(config, serving, Math.round(performance.now() - began))
    await stop
    console.log('Stopping: finishing what runs…')
    await serving.close()
    console.log('Stopped.')
  })

async function welcome(config: Config, { url, system: { owner } }: Serving, milliseconds: number): Promise<void> {
  const known = await readCredentials(config.dataDir)
  const key = owner.new_key ?? config.bootstrapKey ?? (known?.user_id === owner.user_id ? known.api_key : null)
  if (!['127.0.0.1', '::1', 'localhost'].includes(config.host)) {
    console.log(
      pc.yellow(
        `Warning: ${config.host} can be reached from other machines, without encryption. Put a TLS proxy in front of it.`,
      ),
    )
  }
  if (key !== null) {
    const path = await writeCredentials(config.dataDir, {
      url,
      api_key: key,
      user_id: owner.user_id,
      project_id: owner.project_id,
    })
    console.log(`API key: ${key}${owner.new_key ? ' (new)' : ''}, kept in ${path}`)
  } else {
    console.log('API key: use one that you have, or stop and make one with "zerodb keys create NAME"')
  }
  console.log(`Project: ${owner.project_id} (default)`)
  console.log(pc.green(`Ready on ${url} after ${milliseconds} ms. Ctrl-C stops.`))
  console.log(`\nTry it:\n  curl ${url}/api/v1/hooks -H "Authorization: Bearer ${key ?? 'YOUR_KEY'}"`)
}
