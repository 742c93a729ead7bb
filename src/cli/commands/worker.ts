import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { StartError } from '../../errors.ts'
import { stopSignal } from './stop.ts'

export const worker = new Command('worker')
  .description('execute runs without serving HTTP, together with other processes on one PostgreSQL server')
  .action(async () => {
    const config = readConfig(process.env)
    if (config.databaseUrl === undefined) {
      throw new StartError(
        'A worker needs a PostgreSQL server: set DATABASE_URL. The embedded database can only be used by one process',
      )
    }
    const stop = stopSignal()
    const { openSystem, trySandboxSoon } = await import('../../main.ts')
    const system = await openSystem(config, { onStep: (step) => console.log(step) })
    trySandboxSoon(system.app)
    console.log('Ready to execute runs. Press Ctrl-C to stop.')
    await stop
    console.log('Stopping: waiting for running work to finish…')
    await system.close()
    console.log('Stopped.')
  })
