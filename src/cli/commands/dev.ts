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
import { above, isAway, type ServerFlags } from '../lib/server-config.ts'
import { type Source, sourcesAt } from '../lib/sources.ts'
import { changedFiles, deployedWords, deploySource, FOLDER, uniqueByName } from './deploy.ts'
import { tail } from './logs.ts'
import { startServer } from './start.ts'
import { stopSignal } from './stop.ts'

/** Editors write a file in several steps. */
const SETTLE_MS = 60

interface Options extends ServerFlags {
  logs: boolean
  json?: boolean
  allowLocal?: boolean
}

export const dev = remote('dev', 'deploy what changes while you write it, and show what functions say')
  .argument('[folder]', 'a function, or a folder of such', FOLDER)
  .option('--no-logs', 'do not show what functions say')
  .option('--allow-local', 'let webhooks reach this machine; where no server runs yet')
  .action(async (folder: string, options: Options) => {
    if (!existsSync(folder))
      throw new UsageError(`There is no ${folder}: say where your functions are, or make some with zerodb init`)
    const serving = await startIfAway(options)
    try {
      await watchFolder(sessionOf(options), folder, options.logs)
    } finally {
      await serving?.close()
    }
    // Streams of logs would keep it alive.
    process.exit()
  })

/** The server of this folder, started where none runs; null where one does. It ends with this command. */
async function startIfAway(options: Options): Promise<Serving | null> {
  try {
    await sessionOf(options).zerodb.auth.me()
  } catch (error) {
    if (!isAway(error, options)) throw error
    const path = above(process.cwd(), join('.zerodb', 'credentials.json'))
    const dataDir = process.env['ZERODB_DATA_DIR'] || path === undefined ? {} : { dataDir: dirname(path) }
    note(pc.dim('No server is running: starting one'))
    const { serving } = await startServer({ ...dataDir, ...options }, (line) => note(pc.dim(line)))
    note(pc.green(`Server ready on ${serving.url}. It ends with this command.`))
    return serving
  }
  if (options.allowLocal)
    throw new UsageError(
      `--allow-local is for a server that dev starts, and one runs already: stop it, or start it with ZERODB_ALLOW_NETWORKS=${LOOPBACK_NETWORKS.join(',')}`,
    )
  return null
}

async function watchFolder(session: Session, folder: string, logs: boolean): Promise<void> {
  const stop = stopSignal()
  const watcher = watch(folder, {
    ignoreInitial: true,
    ignored: /(^|[/\\])(node_modules|__pycache__|\.[^/\\.]+)([/\\]|$)/,
  })
  // What is written before it knows the folder would be no change.
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
  const listening = logs ? tail(session) : new Promise<never>(() => {})
  await Promise.race([stop, listening])
  clearTimeout(pending)
  await watcher.close()
  await working
}

/** Deploys each function; the server knows which have changed. A mistake is shown where it is, and the next change is another try. */
async function deployAll(session: Session, folder: string, changed?: string): Promise<void> {
  const began = performance.now()
  const sources = safely(session, () => uniqueByName(sourcesAt(folder))) ?? []
  if (changed !== undefined && !existsSync(changed)) sayWhatStays(session, changed, sources)
  for (const source of sources) {
    try {
      const deployed = await deploySource(session.zerodb, source, { project_id: session.server.projectId })
      if (!deployed.changed && changed !== undefined) continue
      const took = pc.dim(`${Math.round(performance.now() - began)} ms`)
      const files = session.json ? [] : await changedFiles(session.zerodb, deployed)
      session.print(deployed, () => `${deployedWords(deployed, files)} ${took}`)
    } catch (error) {
      complain(session, error, source)
    }
  }
}

/** Deleting a file undoes no deploy: somebody may call the function still. */
function sayWhatStays({ json }: Session, gone: string, sources: readonly Source[]): void {
  const name = basename(gone, extname(gone))
  if (!json && !sources.some((source) => source.name === name))
    note(`${gone} is gone. If ${name} was a function, it is there still: zerodb functions delete ${name}`)
}

function safely<T>(session: Session, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    complain(session, error)
    return undefined
  }
}

function complain({ json }: Session, error: unknown, source?: Source): void {
  // What nobody can mend by writing on ends the whole.
  const isOurs =
    error instanceof UsageError || (error instanceof ZeroDBError && error.status >= 400 && error.status < 500)
  if (!isOurs || (error instanceof ZeroDBError && (error.status === 401 || error.status === 403))) throw error
  const { message } = error as Error
  if (json) print(JSON.stringify({ name: source?.name ?? null, error: message }))
  else note(`${pc.red('error')} ${source ? `${source.name}: ` : ''}${message}`)
}
