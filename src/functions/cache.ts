import { createHash } from 'node:crypto'
import type { App, FunctionCache, PreparedFunction } from '../app.ts'
import { unseal } from '../crypto.ts'
import type { Program } from '../sandbox/index.ts'
import type { LiveFunction, StoredFile } from '../store/automation/functions.ts'
import { loadedEntry } from './files.ts'

/** A change that another process makes counts here this much later at most. */
const TRUST_MS = 1_000
const MAX_KEPT = 1_000

interface Entry {
  loaded: Promise<PreparedFunction | null>
  checkedAt: number
  checking?: Promise<void> | undefined
}

/** What sealed text of a project's secret belongs to. */
export const functionSecretContext = (projectId: string, name: string): string => `secret:${projectId}:${name}`

export function createFunctionCache({
  store,
  encryptionKey,
  clock,
}: Pick<App, 'store' | 'encryptionKey' | 'clock'>): FunctionCache {
  const entries = new Map<string, Entry>()

  async function get(name: string, load: () => Promise<LiveFunction | null>): Promise<PreparedFunction | null> {
    let entry = entries.get(name)
    if (entry && clock.now() - entry.checkedAt >= TRUST_MS) {
      entry.checking ??= check(name, entry)
      await entry.checking
      entry = entries.get(name)
    }
    entry ??= keep(name, load)
    const found = await entry.loaded
    // One that is not there is looked up again each time: it may be deployed this moment.
    if (found === null) entries.delete(name)
    return found
  }

  function keep(name: string, load: () => Promise<LiveFunction | null>): Entry {
    if (entries.size >= MAX_KEPT) entries.delete(entries.keys().next().value!)
    const loaded = load().then((live) => live && prepare(live, encryptionKey))
    const entry = { loaded, checkedAt: clock.now() }
    entries.set(name, entry)
    loaded.catch(() => entries.delete(name))
    return entry
  }

  /** Forgets what has changed. */
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
  function tell(projectId: string | null, elsewhere: boolean): void {
    entries.clear()
    for (const watcher of watchers) watcher(projectId, elsewhere)
  }

  return {
    byName: (projectId, name) => get(`${projectId} ${name}`, () => store.functions.live(projectId, name)),
    byId: (id) => get(id, () => store.functions.liveById(id)),
    changed: (projectId) => tell(projectId, false),
    changedElsewhere: (projectId) => tell(projectId, true),
    watch(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
  }
}

/** One whose secrets do not open can still be replaced, switched off and deleted. */
function prepare(live: LiveFunction, encryptionKey: Uint8Array): PreparedFunction {
  const secrets: [name: string, value: string][] = []
  let unopened: string | null = null
  for (const [name, sealed] of Object.entries(live.secrets))
    try {
      secrets.push([
        name,
        unseal(encryptionKey, Buffer.from(sealed, 'base64'), functionSecretContext(live.project_id, name)),
      ])
    } catch (error) {
      unopened = `${name}: ${(error as Error).message}. Start with that key, or set the secret anew`
    }
  return {
    ...live,
    program: programOf(live, Object.fromEntries(secrets)),
    sealed: unopened,
    redact: redactor(secrets),
  }
}

/** What a sandbox is given of it. */
function programOf(live: LiveFunction, secrets: Record<string, string>): Program {
  const { id, version, config, runtime } = live
  const entry = loadedEntry(runtime, live.entry)
  const env = { ...config.env, ...secrets }
  const hash = createHash('sha256').update(JSON.stringify(env)).digest('base64url').slice(0, 22)
  const { isolation, memory_mb } = config
  return { key: `${id}:${version}:${hash}`, runtime, files: contentsOf(live.files), entry, env, isolation, memory_mb }
}

export function contentsOf(files: Readonly<Record<string, StoredFile>>): Record<string, string | Uint8Array> {
  return Object.fromEntries(
    Object.entries(files).map(([path, file]) => [
      path,
      typeof file === 'string' ? file : Buffer.from(file.base64, 'base64'),
    ]),
  )
}

/** Shorter values stand in too many texts by chance. */
const SHORTEST_REDACTED = 8

/** Puts the name of a secret in the place of its value. */
function redactor(secrets: readonly (readonly [name: string, value: string])[]): (text: string) => string {
  const long = secrets.filter(([, value]) => value.length >= SHORTEST_REDACTED)
  return (text) => long.reduce((rest, [name, value]) => rest.replaceAll(value, `[secret ${name}]`), text)
}
