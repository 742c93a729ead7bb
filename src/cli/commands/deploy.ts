import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import pc from 'picocolors'
import { type FunctionsDeploy, type ZeroDB, ZeroDBError } from '../../client/index.ts'
import { UsageError } from '../lib/failure.ts'
import { note } from '../lib/output.ts'
import { object } from '../lib/parse-options.ts'
import { ask, remote } from '../lib/remote.ts'
import { type Source, sourcesAt, uploadOf } from '../lib/sources.ts'

/** Where functions are looked for that are not named. */
export const FOLDER = 'functions'

/** Deploys one function as it is on this machine. */
export async function deploySource(
  zerodb: ZeroDB,
  source: Source,
  rest: {
    name?: string | undefined
    project_id?: string | undefined
    config?: Record<string, unknown> | undefined
  } = {},
): Promise<FunctionsDeploy> {
  return zerodb.functions.deploy({ ...(await uploadOf(source)), ...rest, name: rest.name ?? source.name })
}

/** How its files differ from those of the version before, a line each. */
export async function changedFiles(zerodb: ZeroDB, deployed: FunctionsDeploy): Promise<string[]> {
  // The server compares stored versions only.
  if ('dry_run' in deployed) return []
  const { name, project_id, version, changed } = deployed
  if (!changed || version === 1) return []
  const { files } = await zerodb.functions.diff({ name, project_id, from: version - 1, to: version })
  const marks = { added: pc.green('  + '), changed: pc.yellow('  ~ '), removed: pc.red('  - ') }
  return files.map(({ path, change, lines }) => {
    // Of a unified diff, without its head.
    const count = (sign: string) =>
      (lines ?? '')
        .split('\n')
        .slice(4)
        .filter((line) => line.startsWith(sign)).length
    return `${marks[change]}${path}${lines === null ? '' : pc.dim(` +${count('+')} -${count('-')}`)}`
  })
}

/** What has become of it, in a line or a few. */
export function deployedWords(deployed: FunctionsDeploy, files: readonly string[] = []): string {
  const { name, version, changed, hooks, schedules, url_path, config, warnings } = deployed
  const parts = { hooks, schedules }
  const changes = Object.entries(parts).flatMap(([noun, { created, changed: altered, removed }]) => [
    ...created.map((each) => pc.green(`  + ${noun.slice(0, -1)} ${each}`)),
    ...altered.map((each) => pc.yellow(`  ~ ${noun.slice(0, -1)} ${each}`)),
    ...removed.map((each) => pc.red(`  - ${noun.slice(0, -1)} ${each}`)),
  ])
  const faces = [url_path && `  at ${url_path}`, (config as { tool?: object }).tool && '  is a tool'].filter(Boolean)
  const head = changed
    ? `${pc.green('dry_run' in deployed ? 'would deploy' : 'deployed')} ${name}, version ${version}`
    : `${pc.dim('unchanged')} ${name}, version ${version}`
  return [
    head,
    ...(changed ? [...files, ...changes, ...faces] : []),
    ...(warnings ?? []).map((warning) => pc.yellow(`  ${warning}`)),
  ].join('\n')
}

/** Throws `UsageError` where two files would be one function: the second would replace the first. */
export function uniqueByName(sources: readonly Source[]): readonly Source[] {
  const byName = new Map<string, Source>()
  for (const source of sources) {
    const other = byName.get(source.name)
    if (other && other.entry !== source.entry) {
      const [one, two] = [other, source].map(({ entry }) => relative('.', entry))
      throw new UsageError(`${one} and ${two} are both the function "${source.name}": rename one of them`)
    }
    byName.set(source.name, source)
  }
  return [...byName.values()]
}

interface Upload {
  name: string
  source: Source
  files: Awaited<ReturnType<typeof uploadOf>>
}

/** Reads and bundles each function. Throws `UsageError` with the mistakes in all of them. */
async function buildUploads(sources: readonly Source[]): Promise<Upload[]> {
  const built = await Promise.allSettled(
    sources.map(async (source) => ({ name: source.name, source, files: await uploadOf(source) })),
  )
  const failed = built.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
  const unforeseen = failed.find((error) => !(error instanceof UsageError))
  if (unforeseen) throw unforeseen
  if (failed.length > 0) throw new UsageError(failed.map(({ message }) => message).join('\n'))
  return built.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

/** Whether the server refuses this function; it may accept another. */
function isRefusal(error: unknown): error is ZeroDBError {
  return error instanceof ZeroDBError && [400, 403, 404, 409, 413, 422].includes(error.status)
}

/** Sends each function. Throws `ZeroDBError` that lists the refused files with their errors, after all have been sent. */
async function sendEach(uploads: readonly Upload[], send: (upload: Upload) => Promise<void>): Promise<void> {
  const refused: { path: string; error: ZeroDBError }[] = []
  for (const upload of uploads) {
    try {
      await send(upload)
    } catch (error) {
      if (uploads.length === 1 || !isRefusal(error)) throw error
      refused.push({ path: relative('.', upload.source.entry), error })
    }
  }
  if (refused.length === 0) return
  const { status, code } = refused[0]!.error
  throw new ZeroDBError({
    status,
    code,
    detail: refused.map(({ path, error }) => `${path}: ${error.message}`).join('\n'),
  })
}

interface DeployOptions {
  name?: string
  config?: Record<string, unknown>
  dryRun?: boolean
}

export const deploy = remote(
  'deploy',
  'make files functions that run: all of them, or none if one is refused; what has not changed is left alone',
)
  .argument('[path...]', `a file, a folder with an entry, or a folder of such; ./${FOLDER} if not said`)
  .option('--name <name>', 'of a single function, in place of its file’s')
  .option('--config <json>', 'goes before the config in the file', object)
  .option('--dry-run', 'check everything, deploy nothing, and show what would change')
  .action(
    ask(async ({ zerodb, server, json, print }, paths: string[], { name, config, dryRun }: DeployOptions) => {
      if (paths.length === 0 && !existsSync(FOLDER))
        throw new UsageError(`There is no folder ./${FOLDER}: say which files, or make a project with zerodb init`)
      const sources = uniqueByName((paths.length === 0 ? [FOLDER] : paths).flatMap(sourcesAt))
      if (name !== undefined && sources.length !== 1)
        throw new UsageError(`--name is for one function, and there are ${sources.length}`)
      const uploads = await buildUploads(sources)
      const send = (upload: Upload, dry_run: boolean) =>
        zerodb.functions.deploy({
          ...upload.files,
          name: name ?? upload.name,
          config,
          project_id: server.projectId,
          dry_run,
        })
      const show = async (deployed: FunctionsDeploy) => {
        const files = json ? [] : await changedFiles(zerodb, deployed)
        print(deployed, () => deployedWords(deployed, files))
      }
      // One function is deployed whole or not at all by the server itself.
      if (dryRun || uploads.length > 1)
        await sendEach(uploads, async (upload) => {
          if (!json && uploads.length > 1) note(pc.dim(`checking ${upload.name}…`))
          const checked = await send(upload, true)
          if (dryRun) await show(checked)
        })
      if (dryRun) return
      await sendEach(uploads, async (upload) => {
        if (!json && uploads.length > 1) note(pc.dim(`${upload.name}…`))
        await show(await send(upload, false))
      })
    }),
  )
