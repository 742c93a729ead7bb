// Runs a PostgreSQL 17 with pgvector for tests in a chroot with Debian 13; nothing outside its folder is changed.
// Needs root on a Debian-like Linux. The first start downloads the packages, later ones take two seconds.
//
//   node scripts/postgres.mjs start [--for=PID]   starts it, or uses the running one; the last line on stdout is its URL
//   node scripts/postgres.mjs status              prints its URL if it is running; otherwise exit code 1
//   node scripts/postgres.mjs stop                stops it and removes its data
//   node scripts/postgres.mjs stop --for=PID      stops it unless another process still uses it
//   node scripts/postgres.mjs crash               stops it immediately, as a power failure would
//   node scripts/postgres.mjs resume              starts it again after a crash, with its data and at its URL
//   … --cluster=NAME                              another server with separate data
//
// The server listens on a free port of the loopback address only and requires a password. A start of a stopped server
// creates an empty cluster. With --for the server is in use as long as that process lives, without it until `stop`.
// ZERODB_TEST_POSTGRES_ROOT is the folder (700 MB); default: zerodb-test-postgres in the folder for temporary files.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './install.mjs'

const root = resolve(process.env['ZERODB_TEST_POSTGRES_ROOT'] ?? join(tmpdir(), 'zerodb-test-postgres'))
const bin = '/usr/lib/postgresql/17/bin'
const cluster = process.argv.find((option) => option.startsWith('--cluster='))?.slice(10) ?? 'test'
const data = `/var/lib/postgresql/zerodb-${cluster}`
const logFile = `/var/log/postgresql/zerodb-${cluster}.log`
const stateFolder = join(root, `var/lib/zerodb-${cluster}`)
const urlFile = join(stateFolder, 'url')
const usersFolder = join(stateFolder, 'users')

// After `su`, the PATH of root lacks /usr/sbin and /sbin.
const machineEnv = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, DEBIAN_FRONTEND: 'noninteractive' }

const log = (line) => console.error(`postgres: ${line}`)

/** Returns the reason why this machine cannot run a PostgreSQL for tests, or undefined if it can. */
export function findObstacle() {
  if (process.platform !== 'linux') return 'it can be prepared on Linux only'
  if (process.getuid() !== 0) return 'preparing it needs root'
  if (!isPrepared() && !existsSync('/etc/debian_version')) return 'preparing it needs a Debian-like system'
  return undefined
}

async function start(user) {
  const release = await lock()
  try {
    if (!isPrepared()) await prepareRoot()
    let url = runningUrl()
    if (!url) {
      rmSync(stateFolder, { recursive: true, force: true })
      mkdirSync(usersFolder, { recursive: true, mode: 0o700 })
      url = await startCluster()
    }
    writeFileSync(join(usersFolder, user), '')
    console.log(url)
  } finally {
    release()
  }
}

async function stop(user) {
  if (!isPrepared()) return
  const release = await lock()
  try {
    if (!runningUrl()) return
    if (user) {
      rmSync(join(usersFolder, user), { force: true })
      if (readdirSync(usersFolder).some(isInUse)) return
    }
    await mustDo(inRoot(`${bin}/pg_ctl`, '-D', data, '-m', 'fast', '-t', '120', 'stop'), 'it did not stop')
    rmSync(stateFolder, { recursive: true, force: true })
    rmSync(join(root, data), { recursive: true, force: true })
    log('stopped')
  } finally {
    release()
  }
}

async function crash() {
  if (!runningUrl()) throw new Error('not running')
  await mustDo(inRoot(`${bin}/pg_ctl`, '-D', data, '-m', 'immediate', '-t', '60', 'stop'), 'it did not stop')
  log('crashed')
}

async function resume() {
  const port = new URL(readFileSync(urlFile, 'utf8')).port
  const started = inRoot(`${bin}/pg_ctl`, '-D', data, '-l', logFile, '-o', `-p ${port}`, '-t', '60', '-w', 'start')
  await mustDo(started, 'it did not start again', logFile)
  log(`started again on port ${port}`)
}

/** Checks that the folder belongs to root and has both packages. An incomplete folder has a temporary name. */
function isPrepared() {
  if (!existsSync(join(root, bin, 'postgres'))) return false
  if (!existsSync(join(root, 'usr/share/postgresql/17/extension/vector.control'))) return false
  const { uid, mode } = lstatSync(root)
  if (uid !== 0 || (mode & 0o022) !== 0)
    throw new Error(`${root} must belong to root, and no other user may write to it`)
  return true
}

async function prepareRoot() {
  if (existsSync(root) && readdirSync(root).length > 0) throw new Error(`${root} contains other files: remove it first`)
  if (!existsSync('/usr/sbin/debootstrap')) {
    log('installing debootstrap (apt-get install debootstrap)')
    const install = () => run('apt-get', ['install', '-y', 'debootstrap'], { env: machineEnv, quiet: true })
    // A fresh machine has no package lists yet.
    if ((await install()).code !== 0) {
      await run('apt-get', ['update'], { env: machineEnv, quiet: true })
      await mustDo(install(), 'debootstrap cannot be installed')
    }
  }
  mkdirSync(dirname(root), { recursive: true })
  await removeIncomplete()
  // Never the name of an earlier attempt, whose child processes may still write to its folder.
  const incomplete = `${root}.tmp-${process.pid}`
  const mirror = debianMirror()
  log(`preparing PostgreSQL 17 with pgvector in ${root} (once; about a minute)`)
  mkdirSync(incomplete, { mode: 0o755 })
  const packages = '--include=postgresql-17,postgresql-17-pgvector'
  const made = run('debootstrap', ['--variant=minbase', packages, 'trixie', incomplete, mirror], {
    env: { ...machineEnv, ...(await aptProxy()) },
    quiet: true,
  })
  await mustDo(made, 'debootstrap failed')
  rmSync(join(incomplete, 'var/cache/apt/archives'), { recursive: true, force: true })
  rmSync(root, { recursive: true, force: true })
  renameSync(incomplete, root)
}

/** Removes the folders of interrupted attempts. Unmounts first, so that no file of the machine is deleted through a mount. */
async function removeIncomplete() {
  const start = `${basename(root)}.tmp-`
  for (const name of readdirSync(dirname(root)).filter((each) => each.startsWith(start))) {
    const incomplete = join(dirname(root), name)
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    const inside = mounts.map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${incomplete}/`))
    for (const mount of inside.reverse()) {
      await mustDo(run('umount', ['--lazy', mount], { quiet: true }), `${mount} is still mounted`)
    }
    rmSync(incomplete, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Returns the Debian archive that this machine is configured to install from. */
function debianMirror() {
  const isRelease = (suite) => /^(bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)$/.test(suite)
  const isArchive = ({ uri, suites, components }) =>
    components.includes('main') && suites.some(isRelease) && /\/debian\/?$|\/archive\/debian\//.test(uri)
  const found = aptSources().find(isArchive)
  if (!found) throw new Error('the apt configuration (/etc/apt/sources.list*) names no Debian archive to install from')
  return found.uri
}

/** Returns all archives of the apt configuration, from .list and .sources files. */
function aptSources() {
  const folder = '/etc/apt/sources.list.d'
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
  const sources = []
  for (const file of ['/etc/apt/sources.list', ...files].filter((path) => existsSync(path))) {
    const text = readFileSync(file, 'utf8').replace(/^\s*#.*\n?/gm, '')
    if (file.endsWith('.sources')) {
      for (const stanza of text.split(/\n\s*\n/)) {
        const words = (field) => {
          const value = new RegExp(`^${field}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? ''
          return value.split(/\s+/).filter(Boolean)
        }
        if (!words('Types').includes('deb') || words('Enabled').includes('no')) continue
        const uris = words('URIs').flatMap(mirrorsOf)
        for (const uri of uris) sources.push({ uri, suites: words('Suites'), components: words('Components') })
      }
    } else if (file.endsWith('.list')) {
      for (const [, uri, suite, components] of text.matchAll(/^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)(.*)$/gm)) {
        for (const each of mirrorsOf(uri))
          sources.push({ uri: each, suites: [suite], components: components.trim().split(/\s+/) })
      }
    }
  }
  return sources
}

/** Resolves `mirror+file:`, with which cloud images name a file that lists the mirrors. */
function mirrorsOf(uri) {
  if (!uri.startsWith('mirror+file:')) return [uri]
  const file = uri.replace(/^mirror\+file:\/*/, '/')
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split(/\s+/)
        .filter((word) => word.includes('://'))
    : []
}

/** Returns apt's proxy as environment variables: debootstrap does not read the configuration of apt. */
async function aptProxy() {
  const { output } = await run(
    'apt-config',
    ['shell', 'http', 'Acquire::http::Proxy', 'https', 'Acquire::https::Proxy'],
    {
      quiet: true,
    },
  )
  const found = [...output.matchAll(/^(https?)='(.+)'$/gm)].filter(([, , proxy]) => proxy !== 'DIRECT')
  return Object.fromEntries(found.map(([, scheme, proxy]) => [`${scheme}_proxy`, proxy]))
}

/** Creates an empty cluster and starts it. Removes the data of an earlier one, so that tests start with an empty database. */
async function startCluster() {
  const password = randomBytes(12).toString('hex')
  const passwordFile = `${data}.password`
  rmSync(join(root, data), { recursive: true, force: true })
  rmSync(join(root, logFile), { force: true })
  try {
    writeFileSync(join(root, passwordFile), password, { mode: 0o600 })
    const { uid, gid } = lstatSync(join(root, 'var/lib/postgresql'))
    chownSync(join(root, passwordFile), uid, gid)
    // C.UTF-8 is the only UTF-8 locale of a minimal installation.
    const settings = ['--locale=C.UTF-8', '--encoding=UTF8', '--username=postgres', '--auth=scram-sha-256', '--no-sync']
    await mustDo(inRoot(`${bin}/initdb`, '-D', data, ...settings, `--pwfile=${passwordFile}`), 'initdb failed')
  } finally {
    rmSync(join(root, passwordFile), { force: true })
  }
  // System V shared memory needs no mount in the chroot; the default, POSIX shared memory, does.
  appendFileSync(
    join(root, data, 'postgresql.conf'),
    `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = on
dynamic_shared_memory_type = sysv
`,
  )
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const started = inRoot(`${bin}/pg_ctl`, '-D', data, '-l', logFile, '-o', `-p ${port}`, '-t', '60', '-w', 'start')
    // Another process may have taken the port in between.
    if (attempt < 3 && (await started).code !== 0) continue
    await mustDo(started, 'it did not start', logFile)
    const url = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`
    writeFileSync(urlFile, url, { mode: 0o600 })
    log(`started on port ${port}`)
    return url
  }
}

/** Returns the URL if the server runs. Checks the root directory of the process, because process ids are reused. */
function runningUrl() {
  try {
    const pid = Number.parseInt(readFileSync(join(root, data, 'postmaster.pid'), 'utf8'), 10)
    if (readlinkSync(`/proc/${pid}/root`) !== realpathSync(root)) return undefined
    return readFileSync(urlFile, 'utf8')
  } catch {
    // A file is missing, so the server is not running.
    return undefined
  }
}

function isInUse(user) {
  if (user === 'until-stop') return true
  try {
    process.kill(Number(user), 0)
    return true
  } catch {
    return false
  }
}

/** Waits until no other start or stop is running. The kernel releases the lock if this process dies. */
async function lock() {
  const file = `${root}.lock`
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = setTimeout(() => log('waiting for another start or stop to finish'), 2000)
  await new Promise((done, fail) => {
    holder.stdout.once('data', done)
    holder.once('error', fail)
    holder.once('exit', () => fail(new Error(`${file} cannot be locked`)))
  }).finally(() => clearTimeout(waiting))
  return () => holder.stdin.end()
}

/** Runs a program as the user postgres in the chroot, without the environment of this process. */
function inRoot(...command) {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' }
  return run('chroot', ['--userspec=postgres:postgres', root, ...command], { env, quiet: true })
}

async function mustDo(running, complaint, file) {
  const { code, output } = await running
  if (code === 0) return
  const inFile = file && existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : ''
  const lines = `${output}${inFile}`.trimEnd().split('\n').slice(-30)
  throw new Error(`${complaint}:\n${lines.join('\n')}`)
}

function freePort() {
  return new Promise((done, fail) => {
    const server = createServer()
    server.once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}

async function main([command, ...options]) {
  const user = options.map((option) => /^--for=(\d+)$/.exec(option)?.[1]).find(Boolean)
  if (!options.every((option) => /^--for=\d+$|^--cluster=[a-z]+$/.test(option))) return usage()
  if (!['start', 'status', 'stop', 'crash', 'resume'].includes(command)) return usage()
  const obstacle = findObstacle()
  if (obstacle) throw new Error(`PostgreSQL for tests is not available: ${obstacle}`)
  if (command === 'start') await start(user ?? 'until-stop')
  else if (command === 'stop') await stop(user)
  else if (command === 'crash') await crash()
  else if (command === 'resume') await resume()
  else {
    const url = isPrepared() ? runningUrl() : undefined
    if (!url) throw new Error('not running')
    console.log(url)
  }
}

function usage() {
  log(
    'node scripts/postgres.mjs start [--for=PID] | status | stop [--for=PID] | crash | resume, each with [--cluster=NAME]',
  )
  process.exitCode = 2
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    log(error.message)
    process.exitCode = 1
  }
}
