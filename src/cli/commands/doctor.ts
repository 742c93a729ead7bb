import { constants } from 'node:fs'
import { access, mkdtemp, rm, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import pc from 'picocolors'
import type { Config } from '../../config.ts'
import { hasPgliteDatabase } from '../../db/pglite/directory.ts'
import { print } from '../lib/output.ts'
import { checkSandbox } from '../lib/sandbox-checks.ts'
import { checkServer, checkServerSandbox } from '../lib/server-checks.ts'
import { configOf, type ServerOptions, withServerOptions } from '../lib/server-options.ts'

interface Check {
  name: string
  /** What was found; null when there is nothing to be said. Throws with the remedy when it is not good. */
  look(config: Config): Promise<string | null>
}

const NODE: Check = { name: 'Node.js', look: async () => `${process.version} on ${process.platform} ${process.arch}` }
const DIRECTORY: Check = { name: 'data directory', look: lookAtDirectory }
const SERVER: Check = { name: 'server', look: checkServer }

/** A running server holds the port and the embedded database: then it is asked instead. */
const WITHOUT_SERVER: readonly Check[] = [
  { name: 'port', look: lookAtPort },
  { name: 'database', look: lookAtDatabase },
  { name: 'sandbox', look: checkSandbox },
]

const WITH_SERVER: readonly Check[] = [{ name: 'sandbox', look: checkServerSandbox }]

const MODELS: readonly Check[] = [
  {
    name: 'embedding model',
    async look(config) {
      const { openModels } = await import('../../main.ts')
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
      const { openModels } = await import('../../main.ts')
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
          `${host}:${port} cannot be listened on (${error.code}): stop what has it, or choose another with --port or ZERODB_PORT`,
        ),
      )
    })
    server.listen(port, host, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
  return `${host}:${port} is free`
}

/** Changes nothing: without an embedded database it tries one in a temporary folder and removes it. */
async function lookAtDatabase({ databaseUrl, dataDir, durability }: Config): Promise<string> {
  const [{ openPglite }, { openPostgres }] = await Promise.all([
    import('../../db/pglite/pglite.ts'),
    import('../../db/postgres/postgres.ts'),
  ])
  const isThere = hasPgliteDatabase(dataDir)
  const directory = isThere ? dataDir : await mkdtemp(join(tmpdir(), 'zerodb-doctor-'))
  try {
    const database =
      databaseUrl === undefined
        ? await openPglite({ directory, durability })
        : await openPostgres({ url: databaseUrl, poolSize: 2 })
    try {
      return await database.version()
    } finally {
      await database.close()
    }
  } finally {
    if (!isThere) await rm(directory, { recursive: true, force: true })
  }
}

interface Finding {
  name: string
  ok: boolean
  found: string
}

async function find({ name, look }: Check, config: Config): Promise<Finding | null> {
  try {
    const found = await look(config)
    return found === null ? null : { name, ok: true, found }
  } catch (error) {
    return { name, ok: false, found: (error as Error).message }
  }
}

export const doctor = withServerOptions(
  new Command('doctor').description('check what running needs, and say how to mend what is missing'),
)
  .option('--json', 'print JSON')
  .action(async ({ json, ...options }: ServerOptions & { json?: boolean }) => {
    const config = configOf(options)
    const findings: Finding[] = []
    const run = async (check: Check): Promise<Finding | null> => {
      const finding = await find(check, config)
      if (!finding) return null
      findings.push(finding)
      if (!json) print(`${finding.ok ? pc.green('ok   ') : pc.red('wrong')} ${finding.name}: ${finding.found}`)
      return finding
    }
    await run(NODE)
    await run(DIRECTORY)
    const server = await run(SERVER)
    for (const check of [...(server ? WITH_SERVER : WITHOUT_SERVER), ...MODELS]) await run(check)
    if (json) print(JSON.stringify(findings))
    process.exitCode = findings.every(({ ok }) => ok) ? 0 : 1
  })
