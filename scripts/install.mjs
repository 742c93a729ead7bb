// Installs what package-lock.json names, and only when node_modules does not already hold it.
// Runs before anything is installed: only what Node brings, on Linux, macOS and Windows alike.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { tooOld } from '../src/platform/node-version.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const lockFile = join(root, 'package-lock.json')
// npm writes this one last, so it is missing after an installation that did not finish.
const installedFile = join(root, 'node_modules', '.package-lock.json')
const stampFile = join(root, 'node_modules', '.zerodb-install.json')

/** What people see of a step; whatever a program reads goes to stdout, so that these lines never mix with it. */
const say = (line) => console.error(line)

/**
 * Brings node_modules to what package-lock.json says. What is bundled into the program are development dependencies, so all of them are
 * needed to build it. False, having said why and what to do, when that is not possible.
 */
export async function installDependencies() {
  const refusal = tooOld(readJson(join(root, 'package.json')).engines.node)
  if (refusal !== null) {
    say(refusal)
    return false
  }
  if (isInstalled()) {
    say('install: up to date')
    return true
  }
  say('install: npm ci (takes a while the first time)')
  const started = Date.now()
  // npm's own pauses between attempts make a minute and more of waiting where there is no network.
  const patience = ['--fetch-retries=3', '--fetch-retry-mintimeout=2000', '--fetch-retry-maxtimeout=10000']
  const { code, output, interrupted } = await npm(['ci', '--loglevel=error', ...patience])
  if (interrupted) return false
  if (code !== 0) {
    say(output.trimEnd())
    say(`install: failed. ${remedy(output)}`)
    return false
  }
  writeStamp()
  say(`install: done in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return true
}

/**
 * Installs and builds, saying each in a line; skips what is up to date.
 * False, having said why, when one of the two fails.
 */
export async function prepare() {
  if (!(await installDependencies())) return false
  // In a process of its own: what the making of the database template takes (400 MB) must not stay with the program.
  const { code, output } = await run(process.execPath, [join(root, 'scripts', 'build.mjs')], { capture: true })
  say(code === 0 ? output.trimEnd() : 'build: failed')
  return code === 0
}

/**
 * Ends this process as SIGTERM does when npm, which started it, is gone. npm passes a signal on to its shell only, which
 * dies of it and leaves us behind (Ctrl-C is different: the terminal sends it to everybody).
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
 * Runs a program to its end, in the root of the repository, with our own input and output; `quiet` collects its output
 * instead, `capture` only what it writes to stdout. Passes signals on to it: `interrupted` says that there was one.
 * A program that a signal ended has the code a shell would give it; one that cannot be started has 127.
 */
export function run(command, args, { env = process.env, quiet = false, capture = false, shell = false } = {}) {
  return new Promise((resolve) => {
    const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : ['inherit', capture ? 'pipe' : 'inherit', 'inherit']
    const child = spawn(command, args, { cwd: root, env, shell, stdio, windowsHide: true })
    let output = ''
    let interrupted = false
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text))
    const pass = (signal) => {
      interrupted = true
      child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, pass)
    const finish = (code) => {
      for (const signal of signals) process.off(signal, pass)
      resolve({ code, output, interrupted })
    }
    child.on('error', (error) => {
      output += `${command}: ${error.message}\n`
      if (!quiet) say(`${command}: ${error.message}`)
      finish(127)
    })
    child.on('close', (code, signal) => finish(code ?? 128 + (constants.signals[signal] ?? 0)))
  })
}

/** npm itself, without a shell where it can be found: npm says where it is to the scripts it runs. */
function npm(args) {
  const own = process.env['npm_execpath']
  if (own && basename(own) === 'npm-cli.js' && existsSync(own)) {
    return run(process.execPath, [own, ...args], { quiet: true })
  }
  // On Windows npm is a .cmd file, which only a shell starts.
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

/** Changes with the lock file, with every run of npm in this folder, and with a copy to another kind of machine. */
function state() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  return hash.update(readFileSync(lockFile)).update(readFileSync(installedFile)).digest('hex')
}

function writeStamp() {
  if (existsSync(installedFile)) writeFileSync(stampFile, `${JSON.stringify({ state: state() })}\n`)
}

/** True if someone has installed exactly the wanted packages by hand: a second installation would only cost time. */
function isCovered() {
  const wanted = readJson(lockFile)?.packages ?? {}
  const installed = readJson(installedFile)?.packages ?? {}
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = installed[path]
    if (found) return found.version === entry.version && found.integrity === entry.integrity
    // Of the optional ones, those of other machines are left out, and so is what only they need.
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
    // Missing or cut short: the same to us, both mean "install again".
    return undefined
  }
}

function remedy(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ENOTCACHED/.test(output)) {
    return 'npm cannot reach its registry: connect to the network (or set the proxy with `npm config set proxy`) and run this again, or copy the whole folder with node_modules from a machine where it is installed.'
  }
  if (/ENOSPC/.test(output)) return 'The disk is full: make room and run this again.'
  if (/EACCES|EPERM/.test(output)) return 'This user may not write here: check who owns this folder and node_modules.'
  if (/npm: spawn|ENOENT.*npm/.test(output))
    return 'npm was not found: it comes with Node, install it and run this again.'
  return 'What npm said is above; `npm ci` repeats it.'
}
