import { createHash } from 'node:crypto'
import type { App, FunctionCache, PreparedFunction } from '../app.ts'
import type { Blobs } from '../blobs/index.ts'
import { unseal } from '../crypto.ts'
import type { Program } from '../sandbox/index.ts'
import type { LiveFunction, StoredFile } from '../store/automation/functions.ts'
import { loadedEntry } from './files.ts'
import { boundedPolicy, hostsBeyond, type NetworkSetting } from './network.ts'
import { programPackages } from './packages/lock.ts'

/** A change by another process takes effect here after at most this time. */
const RECHECK_MS = 1_000
const MAX_KEPT = 1_000

interface Entry {
  loaded: Promise<PreparedFunction | null>
  checkedAt: number
  checking?: Promise<void> | undefined
}

/** Returns the context with which a project's secret is sealed. */
export const functionSecretContext = (projectId: string, name: string): string => `secret:${projectId}:${name}`

export function createFunctionCache({
  store,
  encryptionKey,
  clock,
  config,
  blobs,
}: Pick<App, 'store' | 'encryptionKey' | 'clock' | 'config' | 'blobs'>): FunctionCache {
  const entries = new Map<string, Entry>()

  async function get(name: string, load: () => Promise<LiveFunction | null>): Promise<PreparedFunction | null> {
    let entry = entries.get(name)
    if (entry && clock.now() - entry.checkedAt >= RECHECK_MS) {
      entry.checking ??= check(name, entry)
      await entry.checking
      entry = entries.get(name)
    }
    entry ??= keep(name, load)
    const found = await entry.loaded
    // A missing function is not cached: it may be deployed at any moment.
    if (found === null) entries.delete(name)
    return found
  }

  function keep(name: string, load: () => Promise<LiveFunction | null>): Entry {
    if (entries.size >= MAX_KEPT) entries.delete(entries.keys().next().value!)
    const loaded = load().then((live) => live && prepare(live, encryptionKey, config.functionsNetwork, blobs))
    const entry = { loaded, checkedAt: clock.now() }
    entries.set(name, entry)
    loaded.catch(() => entries.delete(name))
    return entry
  }

  /** Drops the entry if the function or its secrets have changed. */
  async function check(name: string, entry: Entry): Promise<void> {
    try {
      const known = await entry.loaded
      if (known === null || (await store.functions.stamp(known.id)) !== known.stamp) entries.delete(name)
      entry.checkedAt = clock.now()
    } finally {
      entry.checking = undefined
    }
  }

  const watchers = new Set<Parameters<FunctionCache['watch']>[0]>()
  function notify(projectId: string | null, elsewhere: boolean): void {
    entries.clear()
    for (const watcher of watchers) watcher(projectId, elsewhere)
  }

  return {
    byName: (projectId, name) => get(`${projectId} ${name}`, () => store.functions.live(projectId, name)),
    byId: (id) => get(id, () => store.functions.liveById(id)),
    changed: (projectId) => notify(projectId, false),
    changedElsewhere: (projectId) => notify(projectId, true),
    watch(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
  }
}

/** Prepares a function. A secret that cannot be unsealed does not fail here: such a function can still be replaced, disabled and deleted. */
function prepare(
  live: LiveFunction,
  encryptionKey: Uint8Array,
  setting: NetworkSetting,
  blobs: Blobs,
): PreparedFunction {
  const secrets: [name: string, value: string][] = []
  let unopened: string | null = null
  for (const [name, sealed] of Object.entries(live.secrets))
    try {
      secrets.push([
        name,
        unseal(encryptionKey, Buffer.from(sealed, 'base64'), functionSecretContext(live.project_id, name)),
      ])
    } catch (error) {
      unopened = `${name}: ${(error as Error).message}. Start the server with that key, or set the secret again`
    }
  return {
    ...live,
    program: programOf(live, Object.fromEntries(secrets), setting, blobs),
    withheldHosts: hostsBeyond(setting, live.config.network),
    sealed: unopened,
    redact: redactor(secrets),
  }
}

/** Returns the program that the sandbox executes. */
function programOf(
  live: LiveFunction,
  secrets: Record<string, string>,
  setting: NetworkSetting,
  blobs: Blobs,
): Program {
  const { id, version, config, runtime } = live
  const entry = loadedEntry(runtime, live.entry)
  // A secret of an injected header is not visible for the program, unless the config or an env set lists it.
  const env: Record<string, string> = {}
  for (const source of [...live.env_sets, config]) {
    Object.assign(env, source.env)
    for (const name of source.secrets) if (name in secrets) env[name] = secrets[name]!
  }
  const network = boundedPolicy(setting, config.network, secrets)
  const hash = createHash('sha256')
    .update(JSON.stringify([env, network]))
    .digest('base64url')
    .slice(0, 22)
  const { isolation, memory_mb } = config
  const key = `${id}:${version}:${hash}`
  const packages = programPackages(blobs, live.packages)
  return { key, runtime, files: contentsOf(live.files), entry, env, isolation, memory_mb, network, packages }
}

export function contentsOf(files: Readonly<Record<string, StoredFile>>): Record<string, string | Uint8Array> {
  return Object.fromEntries(
    Object.entries(files).map(([path, file]) => [
      path,
      typeof file === 'string' ? file : Buffer.from(file.base64, 'base64'),
    ]),
  )
}

/** Shorter values are not redacted: they occur in texts by chance. */
const MIN_REDACTED_CHARACTERS = 8

/** Returns a function that replaces the values of secrets in a text with their names. */
export function redactor(secrets: readonly (readonly [name: string, value: string])[]): (text: string) => string {
  const long = secrets.filter(([, value]) => value.length >= MIN_REDACTED_CHARACTERS)
  return (text) => long.reduce((rest, [name, value]) => rest.replaceAll(value, `[secret ${name}]`), text)
}
