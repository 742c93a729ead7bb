import { existsSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'
import { watch } from 'chokidar'
import pc from 'picocolors'
import { ZeroDBError } from '../../client/index.ts'
import type { Serving } from '../../main.ts'
import { LOOPBACK_NETWORKS } from '../../net/addresses.ts'
import { UsageError } from '../lib/failure.ts'
import { note, print } from '../lib/output.ts'
import { remote, type Session, sessionOf } from '../lib/remote.ts'
import { findUpwards, isAway, type ServerFlags } from '../lib/server-config.ts'
import { findSources, type Source } from '../lib/sources.ts'
import { changedFiles, DEFAULT_FOLDER, deploySource, describeDeploy, uniqueByName } from './deploy.ts'
import { tail } from './logs.ts'
import { startServer } from './start.ts'
import { stopSignal } from './stop.ts'

/** Waits for the end of a burst of changes: editors write a file in several steps. */
const SETTLE_MS = 60

interface Options extends ServerFlags {
  logs: boolean
  json?: boolean
  allowLocal?: boolean
}

export const dev = remote('dev', 'deploy functions when their files change, and show their logs')
  .argument('[folder]', 'a function, or a folder of functions', DEFAULT_FOLDER)
  .option('--no-logs', 'do not show the logs of functions')
  .option('--allow-local', 'let webhooks of the server that is started reach this machine')
  .action(async (folder: string, options: Options) => {
    if (!existsSync(folder))
      throw new UsageError(
        `${folder} does not exist: name the folder of your functions, or create a project with zerodb init`,
      )
    const serving = await startIfAway(options)
    try {
      await watchFolder(sessionOf(options), folder, options.logs)
    } finally {
      await serving?.close()
    }
    // Open log streams would keep the process alive.
    process.exit()
  })

/** Starts the server of this folder for the duration of this command. Returns null if one is running. */
async function startIfAway(options: Options): Promise<Serving | null> {
  try {
    await sessionOf(options).zerodb.auth.me()
  } catch (error) {
    if (!isAway(error, options)) throw error
    const path = findUpwards(process.cwd(), join('.zerodb', 'credentials.json'))
    const dataDir = process.env['ZERODB_DATA_DIR'] || path === undefined ? {} : { dataDir: dirname(path) }
    note(pc.dim('No server is running: starting one'))
    const { serving } = await startServer({ ...dataDir, ...options }, (line) => note(pc.dim(line)))
    note(pc.green(`Server ready on ${serving.url}. It stops with this command.`))
    return serving
  }
  if (options.allowLocal)
    throw new UsageError(
      `--allow-local has no effect on a server that is already running: stop it, or start it with ZERODB_ALLOW_NETWORKS=${LOOPBACK_NETWORKS.join(',')}`,
    )
  return null
}

async function watchFolder(session: Session, folder: string, logs: boolean): Promise<void> {
  const stop = stopSignal()
  const watcher = watch(folder, {
    ignoreInitial: true,
    ignored: /(^|[/\\])(node_modules|__pycache__|\.[^/\\.]+)([/\\]|$)/,
  })
  // Files written before the watcher is ready would not count as changes.
  await new Promise<void>((resolve) => watcher.once('ready', resolve))
  await deployAll(session, folder)
  let pending: NodeJS.Timeout | undefined
  let working = Promise.resolve()
  watcher.on('all', (_, path) => {
    clearTimeout(pending)
    pending = setTimeout(() => {
      working = working.then(() => deployAll(session, folder, path))
    }, SETTLE_MS)
  })
  note(pc.dim(`Watching ${relative('.', folder) || '.'}. Ctrl-C stops.`))
  const following = logs ? tail(session) : new Promise<never>(() => {})
  await Promise.race([stop, following])
  clearTimeout(pending)
  await watcher.close()
  await working
}

/** Deploys all functions; the server skips unchanged ones. Shows errors in functions and goes on with the others. */
async function deployAll(session: Session, folder: string, changed?: string): Promise<void> {
  const began = performance.now()
  const sources = safely(session, () => uniqueByName(findSources(folder))) ?? []
  if (changed !== undefined && !existsSync(changed)) noteDeletedFile(session, changed, sources)
  for (const source of sources) {
    try {
      const deployed = await deploySource(session.zerodb, source, { project_id: session.server.projectId })
      if (!deployed.changed && changed !== undefined) continue
      const took = pc.dim(`${Math.round(performance.now() - began)} ms`)
      const files = session.json ? [] : await changedFiles(session.zerodb, deployed)
      session.print(deployed, () => `${describeDeploy(deployed, files)} ${took}`)
    } catch (error) {
      reportError(session, error, source)
    }
  }
}

/** Tells that a deleted file does not delete its function: clients may still call it. */
function noteDeletedFile({ json }: Session, path: string, sources: readonly Source[]): void {
  const name = basename(path, extname(path))
  if (!json && !sources.some((source) => source.name === name))
    note(`${path} was deleted. Its function is still deployed; to delete it: zerodb functions delete ${name}`)
}

function safely<T>(session: Session, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    reportError(session, error)
    return undefined
  }
}

/** Prints an error that a change of the source can fix; rethrows any other. */
function reportError({ json }: Session, error: unknown, source?: Source): void {
  const isFixable =
    error instanceof UsageError || (error instanceof ZeroDBError && error.status >= 400 && error.status < 500)
  if (!isFixable || (error instanceof ZeroDBError && (error.status === 401 || error.status === 403))) throw error
  const { message } = error as Error
  if (json) print(JSON.stringify({ name: source?.name ?? null, error: message }))
  else note(`${pc.red('error')} ${source ? `${source.name}: ` : ''}${message}`)
}
