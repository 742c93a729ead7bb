// Bundles the program and its worker threads into dist/, copies the migrations and prepares the database template.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')

/** Changes whenever anything that the build reads changes. */
function fingerprint() {
  const hash = createHash('sha256')
  const visit = (path) => {
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name))
    else if (!path.endsWith('.test.ts')) hash.update(path.slice(root.length)).update(readFileSync(path))
  }
  for (const name of ['src', 'scripts', 'package-lock.json']) visit(join(root, name))
  return hash.digest('hex')
}

/** Builds what is not up to date. Returns what was done, in words. */
export async function build() {
  const stamp = join(dist, 'built')
  const now = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return 'up to date'

  const { build: bundle } = await import('esbuild')
  const workers = {
    'workers/pglite': 'db/pglite-worker',
    'workers/embedding': 'embedding/worker',
    'workers/language': 'language/worker',
    'workers/text': 'text/worker',
  }
  const entries = { zerodb: 'cli/index', ...workers }
  rmSync(stamp, { force: true })
  await bundle({
    entryPoints: Object.fromEntries(
      Object.entries(entries)
        .map(([out, source]) => [out, join(root, 'src', `${source}.ts`)])
        .filter(([, source]) => existsSync(source)),
    ),
    outdir: dist,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'linked',
    logLevel: 'warning',
  })
  rmSync(join(dist, 'migrations'), { recursive: true, force: true })
  cpSync(join(root, 'src', 'db', 'migrations'), join(dist, 'migrations'), { recursive: true })
  mkdirSync(dist, { recursive: true })
  const template = existsSync(join(root, 'src', 'db', 'pglite-worker.ts')) ? await prepareTemplate() : ''
  writeFileSync(stamp, now)
  return `built${template}`
}

/** An initialised, empty PGlite directory with our extensions: a first start unpacks it in place of running initdb. */
async function prepareTemplate() {
  const { PGlite } = await import('@electric-sql/pglite')
  const { vector } = await import('@electric-sql/pglite-pgvector')
  const version = JSON.parse(readFileSync(join(root, 'node_modules/@electric-sql/pglite/package.json'), 'utf8')).version
  const vectorVersion = JSON.parse(
    readFileSync(join(root, 'node_modules/@electric-sql/pglite-pgvector/package.json'), 'utf8'),
  ).version
  const name = `template-${version}-${vectorVersion}.tar.gz`
  if (existsSync(join(dist, name))) return ''
  const database = await PGlite.create({ extensions: { vector } })
  await database.exec('create extension if not exists vector; checkpoint')
  const dump = await database.dumpDataDir('gzip')
  await database.close()
  for (const old of readdirSync(dist)) if (old.startsWith('template-')) rmSync(join(dist, old))
  writeFileSync(join(dist, name), Buffer.from(await dump.arrayBuffer()))
  return ', with a new database template'
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(`build: ${await build()}`)
