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
  /** Returns a description of what works, or null if the check does not apply. Throws an error with the remedy if something is wrong. */
  run(config: Config): Promise<string | null>
}

const NODE: Check = { name: 'Node.js', run: async () => `${process.version} on ${process.platform} ${process.arch}` }
const DIRECTORY: Check = { name: 'data directory', run: checkDirectory }
const SERVER: Check = { name: 'server', run: checkServer }

/** Checks without a running server: a server uses the port and the embedded database itself. */
const WITHOUT_SERVER: readonly Check[] = [
  { name: 'port', run: checkPort },
  { name: 'database', run: checkDatabase },
  { name: 'sandbox', run: checkSandbox },
]

const WITH_SERVER: readonly Check[] = [{ name: 'sandbox', run: checkServerSandbox }]

const MODELS: readonly Check[] = [
  {
    name: 'embedding model',
    async run(config) {
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
    async run(config) {
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

async function checkDirectory({ dataDir }: Config): Promise<string> {
  let folder = dataDir
  // If the directory does not exist yet, its nearest existing parent must be writable.
  while (!(await stat(folder).catch(() => null)) && dirname(folder) !== folder) folder = dirname(folder)
  await access(folder, constants.W_OK).catch(() => {
    throw new Error(`${folder} is not writable: change its owner, or choose another directory with ZERODB_DATA_DIR`)
  })
  const { bavail, bsize } = await statfs(folder)
  const free = (bavail * bsize) / 1024 ** 3
  if (free < 0.2) throw new Error(`${folder} has only ${Math.round(free * 1024)} MB free: free some disk space`)
  return `${dataDir}, ${free.toFixed(1)} GB free`
}

async function checkPort({ host, port }: Config): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `cannot listen on ${host}:${port} (${error.code}): stop the program that uses the port, or choose another with --port or ZERODB_PORT`,
        ),
      )
    })
    server.listen(port, host, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
  return `${host}:${port} is free`
}

/** Opens the database without changing data. If there is no embedded database yet, opens one in a temporary folder and removes it. */
async function checkDatabase({ databaseUrl, dataDir, durability }: Config): Promise<string> {
  const [{ openPglite }, { openPostgres }] = await Promise.all([
    import('../../db/pglite/pglite.ts'),
    import('../../db/postgres/postgres.ts'),
  ])
  const exists = hasPgliteDatabase(dataDir)
  const directory = exists ? dataDir : await mkdtemp(join(tmpdir(), 'zerodb-doctor-'))
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
    if (!exists) await rm(directory, { recursive: true, force: true })
  }
}

interface Finding {
  name: string
  ok: boolean
  found: string
}

async function find({ name, run }: Check, config: Config): Promise<Finding | null> {
  try {
    const found = await run(config)
    return found === null ? null : { name, ok: true, found }
  } catch (error) {
    return { name, ok: false, found: (error as Error).message }
  }
}

export const doctor = withServerOptions(
  new Command('doctor').description('check the requirements of the server, and print how to fix problems'),
)
  .option('--json', 'print JSON')
  .action(async ({ json, ...options }: ServerOptions & { json?: boolean }) => {
    const config = configOf(options)
    const findings: Finding[] = []
    const check = async (item: Check): Promise<Finding | null> => {
      const finding = await find(item, config)
      if (!finding) return null
      findings.push(finding)
      if (!json) print(`${finding.ok ? pc.green('ok   ') : pc.red('wrong')} ${finding.name}: ${finding.found}`)
      return finding
    }
    await check(NODE)
    await check(DIRECTORY)
    const server = await check(SERVER)
    for (const item of [...(server ? WITH_SERVER : WITHOUT_SERVER), ...MODELS]) await check(item)
    if (json) print(JSON.stringify(findings))
    process.exitCode = findings.every(({ ok }) => ok) ? 0 : 1
  })
