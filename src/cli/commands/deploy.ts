import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import pc from 'picocolors'
import {
  type FunctionsDeploy,
  type FunctionsDeployInput,
  type NetworkChanges,
  type PackageChange,
  type ZeroDB,
  ZeroDBError,
} from '../../client/index.ts'
import { UsageError } from '../lib/failure.ts'
import { note } from '../lib/output.ts'
import { object } from '../lib/parse-options.ts'
import { progress } from '../lib/progress.ts'
import { ask, remote } from '../lib/remote.ts'
import { buildUpload, findSources, type Source } from '../lib/sources.ts'
import { downloadWheels, requirementsOf, type Wheel } from '../lib/wheels.ts'

/** The folder that is deployed if no path is given. */
export const DEFAULT_FOLDER = 'functions'

/** Deploys one function from this machine. */
export async function deploySource(
  zerodb: ZeroDB,
  source: Source,
  rest: {
    name?: string | undefined
    project_id?: string | undefined
    config?: Record<string, unknown> | undefined
  } = {},
): Promise<FunctionsDeploy> {
  const upload = { name: source.name, source, files: await buildUpload(source) }
  const wheels = await findWheels(zerodb, source)
  return sendDeploy(zerodb, { ...upload, wheels }, { ...rest, name: rest.name ?? source.name }, true)
}

/** Returns the packages of a Python function, downloaded for the server; none without a list of requirements. */
async function findWheels(
  zerodb: ZeroDB,
  { entry }: Source,
  report: (text: string) => void = () => {},
): Promise<Wheel[]> {
  const requirements = entry.endsWith('.py') ? await requirementsOf(entry) : null
  if (requirements === null) return []
  report(`downloading the packages in ${relative('.', requirements)}…`)
  return downloadWheels(requirements, await zerodb.packages.target())
}

type DeployFields = Pick<FunctionsDeployInput, 'name' | 'config' | 'project_id' | 'dry_run'>

/** Deploys a function. Uploads those of its packages that the server does not have. */
async function sendDeploy(
  zerodb: ZeroDB,
  { files, wheels }: Upload,
  fields: DeployFields,
  isQuiet: boolean,
): Promise<FunctionsDeploy> {
  const packages = wheels.map(({ file_name, sha256 }) => ({ file_name, sha256 }))
  const body = { ...files, ...fields, ...(packages.length > 0 ? { packages } : {}) }
  try {
    return await zerodb.functions.deploy(body)
  } catch (error) {
    const missing = missingPackages(error)
    if (missing.length === 0) throw error
    const shown = progress('packages uploaded', { json: isQuiet })
    try {
      for (const [done, at] of missing.entries()) {
        shown.at(done, missing.length)
        const { file_name, bytes } = wheels[at]!
        const { project_id } = fields
        await zerodb.packages.upload({ file_name, content: bytes, ...(project_id === undefined ? {} : { project_id }) })
      }
    } finally {
      shown.end()
    }
    return zerodb.functions.deploy(body)
  }
}

/** Returns the positions of the packages that the server does not have, if that is all that is wrong. */
function missingPackages(error: unknown): number[] {
  if (!(error instanceof ZeroDBError) || typeof error.detail === 'string') return []
  if (error.detail.some(({ type }) => type !== 'package_missing')) return []
  return error.detail.map(({ loc }) => Number(loc.at(-1)))
}

/** Returns a line for each file that differs from the previous version. */
export async function changedFiles(zerodb: ZeroDB, deployed: FunctionsDeploy): Promise<string[]> {
  // The server only compares stored versions.
  if ('dry_run' in deployed) return []
  const { name, project_id, version, changed } = deployed
  if (!changed || version === 1) return []
  const { files } = await zerodb.functions.diff({ name, project_id, from: version - 1, to: version })
  const marks = { added: pc.green('  + '), changed: pc.yellow('  ~ '), removed: pc.red('  - ') }
  return files.map(({ path, change, lines }) => {
    // The first four lines are the header of the unified diff.
    const count = (sign: string) =>
      (lines ?? '')
        .split('\n')
        .slice(4)
        .filter((line) => line.startsWith(sign)).length
    return `${marks[change]}${path}${lines === null ? '' : pc.dim(` +${count('+')} -${count('-')}`)}`
  })
}

/** Describes the result of a deploy. */
export function describeDeploy(deployed: FunctionsDeploy, files: readonly string[] = []): string {
  const { name, version, changed, hooks, schedules, network, package_changes, url_path, config, warnings } = deployed
  const parts = { hooks, schedules }
  const changes = Object.entries(parts).flatMap(([noun, { created, changed: altered, removed }]) => [
    ...created.map((each) => pc.green(`  + ${noun.slice(0, -1)} ${each}`)),
    ...altered.map((each) => pc.yellow(`  ~ ${noun.slice(0, -1)} ${each}`)),
    ...removed.map((each) => pc.red(`  - ${noun.slice(0, -1)} ${each}`)),
  ])
  changes.push(...describeNetwork(network), ...package_changes.map(describePackage))
  const endpoints = [url_path && `  at ${url_path}`, (config as { tool?: object }).tool && '  as an MCP tool'].filter(
    Boolean,
  )
  const head = changed
    ? `${pc.green('dry_run' in deployed ? 'would deploy' : 'deployed')} ${name}, version ${version}`
    : `${pc.dim('unchanged')} ${name}, version ${version}`
  return [
    head,
    ...(changed ? [...files, ...changes, ...endpoints] : []),
    ...(warnings ?? []).map((warning) => pc.yellow(`  ${warning}`)),
  ].join('\n')
}

/** Returns a line for each host that a function can connect to from this version on, or no longer. */
export function describeNetwork({ added, removed, injects }: NetworkChanges): string[] {
  return [
    ...added.map((host) => pc.green(`  + network ${host}`)),
    ...removed.map((host) => pc.red(`  - network ${host}`)),
    ...injects.added.map((header) => pc.green(`  + inject ${header}`)),
    ...injects.removed.map((header) => pc.red(`  - inject ${header}`)),
  ]
}

/** Describes a package that was added, removed or changed. */
export function describePackage({ name, from, to }: PackageChange): string {
  if (from === null) return pc.green(`  + package ${name} ${to}`)
  if (to === null) return pc.red(`  - package ${name} ${from}`)
  return pc.yellow(`  ~ package ${name} ${from} → ${to}`)
}

/** Removes duplicates. Throws `UsageError` if two files define the same function: the second would replace the first. */
export function uniqueByName(sources: readonly Source[]): readonly Source[] {
  const byName = new Map<string, Source>()
  for (const source of sources) {
    const other = byName.get(source.name)
    if (other && other.entry !== source.entry) {
      const [one, two] = [other, source].map(({ entry }) => relative('.', entry))
      throw new UsageError(`${one} and ${two} both define the function "${source.name}": rename one of them`)
    }
    byName.set(source.name, source)
  }
  return [...byName.values()]
}

interface Upload {
  name: string
  source: Source
  files: Awaited<ReturnType<typeof buildUpload>>
  wheels: Wheel[]
}

/** Reads and bundles all functions. Throws `UsageError` with the errors of all of them. */
async function buildUploads(
  zerodb: ZeroDB,
  sources: readonly Source[],
  report: (text: string) => void,
): Promise<Upload[]> {
  const built = await Promise.allSettled(
    sources.map(async (source) => ({
      name: source.name,
      source,
      files: await buildUpload(source),
      wheels: await findWheels(zerodb, source, report),
    })),
  )
  const failed = built.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
  const unexpected = failed.find((error) => !(error instanceof UsageError))
  if (unexpected) throw unexpected
  if (failed.length > 0) throw new UsageError(failed.map(({ message }) => message).join('\n'))
  return built.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

/** Tells whether the server rejected this function for a reason that need not concern others. */
function isRejection(error: unknown): error is ZeroDBError {
  return error instanceof ZeroDBError && [400, 403, 404, 409, 413, 422].includes(error.status)
}

/** Sends all functions. Then throws a `ZeroDBError` that lists the rejected files with their errors, if there are any. */
async function sendEach(uploads: readonly Upload[], send: (upload: Upload) => Promise<void>): Promise<void> {
  const rejected: { path: string; error: ZeroDBError }[] = []
  for (const upload of uploads) {
    try {
      await send(upload)
    } catch (error) {
      if (uploads.length === 1 || !isRejection(error)) throw error
      rejected.push({ path: relative('.', upload.source.entry), error })
    }
  }
  if (rejected.length === 0) return
  const { status, code } = rejected[0]!.error
  throw new ZeroDBError({
    status,
    code,
    detail: rejected.map(({ path, error }) => `${path}: ${error.message}`).join('\n'),
  })
}

interface DeployOptions {
  name?: string
  config?: Record<string, unknown>
  dryRun?: boolean
}

export const deploy = remote(
  'deploy',
  'deploy functions: all of them, or none if one is rejected; unchanged functions are skipped',
)
  .argument('[path...]', `file, folder with an entry file, or folder of such; ./${DEFAULT_FOLDER} if not given`)
  .option('--name <name>', 'name of the function, if not the name of its file')
  .option('--config <json>', 'overrides the config in the file', object)
  .option('--dry-run', 'check everything and show what would change, without deploying')
  .action(
    ask(async ({ zerodb, server, json, print }, paths: string[], { name, config, dryRun }: DeployOptions) => {
      if (paths.length === 0 && !existsSync(DEFAULT_FOLDER))
        throw new UsageError(
          `The folder ./${DEFAULT_FOLDER} does not exist: name the files, or create a project with zerodb init`,
        )
      const sources = uniqueByName((paths.length === 0 ? [DEFAULT_FOLDER] : paths).flatMap(findSources))
      if (name !== undefined && sources.length !== 1)
        throw new UsageError(`--name can only be used with one function; the paths contain ${sources.length}`)
      const uploads = await buildUploads(zerodb, sources, (text) => json || note(pc.dim(text)))
      const send = (upload: Upload, dry_run: boolean) =>
        sendDeploy(zerodb, upload, { name: name ?? upload.name, config, project_id: server.projectId, dry_run }, json)
      const show = async (deployed: FunctionsDeploy) => {
        const files = json ? [] : await changedFiles(zerodb, deployed)
        print(deployed, () => describeDeploy(deployed, files))
      }
      // The server deploys a single function atomically.
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
