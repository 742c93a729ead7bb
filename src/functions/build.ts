import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { parseStoredJson } from '../exact-json.ts'
import type { InstalledPackage } from '../schema/package.ts'
import type { StoredFile } from '../store/automation/functions.ts'
import { bundle, mistakes } from './bundle.ts'
import { contentsOf } from './cache.ts'
import { BUNDLE, type Code, isCode, loadedEntry } from './files.ts'
import { programPackages } from './packages/lock.ts'
import { mapStack } from './stack.ts'

/** Code that a sandbox can load. */
export interface Built {
  files: Record<string, StoredFile>
  source_map: string | null
  warnings: string[]
}

const CONFIG_TIMEOUT_SECONDS = 10
const CONFIG_LIMIT_BYTES = 262_144

/** Bundles TypeScript and JavaScript into one file; returns Python unchanged. Throws `validation_failed` with the location of each error. */
export async function buildCode({ runtime, files, entry }: Code): Promise<Built> {
  if (runtime !== 'nodejs20') return { files, source_map: null, warnings: [] }
  const texts = Object.fromEntries(
    Object.entries(files).filter((file): file is [string, string] => typeof file[1] === 'string'),
  )
  const { code, source_map, warnings } = await bundle({ files: texts, entry })
  // Other files are stored next to the bundle: the code may read them at run time, even if it also imports them.
  const rest = Object.fromEntries(Object.entries(files).filter(([path]) => !isCode(runtime, path)))
  return { files: { ...rest, [BUNDLE]: code }, source_map, warnings }
}

/**
 * Returns the `config` that the code exports, or null. Loads the code in a fresh sandbox without secrets. Throws `validation_failed` when the
 * code cannot be loaded or has no handler, and `unavailable` when the server stops during the load.
 */
export async function readConfig(
  app: App,
  project: string,
  { runtime, entry }: Code,
  built: Built,
  packages: readonly InstalledPackage[],
): Promise<unknown> {
  const outcome = await app.sandbox.call({
    program: {
      key: null,
      runtime,
      files: contentsOf(built.files),
      entry: loadedEntry(runtime, entry),
      env: {},
      isolation: 'fresh',
      memory_mb: 256,
      network: null,
      packages: programPackages(app.blobs, packages),
    },
    project,
    mode: 'config',
    input: {},
    timeout_seconds: CONFIG_TIMEOUT_SECONDS,
    output_limit_bytes: CONFIG_LIMIT_BYTES,
  })
  if (outcome.status === 'ok' && outcome.result?.kind === 'json')
    return parseStoredJson(Buffer.from(outcome.result.body).toString())
  if (outcome.status === 'cancelled')
    throw new ZeroError('unavailable', 'The server stopped while it read the config of this code: deploy again')
  const { name, message, stack } = outcome.error ?? { name: 'Error', message: outcome.status, stack: '' }
  const place = placeIn(mapStack(stack ?? '', built.source_map), built.files)
  throw mistakes([
    {
      message: `While the code was loaded to read its config: ${name}: ${message}`,
      file: null,
      line: null,
      column: null,
      ...place,
    },
  ])
}

/** Returns the innermost location in the uploaded files that a stack names. */
function placeIn(stack: string, files: Built['files']): { file: string; line: number; column: number | null } | null {
  const python = [...stack.matchAll(/File "(?:[^"]*\/)?([^"/]+)", line (\d+)/g)].at(-1)
  if (python && Object.keys(files).some((path) => path.endsWith(python[1]!)))
    return { file: python[1]!, line: Number(python[2]), column: null }
  const script = /([\w./-]+\.[cm]?[jt]sx?):(\d+):(\d+)/.exec(stack)
  return script ? { file: script[1]!, line: Number(script[2]), column: Number(script[3]) } : null
}
