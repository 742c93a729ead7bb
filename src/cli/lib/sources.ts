import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path'
import { type BuildFailure, build, formatMessages } from 'esbuild'
import type { FunctionsDeployInput } from '../../client/index.ts'
import { UsageError } from './failure.ts'

const SCRIPTS = ['.ts', '.mts', '.tsx', '.js', '.mjs', '.cjs', '.jsx']
const ENTRIES = [
  'index.ts',
  'index.js',
  'index.mjs',
  'main.ts',
  'main.js',
  'main.py',
  'handler.ts',
  'handler.js',
  'handler.py',
]
/** Folders that are never uploaded. */
const IGNORED_FOLDERS = new Set(['node_modules', '__pycache__', '.venv', 'venv', '.git', '.zerodb', 'dist'])

/** A function on this machine: a file, or a folder with an entry file. */
export interface Source {
  name: string
  /** Absolute path of the file with the handler. */
  entry: string
  /** Absolute path of the function's folder, or of its file if it is a single file. */
  path: string
}

/** Finds the functions at `path`: a file, a folder with an entry file, or a folder of such files and folders. */
export function findSources(path: string): Source[] {
  const root = resolve(path)
  const kind = statSync(root, { throwIfNoEntry: false })
  if (!kind) throw new UsageError(`${path} does not exist`)
  if (kind.isFile()) return [fileSource(root)]
  const single = folderSource(root)
  if (single) return [single]
  const found = readdirSync(root, { withFileTypes: true }).flatMap((item) => {
    const inner = join(root, item.name)
    if (item.isDirectory()) return IGNORED_FOLDERS.has(item.name) ? [] : (folderSource(inner) ?? [])
    return isCode(item.name) ? [fileSource(inner)] : []
  })
  if (found.length === 0) throw new UsageError(`${path} has no functions: no file ends in .ts, .js or .py`)
  return found
}

function isCode(name: string): boolean {
  return (
    (extname(name) === '.py' || SCRIPTS.includes(extname(name))) &&
    !/\.(test|spec|d)\.\w+$/.test(name) &&
    !name.startsWith('_')
  )
}

function fileSource(file: string): Source {
  if (!isCode(basename(file)))
    throw new UsageError(`${relative('.', file)} is not a TypeScript, JavaScript or Python file`)
  const inFolder = ENTRIES.includes(basename(file))
  if (inFolder) return folderSource(dirname(file))!
  return { name: basename(file, extname(file)), entry: file, path: file }
}

function folderSource(folder: string): Source | null {
  const entry = ENTRIES.map((name) => join(folder, name)).find((file) =>
    statSync(file, { throwIfNoEntry: false })?.isFile(),
  )
  return entry === undefined ? null : { name: basename(folder), entry, path: folder }
}

/** Builds the upload of a function. Code that imports packages is bundled with them; other files are sent unchanged. Throws `UsageError` with the build errors. */
export async function buildUpload(source: Source): Promise<Pick<FunctionsDeployInput, 'files' | 'entry' | 'runtime'>> {
  if (extname(source.entry) === '.py') return { ...pythonFiles(source), runtime: 'python3.11' }
  const root = source.path === source.entry ? dirname(source.entry) : source.path
  try {
    const { metafile, outputFiles } = await build({
      entryPoints: [source.entry],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      absWorkingDir: root,
      logLevel: 'silent',
    })
    const inputs = Object.keys(metafile.inputs)
    const local = inputs.every(
      (file) => !file.startsWith('..') && !file.includes('node_modules/') && !file.includes(':'),
    )
    if (!local) return { files: { 'index.mjs': outputFiles[0]!.text }, entry: 'index.mjs', runtime: 'nodejs20' }
    const files = Object.fromEntries(inputs.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
    return { files, entry: relative(root, source.entry).split(sep).join('/'), runtime: 'nodejs20' }
  } catch (error) {
    const { errors } = error as BuildFailure
    if (!errors) throw error
    const messages = await formatMessages(errors, { kind: 'error', color: Boolean(process.stderr.isTTY) })
    throw new UsageError(`${source.name} cannot be bundled:\n${messages.join('').trimEnd()}`)
  }
}

function pythonFiles({ entry, path: root }: Source): {
  files: Record<string, string | { base64: string }>
  entry: string
} {
  if (root === entry) return { files: { [basename(entry)]: readFileSync(entry, 'utf8') }, entry: basename(entry) }
  const files: Record<string, string | { base64: string }> = {}
  const visit = (folder: string) => {
    for (const item of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, item.name)
      if (item.isDirectory()) {
        if (!IGNORED_FOLDERS.has(item.name)) visit(path)
      } else if (item.isFile() && !item.name.endsWith('.pyc')) {
        const bytes = readFileSync(path)
        const text = bytes.toString()
        files[relative(root, path).split(sep).join('/')] = Buffer.from(text).equals(bytes)
          ? text
          : { base64: bytes.toString('base64') }
      }
    }
  }
  visit(root)
  return { files, entry: basename(entry) }
}
