import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { Command } from 'commander'
import pc from 'picocolors'
import { pino } from 'pino'
import { type Config, readConfig } from '../config.ts'
import { openDatabase, openModels } from '../main.ts'
import { openSandbox } from '../sandbox/open.ts'

interface Check {
  name: string
  /** What was found. Throws with the remedy when it is not good. */
  look(config: Config): Promise<string>
}

const CHECKS: readonly Check[] = [
  { name: 'Node.js', look: async () => `${process.version} on ${process.platform} ${process.arch}` },
  { name: 'data directory', look: lookAtDirectory },
  { name: 'port', look: lookAtPort },
  { name: 'database', look: lookAtDatabase },
  { name: 'sandbox', look: lookAtSandbox },
  {
    name: 'embedding model',
    async look(config) {
      const {
        embedders: [embedder],
      } = openModels(config)
      try {
        const [vector] = await embedder.embed(['doctor'])
        return `${embedder.model}, ${vector!.length} dimensions`
      } finally {
        await embedder.close()
      }
    },
  },
  {
    name: 'language model',
    async look(config) {
      const { language } = openModels(config)
      try {
        const { entities } = await language.extract('Alice met Bob in Berlin.')
        return `${language.model}, ${entities.length} names found in the test sentence`
      } finally {
        await language.close()
      }
    },
  },
]

async function lookAtSandbox(config: Config): Promise<string> {
  const sandbox = openSandbox(config, pino({ level: 'silent' }))
  try {
    const { driver, isolation, limits, uid, runtimes, warnings } = await sandbox.ready()
    if (driver === 'off') return 'switched off (ZERODB_SANDBOX=off)'
    const wrong = Object.entries(runtimes).flatMap(([runtime, found]) =>
      found.available ? [] : [`${runtime}: ${found.cause}. ${found.remedy}`],
    )
    if (wrong.length > 0) throw new Error(`functions cannot be run (all else works)\n      ${wrong.join('\n      ')}`)
    const versions = Object.entries(runtimes).map(
      ([runtime, found]) => `${runtime} (${found.available && found.version})`,
    )
    const lines = [
      `${driver}, isolation ${isolation}, limits ${limits}, user id ${uid}: ${versions.join(', ')}`,
      ...warnings,
    ]
    return lines.join('\n      ')
  } finally {
    await sandbox.close()
  }
}

async function lookAtDirectory({ dataDir }: Config): Promise<string> {
  let folder = dataDir
  // Of a directory that is not there yet, the nearest one above it must be writable.
  while (!(await stat(folder).catch(() => null)) && dirname(folder) !== folder) folder = dirname(folder)
  await access(folder, constants.W_OK).catch(() => {
    throw new Error(`${folder} cannot be written: change its owner, or choose another with ZERODB_DATA_DIR`)
  })
  const { bavail, bsize } = await statfs(folder)
  const free = (bavail * bsize) / 1024 ** 3
  if (free < 0.2) throw new Error(`${folder} has only ${Math.round(free * 1024)} MB free: make room`)
  return `${dataDir}, ${free.toFixed(1)} GB free`
}

async function lookAtPort({ host, port }: Config): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `${host}:${port} cannot be listened on (${error.code}): stop what has it, or choose another with ZERODB_PORT`,
        ),
      )
    })
    server.listen(port, host, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
  return `${host}:${port} is free`
}

async function lookAtDatabase(config: Config): Promise<string> {
  const database = await openDatabase(config)
  try {
    return await database.version()
  } finally {
    await database.close()
  }
}

export const doctor = new Command('doctor')
  .description('check what running needs, and say how to mend what is missing')
  .action(async () => {
    const config = readConfig(process.env)
    let bad = 0
    for (const { name, look } of CHECKS) {
      try {
        console.log(`${pc.green('ok')}    ${name}: ${await look(config)}`)
      } catch (error) {
        bad++
        console.log(`${pc.red('wrong')} ${name}: ${(error as Error).message}`)
      }
    }
    if (config.databaseUrl === undefined)
      console.log('note  a running server holds its directory and port: stop it for a clean report')
    process.exitCode = bad === 0 ? 0 : 1
  })
