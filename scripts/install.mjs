// Installs the packages of package-lock.json unless node_modules already has them.
// Runs before anything is installed, on Linux, macOS and Windows, so this file imports only modules of Node.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { tooOld } from '../src/platform/node-version.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const lockFile = join(root, 'package-lock.json')
// npm writes this file last, so it is missing after an incomplete installation.
const installedFile = join(root, 'node_modules', '.package-lock.json')
const stampFile = join(root, 'node_modules', '.zerodb-install.json')

/** Prints to stderr: stdout is for output that other programs read. */
const log = (line) => console.error(line)

/**
 * Installs the packages of package-lock.json. Packages that are bundled into the program are development dependencies, so the build needs
 * those as well. Returns false, after a message with the reason and the remedy, if that is not possible.
 */
export async function installDependencies() {
  const refusal = tooOld(readJson(join(root, 'package.json')).engines.node)
  if (refusal !== null) {
    log(refusal)
    return false
  }
  if (isInstalled()) {
    log('install: up to date')
    return true
  }
  log('install: npm ci (takes a while the first time)')
  const started = Date.now()
  // With npm's default pauses between attempts, an installation without a network takes over a minute to fail.
  const retries = ['--fetch-retries=3', '--fetch-retry-mintimeout=2000', '--fetch-retry-maxtimeout=10000']
  const { code, output, interrupted } = await npm(['ci', '--loglevel=error', ...retries])
  if (interrupted) return false
  if (code !== 0) {
    log(output.trimEnd())
    log(`install: failed. ${remedy(output)}`)
    return false
  }
  writeStamp()
  log(`install: done in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return true
}

/**
 * Installs and builds with a message for each step, and skips a step that is up to date.
 * Returns false, after a message with the reason, if a step fails.
 */
export async function prepare() {
  if (!(await installDependencies())) return false
  // In a separate process: the 400 MB that creating the database template takes must not stay allocated in the program.
  const { code, output } = await run(process.execPath, [join(root, 'scripts', 'build.mjs')], { capture: true })
  log(code === 0 ? output.trimEnd() : 'build: failed')
  return code === 0
}

/**
 * Sends SIGTERM to this process when npm, its parent, has ended. npm forwards a signal only to its shell, which dies and leaves
 * this process running (Ctrl-C is different: the terminal sends it to all processes).
 */
export function endWithNpm() {
  if (!process.env['npm_lifecycle_event']) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 500)
  watch.unref()
}

/**
 * Runs a program in the root of the repository and waits for its end. The program inherits stdin, stdout and stderr. `quiet` collects
 * both outputs instead, `capture` only stdout. Signals are forwarded to the program; `interrupted` tells that there was one.
 * `code` is what a shell would report: 128 plus the signal's number, or 127 for a program that cannot be started.
 */
export function run(command, args, { env = process.env, quiet = false, capture = false, shell = false } = {}) {
  return new Promise((resolve) => {
    const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : ['inherit', capture ? 'pipe' : 'inherit', 'inherit']
    const child = spawn(command, args, { cwd: root, env, shell, stdio, windowsHide: true })
    let output = ''
    let interrupted = false
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text))
    const forward = (signal) => {
      interrupted = true
      child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    const finish = (code) => {
      for (const signal of signals) process.off(signal, forward)
      resolve({ code, output, interrupted })
    }
    child.on('error', (error) => {
      output += `${command}: ${error.message}\n`
      if (!quiet) log(`${command}: ${error.message}`)
      finish(127)
    })
    child.on('close', (code, signal) => finish(code ?? 128 + (constants.signals[signal] ?? 0)))
  })
}

/** Runs npm. npm_execpath is the path of npm-cli.js if npm started this script; then no shell is needed. */
function npm(args) {
  const cli = process.env['npm_execpath']
  if (cli && basename(cli) === 'npm-cli.js' && existsSync(cli)) {
    return run(process.execPath, [cli, ...args], { quiet: true })
  }
  // On Windows npm is a .cmd file, which only a shell can start.
  if (process.platform === 'win32') return run(['npm.cmd', ...args].join(' '), [], { quiet: true, shell: true })
  return run('npm', args, { quiet: true })
}

function isInstalled() {
  if (!existsSync(lockFile) || !existsSync(installedFile)) return false
  const stamp = readJson(stampFile)
  if (stamp?.state === state()) return true
  if (!isCovered()) return false
  writeStamp()
  return true
}

/** Returns a hash that changes with the lock file, with every run of npm in this folder, and with the platform. */
function state() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  return hash.update(readFileSync(lockFile)).update(readFileSync(installedFile)).digest('hex')
}

function writeStamp() {
  if (existsSync(installedFile)) writeFileSync(stampFile, `${JSON.stringify({ state: state() })}\n`)
}

/** Returns whether node_modules has exactly the packages of the lock file, as after an `npm ci` by hand. */
function isCovered() {
  const wanted = readJson(lockFile)?.packages ?? {}
  const installed = readJson(installedFile)?.packages ?? {}
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = installed[path]
    if (found) return found.version === entry.version && found.integrity === entry.integrity
    // npm leaves out optional packages for other platforms, and the packages that only those need.
    return (entry.optional || entry.devOptional) && !(entry.os && isForThisMachine(entry))
  })
}

function isForThisMachine({ os, cpu, libc }) {
  const musl = process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime
  const fits = (list, value) => !list || list.includes(value)
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, musl ? 'musl' : 'glibc')
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // The file is missing or incomplete; in both cases the packages are installed again.
    return undefined
  }
}

function remedy(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ENOTCACHED/.test(output)) {
    return 'npm cannot reach its registry: connect to the network (or set the proxy with `npm config set proxy`) and run this again, or copy the whole folder with node_modules from a machine where it is installed.'
  }
  if (/ENOSPC/.test(output)) return 'The disk is full: free some space and run this again.'
  if (/EACCES|EPERM/.test(output))
    return 'This user may not write here: check the owner of this folder and of node_modules.'
  if (/npm: spawn|ENOENT.*npm/.test(output))
    return 'npm was not found: it comes with Node, install it and run this again.'
  return 'The output of npm is above; `npm ci` shows it again.'
}
