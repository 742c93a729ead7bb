import type { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import type { EventName } from '../schema/events.ts'
import type { Runtime } from '../schema/function.ts'
import {
  type Changes,
  DEFAULT_PERMISSIONS,
  type Fn,
  type FunctionConfig,
  functionConfig,
  type functionDeploy,
  type NetworkChanges,
} from '../schema/function.ts'
import { allows } from '../schema/login.ts'
import type { PackageChanges } from '../schema/package.ts'
import { safeParse } from '../schema/safe-parse.ts'
import { shapeErrors } from '../schema/shape-errors.ts'
import type { StoredFile, StoredFunction } from '../store/automation/functions.ts'
import type { Scope } from '../store/context.ts'
import type { Store, Tables } from '../store/index.ts'
import { buildCode, readConfig } from './build.ts'
import { networkChanges, packageChangesOf } from './diff.ts'
import { codeOf, hashOf, isCode } from './files.ts'
import { checkPolicy, checkSecrets, hostsBeyond, withheld } from './network.ts'
import { checkPackages, renewWheels, requirementsWarnings } from './packages/lock.ts'
import { runtimeVersion } from './runtime-version.ts'
import { checkCron } from './schedule.ts'
import { selfTriggerOf } from './self-trigger.ts'
import { settleTriggers } from './triggers.ts'

export interface Deployed {
  /** After a dry run: the function as it would be deployed. */
  fn: StoredFunction
  changed: boolean
  hooks: Changes
  schedules: Changes
  network: NetworkChanges
  package_changes: PackageChanges
  warnings: string[]
}

const NO_CHANGES: Changes = { created: [], changed: [], removed: [] }
const unchanged = (fn: StoredFunction) => ({
  fn,
  changed: false,
  hooks: NO_CHANGES,
  schedules: NO_CHANGES,
  network: networkChanges(fn.config, fn.config),
  package_changes: [],
})

/**
 * Deploys code and configuration as a new live version, and updates its hooks and schedules. Does nothing if the live version is identical. A dry
 * run rolls its transaction back. Throws `validation_failed` with the location of each error, `forbidden` for permissions that the caller
 * lacks, and the errors of the sandbox.
 */
export async function deploy(
  app: App,
  caller: Caller,
  scope: Scope,
  input: z.infer<typeof functionDeploy>,
): Promise<Deployed> {
  checkName(app, input.name)
  const code = codeOf(input)
  const hash = hashOf(code, input.config ?? {}, input.packages)
  await app.store.projects.get(scope)
  const before = await app.functions.byName(scope.project_id, input.name)
  if (before !== null && before.user_id === scope.user_id) {
    const live = await app.store.functions.get(scope, input.name)
    if (live.hash === hash) return { ...unchanged(live), warnings: [] }
  }

  const packages = await checkPackages(app, scope, code.runtime, input.packages)
  const built = await buildCode(code)
  const exported = await readConfig(app, scope.project_id, code, built, packages)
  const config = configOf(app, caller, exported, input.config ?? {})
  const secrets = await knownSecrets(app, scope, config)
  checkSecrets(config.network, secrets, ['body', 'config', 'network'])
  const now = new Date(await app.store.schedules.clock())
  const transaction = input.dry_run ? tryTransaction : runTransaction
  const done = await transaction(app.store, async (tx) => {
    const live = await tx.functions.lock(scope, input.name)
    // A concurrent deployment may have made the same version live.
    if (live?.hash === hash) return unchanged(live)
    const version = { ...code, ...built, hash, sources: code.files, config, packages }
    await renewWheels(tx, scope, packages)
    const fn = await tx.functions.addVersion(scope, input.name, version)
    const triggers = await settleTriggers(tx, fn, now)
    await tx.quotas.check(scope, 'functions', 'schedules', 'hooks')
    return {
      fn,
      changed: true,
      ...triggers,
      network: networkChanges(live?.config ?? null, config),
      package_changes: packageChangesOf(live?.packages ?? [], packages),
    }
  })
  if (!done.changed) return { ...done, warnings: [] }
  if (!input.dry_run) replaced(app, scope, before?.program.key ?? null)
  const warnings = [
    ...built.warnings,
    ...requirementsWarnings(code, packages),
    ...(await missingVariables(app, scope, config)),
    ...selfTriggerWarnings(codeIn(code.runtime, built.files), config),
  ]
  return { ...done, warnings }
}

function runTransaction<R>(store: Store, body: (tx: Tables) => Promise<R>): Promise<R> {
  return store.transaction(body)
}

/** Runs `body` in a transaction, rolls it back and returns the result. */
async function tryTransaction<R>(store: Store, body: (tx: Tables) => Promise<R>): Promise<R> {
  const rollback = new Error('dry run')
  let result: { value: R } | undefined
  try {
    await store.transaction(async (tx) => {
      result = { value: await body(tx) }
      throw rollback
    })
  } catch (error) {
    if (error !== rollback) throw error
  }
  return result!.value
}

/** Makes an earlier version live, by default the previous one. Running calls finish on their version. */
export async function rollBack(app: App, scope: Scope, name: string, version: number | undefined): Promise<Deployed> {
  const before = await app.functions.byName(scope.project_id, name)
  const now = new Date(await app.store.schedules.clock())
  const done = await app.store.transaction(async (tx) => {
    const live = await tx.functions.lock(scope, name)
    if (!live) throw new ZeroError('not_found', 'Function not found')
    const target = version ?? (await tx.functions.before(live.id, live.version))
    if (target === null)
      throw new ZeroError('invalid', `Cannot roll back "${name}": version ${live.version} is the first`)
    if (target === live.version) return unchanged(live)
    const fn = await tx.functions.setLive(live.id, target)
    const network = networkChanges(live.config, fn.config)
    const package_changes = packageChangesOf(live.packages, fn.packages)
    return { fn, changed: true, ...(await settleTriggers(tx, fn, now)), network, package_changes }
  })
  if (done.changed) replaced(app, scope, before?.program.key ?? null)
  const { functionsNetwork } = app.config
  const beyond = hostsBeyond(functionsNetwork, done.fn.config.network)
  return { ...done, warnings: beyond.length > 0 ? [withheld(functionsNetwork, beyond)] : [] }
}

/** Drops a replaced version from the cache, and stops its idle instances. */
export function replaced(app: App, scope: Scope, key: string | null): void {
  app.functions.changed(scope.project_id)
  if (key !== null) app.sandbox.retire(key)
}

/** Throws `invalid` for the name of a built-in handler. */
export function checkName(app: App, name: string): void {
  if (app.reservedNames.includes(name.toLowerCase()))
    throw new ZeroError('invalid', `"${name}" is the name of a built-in handler: choose another name`)
}

/** Merges the configurations. Fields of the request override those of the file. */
function configOf(app: App, caller: Caller, inFile: unknown, given: Record<string, unknown>): FunctionConfig {
  if (inFile !== null && (typeof inFile !== 'object' || Array.isArray(inFile)))
    throw new ZeroError('invalid', 'config: the exported value must be an object')
  const merged = { ...inFile, ...given }
  const parsed = safeParse(functionConfig, merged)
  if (!parsed.success) {
    const fields = shapeErrors(parsed.error, merged, () => 'body').map((error) => ({
      ...error,
      loc: ['body', 'config', ...error.loc.slice(1)],
    }))
    throw new ZeroError('validation_failed', undefined, { fields })
  }
  const { permissions, ...config } = parsed.data
  checkPolicy(app.config.functionsNetwork, parsed.data.network, ['body', 'config', 'network'])
  checkConfig(caller, parsed.data)
  return {
    ...config,
    permissions: permissions ?? DEFAULT_PERMISSIONS.filter((permission) => allows(caller.permissions, permission)),
  }
}

/** Throws the error that a deployment of this configuration by the caller would throw. */
export function checkConfig(caller: Caller, { permissions, ...config }: z.infer<typeof functionConfig>): void {
  for (const when of config.schedule) checkCron(when)
  const doubled = config.schedule.find((one, i) => config.schedule.findIndex((other) => sameTime(one, other)) !== i)
  if (doubled) throw new ZeroError('invalid', `schedule: "${doubled.cron}" in ${doubled.timezone} is listed twice`)
  const targets = config.triggers.map(({ event, all_projects }) => `${event} ${all_projects}`)
  if (new Set(targets).size < targets.length) throw new ZeroError('invalid', 'triggers: an event type is listed twice')
  if (caller.bound !== null && config.triggers.some(({ all_projects }) => all_projects))
    throw new ZeroError('forbidden', 'This API key is bound to one project and cannot create hooks for all projects')
  const refused = permissions?.find((permission) => !allows(caller.permissions, permission))
  if (refused !== undefined)
    throw new ZeroError('forbidden', `permissions: this API key lacks the permission "${refused}" itself`)
}

type When = { cron: string; timezone: string }
const sameTime = (a: When, b: When) => a.cron === b.cron && a.timezone === b.timezone

/** Returns the secrets of the project by name. Empty if the configuration uses none. */
async function knownSecrets(app: App, scope: Scope, config: FunctionConfig): Promise<Record<string, true>> {
  if (config.secrets.length === 0 && config.network?.inject === undefined) return {}
  return Object.fromEntries((await app.store.secrets.list(scope)).map(({ name }) => [name, true]))
}

/** Returns warnings about env sets and secrets that do not exist yet. */
async function missingVariables(app: App, scope: Scope, config: FunctionConfig): Promise<string[]> {
  const { env_from = [] } = config
  const sets = env_from.length === 0 ? [] : await app.store.envSets.list(scope)
  const used = sets.filter(({ name }) => env_from.includes(name))
  const secrets = [...new Set([...config.secrets, ...used.flatMap((set) => set.secrets)])]
  const known = secrets.length === 0 ? [] : (await app.store.secrets.list(scope)).map(({ name }) => name)
  return [
    ...env_from
      .filter((name) => !used.some((set) => set.name === name))
      .map((name) => `The env set ${name} does not exist: its variables are missing until you store it`),
    ...secrets
      .filter((name) => !known.includes(name))
      .map((name) => `The secret ${name} is declared but not set: env.${name} is missing until you set it`),
  ]
}

function codeIn(runtime: Runtime, files: Readonly<Record<string, StoredFile>>): Record<string, StoredFile> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => isCode(runtime, path)))
}

function selfTriggerWarnings(files: Readonly<Record<string, StoredFile>>, { triggers }: FunctionConfig): string[] {
  const sentences = triggers.map(({ event, filter }) => selfTriggerOf(files, event as EventName, filter != null))
  return sentences.filter((sentence) => sentence !== null)
}

/** Converts a stored function to its API form. */
export function toFn(app: App, { user_id: _, ...fn }: StoredFunction): Fn {
  const { http } = fn.config
  return {
    ...fn,
    runtime_version: runtimeVersion(app, fn.runtime),
    url_path: http ? `/fn/${fn.project_id}/${fn.name}` : null,
  }
}
