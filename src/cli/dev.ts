import { existsSync } from 'node:fs'
import { basename, extname, relative } from 'node:path'
import { watch } from 'chokidar'
import pc from 'picocolors'
import { ZeroDBError } from '../client/index.ts'
import { changedFiles, deployedWords, deploySource, FOLDER } from './deploy.ts'
import { UsageError } from './failure.ts'
import { tail } from './logs.ts'
import { note, print } from './output.ts'
import { ask, remote, type Session } from './remote.ts'
import { type Source, sourcesAt } from './sources.ts'
import { stopSignal } from './stop.ts'

/** Editors write a file in several steps. */
const SETTLE_MS = 60

export const dev = remote('dev', 'deploy what changes while you write it, and show what functions say')
  .argument('[folder]', 'a function, or a folder of such', FOLDER)
  .option('--no-logs', 'do not show what functions say')
  .action(
    ask(async (session: Session, folder: string, { logs }: { logs: boolean }) => {
      if (!existsSync(folder))
        throw new UsageError(`There is no ${folder}: say where your functions are, or make some with zerodb init`)
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
      // Streams of logs would keep it alive.
      process.exit()
    }),
  )

/** Deploys each function; the server knows which have changed. A mistake is shown where it is, and the next change is another try. */
async function deployAll(session: Session, folder: string, changed?: string): Promise<void> {
  const began = performance.now()
  const sources = safely(session, () => sourcesAt(folder)) ?? []
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
