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
/** Folders that no function is made of. */
const LEFT_OUT = new Set(['node_modules', '__pycache__', '.venv', 'venv', '.git', '.zerodb', 'dist'])

/** A function on this machine: a file, or a folder with an entry. */
export interface Source {
  name: string
  /** Absolute: of the file with the handler. */
  entry: string
  /** Absolute: the folder of a function that has one, else the file. */
  place: string
}

/** The functions at `path`: a file is one, so is a folder with an entry; any other folder has one for each of its files and folders. */
export function sourcesAt(path: string): Source[] {
  const place = resolve(path)
  const kind = statSync(place, { throwIfNoEntry: false })
  if (!kind) throw new UsageError(`There is nothing at ${path}`)
  if (kind.isFile()) return [fileSource(place)]
  const own = folderSource(place)
  if (own) return [own]
  const found = readdirSync(place, { withFileTypes: true }).flatMap((item) => {
    const inner = join(place, item.name)
    if (item.isDirectory()) return LEFT_OUT.has(item.name) ? [] : (folderSource(inner) ?? [])
    return isCode(item.name) ? [fileSource(inner)] : []
  })
  if (found.length === 0) throw new UsageError(`${path} holds no function: no file that ends in .ts, .js or .py`)
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
  if (!isCode(basename(file))) throw new UsageError(`${relative('.', file)} is no TypeScript, JavaScript or Python`)
  const inFolder = ENTRIES.includes(basename(file))
  if (inFolder) return folderSource(dirname(file))!
  return { name: basename(file, extname(file)), entry: file, place: file }
}

function folderSource(folder: string): Source | null {
  const entry = ENTRIES.map((name) => join(folder, name)).find((file) =>
    statSync(file, { throwIfNoEntry: false })?.isFile(),
  )
  return entry === undefined ? null : { name: basename(folder), entry, place: folder }
}

/** What is sent of a function. TypeScript that imports packages is bundled with them here, all else goes as it is. Throws `UsageError` with the mistakes. */
export async function uploadOf(source: Source): Promise<Pick<FunctionsDeployInput, 'files' | 'entry' | 'runtime'>> {
  if (extname(source.entry) === '.py') return { ...pythonFiles(source), runtime: 'python3.11' }
  const root = source.place === source.entry ? dirname(source.entry) : source.place
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

function pythonFiles({ entry, place }: Source): { files: Record<string, string | { base64: string }>; entry: string } {
  if (place === entry) return { files: { [basename(entry)]: readFileSync(entry, 'utf8') }, entry: basename(entry) }
  const files: Record<string, string | { base64: string }> = {}
  const visit = (folder: string) => {
    for (const item of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, item.name)
      if (item.isDirectory()) {
        if (!LEFT_OUT.has(item.name)) visit(path)
      } else if (item.isFile() && !item.name.endsWith('.pyc')) {
        const bytes = readFileSync(path)
        const text = bytes.toString()
        files[relative(place, path).split(sep).join('/')] = Buffer.from(text).equals(bytes)
          ? text
          : { base64: bytes.toString('base64') }
      }
    }
  }
  visit(place)
  return { files, entry: basename(entry) }
}
