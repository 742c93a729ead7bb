import { posix } from 'node:path'
import { text } from 'node:stream/consumers'
import { type BuildFailure, build, type Loader, type Plugin } from 'esbuild'

/** The files to bundle. The process reads this from standard input. */
export interface BundleJob {
  files: Record<string, string>
  entry: string
}

export interface BundleProblem {
  message: string
  file: string | null
  line: number | null
  column: number | null
}

/** The result, sent over the IPC channel. */
export type BundleAnswer = { code: string; source_map: string; warnings: string[] } | { problems: BundleProblem[] }

const NAMESPACE = 'uploaded'
const LOADERS: Record<string, Loader> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.json': 'json',
  '.txt': 'text',
  '.md': 'text',
}
/** TypeScript imports name the compiled file: source extensions by compiled extension. */
const COMPILED: Record<string, readonly string[]> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
}
const ENDINGS = ['', '.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.jsx', '.json', '/index.ts', '/index.js']

/** Resolves and loads only the uploaded files, so that no import can read a file of this machine. */
function uploaded(files: Record<string, string>): Plugin {
  return {
    name: NAMESPACE,
    setup(builder) {
      builder.onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
        if (path.startsWith('node:')) return { path, external: true }
        if (kind === 'entry-point') return { path, namespace: NAMESPACE }
        const target = path.startsWith('.') ? posix.join(posix.dirname(importer), path) : path
        const ending = posix.extname(target)
        const sources = (COMPILED[ending] ?? []).map((source) => target.slice(0, -ending.length) + source)
        const candidates = [target, ...sources, ...ENDINGS.map((each) => target + each)]
        const found = candidates.find((name) => Object.hasOwn(files, name))
        if (found !== undefined) return { path: found, namespace: NAMESPACE }
        const hint = path.startsWith('.')
          ? 'no uploaded file has this path'
          : 'only uploaded files and node: modules can be imported (a client that bundles, like "zerodb deploy", brings packages along)'
        return { errors: [{ text: `"${path}" cannot be imported: ${hint}` }] }
      })
      builder.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        // A comment that names a source map would make the bundler look for it.
        contents: withPlace(path, files[path]!.replace(/^\/\/[#@] sourceMappingURL=.*$/gm, '')),
        loader: LOADERS[posix.extname(path)] ?? 'text',
      }))
    },
  }
}

/** Replaces location properties of `import.meta`, so that they refer to the uploaded file, not to the bundle, and relative file paths work. */
const PLACE = {
  'import.meta.url': '$moduleUrl',
  'import.meta.filename': '$modulePath',
  'import.meta.dirname': '$moduleFolder',
}

/** Adds the location constants to the first line, so that line numbers stay. */
function withPlace(path: string, text: string): string {
  const used = Object.entries(PLACE).filter(([property]) => text.includes(property))
  const isScript = /\.[cm]?[jt]sx?$/.test(path) && !text.startsWith('#!')
  if (used.length === 0 || !isScript) return text
  return `${used.map(([, name]) => `const ${name} = ${name}Of(${JSON.stringify(path)});`).join('')} ${text}`
}

async function bundle({ files, entry }: BundleJob): Promise<BundleAnswer> {
  try {
    const { outputFiles, warnings } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      outfile: 'index.mjs',
      sourcemap: 'external',
      sourcesContent: false,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      // `require` for CommonJS files of packages.
      banner: {
        js: [
          "import { createRequire as $createRequire } from 'node:module'; import { fileURLToPath as $fileURLToPath } from 'node:url';",
          'const require = $createRequire(import.meta.url);',
          'const $moduleUrlOf = (path) => new URL(path.split("/").map(encodeURIComponent).join("/"), import.meta.url).href;',
          'const $modulePathOf = (path) => $fileURLToPath($moduleUrlOf(path));',
          'const $moduleFolderOf = (path) => $fileURLToPath(new URL(".", $moduleUrlOf(path))).replace(/\\/$/, "");',
        ].join(' '),
      },
      define: PLACE,
      tsconfigRaw: '{}',
      logLevel: 'silent',
      legalComments: 'none',
      plugins: [uploaded(files)],
    })
    const textOf = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))!.text
    return {
      code: textOf('index.mjs'),
      source_map: textOf('.map'),
      warnings: warnings.map(
        ({ text: warning, location }) => `${location?.file ?? ''}:${location?.line ?? ''} ${warning}`,
      ),
    }
  } catch (error) {
    const { errors } = error as BuildFailure
    if (!errors) throw error
    return {
      problems: errors.map(({ text: message, location }) => ({
        message,
        file: location?.file.replace(`${NAMESPACE}:`, '') ?? null,
        line: location?.line ?? null,
        column: location ? location.column + 1 : null,
      })),
    }
  }
}

const job = JSON.parse(await text(process.stdin)) as BundleJob
process.send!(await bundle(job), () => process.exit())
