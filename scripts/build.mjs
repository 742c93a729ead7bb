// Bundles the program and its worker threads into dist/, copies the migrations and prepares the database template.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { notices } from './notices.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** Returns a hash of all files that the build reads. */
function fingerprint() {
  const hash = createHash('sha256')
  const visit = (path) => {
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name))
    else if (!path.endsWith('.test.ts')) hash.update(path.slice(root.length)).update(readFileSync(path))
  }
  for (const name of ['src', 'scripts', 'package.json', 'package-lock.json']) visit(join(root, name))
  return hash.digest('hex')
}

/** Builds the program unless dist/ is up to date. Returns a message that says what was done. */
export async function build() {
  const stamp = join(dist, 'built')
  const now = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return 'up to date'

  const { build: bundle } = await import('esbuild')
  const workers = {
    'workers/pglite': 'db/pglite/worker',
    'workers/embedding': 'embedding/worker',
    'workers/language': 'language/worker',
    'workers/text': 'text/worker',
    'workers/bundle': 'functions/bundle-worker',
  }
  const entries = { zerodb: 'cli/index', ...workers }
  rmSync(stamp, { force: true })
  for (const old of ['chunks', 'workers']) rmSync(join(dist, old), { recursive: true, force: true })
  const program = await bundle({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(Object.entries(entries).map(([out, source]) => [out, `src/${source}.ts`])),
    outdir: dist,
    bundle: true,
    // Modules that only some commands need become separate chunks.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // These packages contain executables, WebAssembly or models, which cannot be bundled.
    external: Object.keys(readJson(join(root, 'package.json')).dependencies),
    // Bundled CommonJS packages call `require`, which an ES module does not have.
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
    sourcemap: 'linked',
    metafile: true,
    logLevel: 'warning',
  })
  const clientOptions = {
    absWorkingDir: root,
    entryPoints: [join(root, 'src', 'client', 'index.ts')],
    bundle: true,
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'warning',
  }
  const client = await bundle({
    ...clientOptions,
    outfile: join(dist, 'client', 'index.js'),
    format: 'esm',
    sourcemap: 'linked',
    metafile: true,
  })
  // Node before 20.19 cannot require() an ES module. The folder's package.json makes its code and its types CommonJS.
  await bundle({ ...clientOptions, outfile: join(dist, 'client', 'cjs', 'index.js'), format: 'cjs' })
  writeFileSync(join(dist, 'client', 'cjs', 'package.json'), '{ "type": "commonjs" }\n')
  const sources = [program, client].flatMap(({ metafile }) => Object.keys(metafile.inputs))
  writeFileSync(join(dist, 'THIRD-PARTY-NOTICES.txt'), notices(sources))
  rmSync(join(dist, 'migrations'), { recursive: true, force: true })
  cpSync(join(root, 'src', 'db', 'migrations'), join(dist, 'migrations'), { recursive: true })
  rmSync(join(dist, 'guest'), { recursive: true, force: true })
  cpSync(join(root, 'src', 'sandbox', 'guest'), join(dist, 'guest'), { recursive: true })
  mkdirSync(dist, { recursive: true })
  const template = existsSync(join(root, 'src', 'db', 'pglite', 'worker.ts')) ? await prepareTemplate(bundle) : ''
  writeFileSync(stamp, now)
  return `built${template}`
}

/** Packs an empty PGlite directory with extension and schema. A first start unpacks it instead of running initdb and migrations. */
async function prepareTemplate(bundle) {
  const versionOf = (name) => readJson(join(root, 'node_modules', name, 'package.json')).version
  const schema = createHash('sha256')
  const migrations = join(dist, 'migrations')
  for (const file of readdirSync(migrations).sort()) schema.update(file).update(readFileSync(join(migrations, file)))
  const name = [
    'template',
    versionOf('@electric-sql/pglite'),
    versionOf('@electric-sql/pglite-pgvector'),
    `${schema.digest('hex').slice(0, 12)}.tar.gz`,
  ].join('-')
  if (existsSync(join(dist, name))) return ''

  const { PGlite } = await import('@electric-sql/pglite')
  const { vector } = await import('@electric-sql/pglite-pgvector')
  const database = await PGlite.create({ extensions: { vector } })
  await runMigrations(bundle, database, migrations)
  await database.exec('checkpoint')
  const dump = await database.dumpDataDir('gzip')
  await database.close()
  for (const old of readdirSync(dist)) if (old.startsWith('template-')) rmSync(join(dist, old))
  writeFileSync(join(dist, name), Buffer.from(await dump.arrayBuffer()))
  return ', with a new database template'
}

/** Runs the program's migrations on a PGlite in this process. */
async function runMigrations(bundle, pglite, folder) {
  const program = join(dist, 'migrate.mjs')
  const source = join(root, 'src', 'db', 'migrate.ts')
  await bundle({
    entryPoints: [source],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  })
  const { migrate } = await import(pathToFileURL(program).href)
  const query = async ({ text, values }) => (await pglite.query(text, values)).rows
  const transaction = async (body) => {
    await pglite.exec('begin')
    const result = await body({ query })
    await pglite.exec('commit')
    return result
  }
  await migrate({ query, transaction }, folder)
  rmSync(program)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(`build: ${await build()}`)
