import { createHash } from 'node:crypto'
import { extname } from 'node:path/posix'
import { ZeroError } from '../errors.ts'
import { ExactNumber, stringifyJson } from '../exact-json.ts'
import type { Runtime } from '../schema/function.ts'
import type { LockedPackage } from '../schema/package.ts'
import type { StoredFile } from '../store/automation/functions.ts'

const MAX_FILES = 1_000
const MAX_BYTES = 10 * 1024 * 1024

/** Default file names of the handler, in order of preference. */
const DEFAULT_ENTRIES: Record<Runtime, readonly string[]> = {
  nodejs20: [
    'index.ts',
    'index.js',
    'index.mjs',
    'main.ts',
    'main.js',
    'handler.ts',
    'handler.js',
    'src/index.ts',
    'src/index.js',
  ],
  'python3.11': ['main.py', 'handler.py', 'index.py', 'app.py', '__init__.py'],
}
const ENDINGS: Record<Runtime, readonly string[]> = {
  nodejs20: ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'],
  'python3.11': ['.py'],
}

export const isCode = (runtime: Runtime, path: string): boolean => ENDINGS[runtime].includes(extname(path))

/** Name of the bundle of TypeScript and JavaScript code. */
export const BUNDLE = 'index.mjs'

/** Returns the file that a sandbox loads for the author's `entry`. */
export function loadedEntry(runtime: string, entry: string): string {
  return runtime === 'nodejs20' ? BUNDLE : entry
}

/** Uploaded code: its files, the file with the handler, and the runtime. */
export interface Code {
  runtime: Runtime
  files: Record<string, StoredFile>
  entry: string
}

interface Given {
  runtime?: Runtime | undefined
  source?: string | undefined
  files?: Record<string, StoredFile> | undefined
  entry?: string | undefined
}

/** Returns the uploaded code with defaults filled in. Throws `invalid` with the reason if it cannot be a function. */
export function codeOf(given: Given): Code {
  if ((given.source === undefined) === (given.files === undefined))
    throw new ZeroError('invalid', 'Send either source (one file) or files (several, by path)')
  const runtime = given.runtime ?? guess(given)
  const files = given.files ?? { [given.entry ?? DEFAULT_ENTRIES[runtime][0]!]: given.source! }
  checkFiles(files)
  return { runtime, files, entry: entryOf(files, runtime, given.entry) }
}

function guess({ files, entry }: Given): Runtime {
  const names = entry === undefined ? Object.keys(files ?? {}) : [entry]
  const fitting = (Object.keys(ENDINGS) as Runtime[]).filter((runtime) =>
    names.some((name) => ENDINGS[runtime].includes(extname(name))),
  )
  if (fitting.length === 1) return fitting[0]!
  throw new ZeroError('invalid', 'runtime is missing: send nodejs20 or python3.11')
}

function checkFiles(files: Record<string, StoredFile>): void {
  const paths = Object.keys(files)
  if (paths.length === 0) throw new ZeroError('invalid', 'files: at least one file is required')
  if (paths.length > MAX_FILES) throw new ZeroError('invalid', `files: at most ${MAX_FILES} files are allowed`)
  for (const path of paths) {
    const parts = path.split('/')
    if (/[\\\0]/.test(path) || parts.some((part) => part === '' || part === '.' || part === '..'))
      throw new ZeroError('invalid', `files: "${path.slice(0, 100)}" must be a relative path like "lib/text.ts"`)
  }
  const folders = new Set(paths.flatMap((path) => foldersOf(path)))
  const both = paths.find((path) => folders.has(path))
  if (both !== undefined) throw new ZeroError('invalid', `files: "${both}" is both a file and a folder`)
  const bytes = Object.values(files).reduce((sum, file) => sum + sizeOf(file), 0)
  if (bytes > MAX_BYTES)
    throw new ZeroError('too_large', `files: at most ${MAX_BYTES / 1024 / 1024} MB are allowed in total`)
}

function foldersOf(path: string): string[] {
  return [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index))
}

function sizeOf(file: StoredFile): number {
  return typeof file === 'string' ? Buffer.byteLength(file) : Math.ceil((file.base64.length * 3) / 4)
}

function entryOf(files: Record<string, StoredFile>, runtime: Runtime, given: string | undefined): string {
  if (given !== undefined) {
    if (typeof files[given] !== 'string') throw new ZeroError('invalid', `entry: there is no text file "${given}"`)
    if (!ENDINGS[runtime].includes(extname(given)))
      throw new ZeroError('invalid', `entry: ${runtime} cannot execute "${given}"`)
    return given
  }
  const fitting = Object.keys(files).filter((path) => ENDINGS[runtime].includes(extname(path)))
  const found =
    DEFAULT_ENTRIES[runtime].find((path) => fitting.includes(path)) ?? (fitting.length === 1 ? fitting[0] : undefined)
  if (found !== undefined && typeof files[found] === 'string') return found
  throw new ZeroError(
    'invalid',
    `entry is missing: send the file with the handler, or name it ${DEFAULT_ENTRIES[runtime].slice(0, 2).join(' or ')}`,
  )
}

/** Returns a hash of the code, its configuration and its packages. Equal deployments have equal hashes. */
export function hashOf(code: Code, config: unknown, packages: readonly LockedPackage[]): string {
  const files = Object.entries(code.files).sort(([a], [b]) => (a < b ? -1 : 1))
  const hashes = packages.map(({ sha256 }) => sha256).sort()
  // Without packages as before there were packages, so that a repeated deployment of an older version changes nothing.
  const parts = [code.runtime, code.entry, files, sorted(config), ...(hashes.length > 0 ? [hashes] : [])]
  return createHash('sha256').update(stringifyJson(parts)).digest('hex')
}

/** Returns the value with the keys of all objects sorted. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}
