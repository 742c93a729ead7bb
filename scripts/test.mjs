// `npm test`: installs packages, then runs lint, the check of wording, types, unused exports, all tests on PGlite, and the tests that use a database again on
// PostgreSQL. At the end it names each failed test, then prints a table of the suites. The last line is `N passed, N failed`
// (and `, N skipped` if there were any); exit code 1 if anything failed.
//
//   npm test                   PostgreSQL only if ZERODB_TEST_DATABASE_URL names one (with pgvector)
//   npm test -- --postgres     as root on Debian: starts a PostgreSQL (scripts/postgres.mjs) and stops it afterwards
//   npm test -- FILTER …       only the tests of these files, on PGlite; vitest's own options work too
//
// With CI set to true, PostgreSQL is required as with --postgres. A missing requirement (PostgreSQL, Python, its package
// `requests`, bubblewrap) then counts as failed instead of skipped.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { provideBubblewrap } from './bubblewrap.mjs'
import { endWithNpm, installDependencies, run } from './install.mjs'
import { findObstacle } from './postgres.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
// Not all of test/contract: the tests of the sandbox take minutes and use no database.
const databaseFolders = [
  'test/contract/database',
  'test/contract/hooks-schema',
  'test/contract/migrate',
  'test/scenarios',
  'test/cli/keep',
  'src/store',
  'test/properties',
  'test/chaos',
]
const MAX_MESSAGE_CHARS = 300
const isCi = !['', '0', 'false', undefined].includes(process.env['CI'])
const options = process.argv.slice(2)
const filters = options.filter((option) => option !== '--postgres' && option !== '--')
const wantsPostgres = isCi || options.includes('--postgres')

/** Rows of the table at the end: { name, passed, failed, skipped, seconds } or { name, note }. */
const suites = []
/** One line for each failed test, printed right before the table: a log that lost its beginning still names them. */
const failures = []
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true
    process.exitCode = 128 + constants.signals[signal]
  })
}

endWithNpm()

if (!(await installDependencies())) suites.push({ name: 'install', passed: 0, failed: 1, skipped: 0 })
else if (filters.length > 0) await suite('PGlite', () => vitest(filters, withoutServer()))
else {
  await suite('lint', () => program('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'))
  await suite('language', () => program('../scripts/language.mjs'))
  await suite('types', () => program('typescript/bin/tsc', '--noEmit'))
  await suite('unused', () => program('knip/bin/knip.js'))
  await checkPython()
  await checkSandbox()
  await suite('PGlite', () => vitest([], withoutServer()))
  await testOnPostgres()
  await fuzz()
}
report()

async function suite(name, body) {
  if (interrupted) return
  console.log(`\n${name}:`)
  const started = Date.now()
  const { failures: failed, ...outcome } = await body()
  suites.push({ name, ...outcome, seconds: (Date.now() - started) / 1000 })
  for (const each of failed) failures.push(`${name}  ${each}`)
}

/** Runs a program, which counts as one test. */
async function program(file, ...args) {
  const { code } = await run(process.execPath, [join(root, 'node_modules', file), ...args])
  return outcomeOf(file, code)
}

function outcomeOf(command, code) {
  if (code === 0) return { passed: 1, failed: 0, skipped: 0, failures: [] }
  return { passed: 0, failed: 1, skipped: 0, failures: [`${command} ended with exit code ${code}`] }
}

async function vitest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'zerodb-test-'))
  const file = join(folder, 'results.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const vitestFile = join(root, 'node_modules/vitest/vitest.mjs')
    const { code } = await run(process.execPath, [vitestFile, 'run', ...reporters, ...args], { env })
    return count(file, code)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A file that failed before its first test is one failure, and so is a run that failed without a failed test. */
function count(file, code) {
  let passed = 0
  let skipped = 0
  const failures = []
  try {
    const results = JSON.parse(readFileSync(file, 'utf8'))
    passed = results.numPassedTests
    skipped = results.numPendingTests + results.numTodoTests
    for (const { name, status, message, assertionResults } of results.testResults) {
      const failed = assertionResults.filter((test) => test.status === 'failed')
      for (const test of failed) failures.push(failure(name, test.fullName, test.failureMessages.join('\n')))
      if (status === 'failed' && failed.length === 0) failures.push(failure(name, '(the file itself)', message))
    }
  } catch (error) {
    console.log(`The results of the tests cannot be read: ${error.message}`)
  }
  if (failures.length === 0 && (code !== 0 || passed + skipped === 0)) {
    failures.push(`vitest ended with exit code ${code} without a failed test, see its output`)
  }
  return { passed, failed: failures.length, skipped, failures }
}

function failure(file, title, message) {
  const firstLine = stripVTControlCharacters(message).trim().split('\n', 1)[0].slice(0, MAX_MESSAGE_CHARS)
  return `${relative(root, file)}  ${title}: ${firstLine}`
}

function withoutServer() {
  const { ZERODB_TEST_DATABASE_URL: _, ...env } = process.env
  return env
}

async function testOnPostgres() {
  if (interrupted) return
  const isConfigured = Boolean(process.env['ZERODB_TEST_DATABASE_URL'])
  const obstacle = isConfigured ? undefined : wantsPostgres ? findObstacle() : 'it was not requested'
  if (obstacle) return reportMissing('PostgreSQL', obstacle)
  if (isConfigured) return suite('PostgreSQL', () => vitest(databaseFolders, process.env))

  const script = fileURLToPath(new URL('./postgres.mjs', import.meta.url))
  const user = `--for=${process.pid}`
  try {
    const { code, output } = await run(process.execPath, [script, 'start', user], { capture: true })
    if (code !== 0) return reportMissing('PostgreSQL', 'it did not start, see above')
    const url = output.trimEnd().split('\n').at(-1)
    await suite('PostgreSQL', () => vitest(databaseFolders, { ...process.env, ZERODB_TEST_DATABASE_URL: url }))
  } finally {
    await run(process.execPath, [script, 'stop', user])
  }
}

/** Reports that a database is missing: as a failure if it was requested, otherwise with how to provide it. */
function reportMissing(name, why) {
  if (wantsPostgres) suites.push({ name, passed: 0, failed: 1, skipped: 0, note: why })
  else {
    const how = 'set ZERODB_TEST_DATABASE_URL to a database with pgvector, or as root on Debian: npm test -- --postgres'
    suites.push({ name: `skipped: ${name}`, note: `(${why}; ${how})` })
  }
}

/** Runs schemathesis, in CI only: it takes minutes and needs PyPI the first time. */
async function fuzz() {
  if (!isCi) return suites.push({ name: 'fuzz', note: '(skipped: npm run fuzz)' })
  await suite('fuzz', async () => {
    const { code } = await run('npm', ['run', '--silent', 'fuzz'])
    return outcomeOf('npm run fuzz', code)
  })
}

async function checkPython() {
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const { code } = await run(python, ['-c', 'import requests'], { quiet: true })
  if (code === 0) return
  const why = `${python} with the package requests is missing, and some functions are written in Python`
  suites.push(isCi ? { name: 'Python', passed: 0, failed: 1, skipped: 0, note: why } : { name: 'Python', note: why })
}

async function checkSandbox() {
  if (await provideBubblewrap()) return
  const why = 'bubblewrap is missing: user code is only tested without its sandbox'
  suites.push(isCi ? { name: 'sandbox', passed: 0, failed: 1, skipped: 0, note: why } : { name: 'sandbox', note: why })
}

function report() {
  const counted = suites.filter((each) => each.failed !== undefined)
  const words = ({ passed, failed, skipped }) =>
    `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  const sum = (field) => counted.reduce((total, each) => total + each[field], 0)
  if (failures.length > 0) console.log(`\nFailed:\n${failures.join('\n')}`)
  console.log('')
  for (const each of suites) {
    const time = each.seconds === undefined ? undefined : `${each.seconds.toFixed(1)} s`
    const parts = [each.failed === undefined ? undefined : words(each), time, each.note].filter(Boolean)
    console.log(`${each.name.padEnd(10)}  ${parts.join('  ')}`)
  }
  const total = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
  if (interrupted) {
    console.log('interrupted')
    total.failed = Math.max(total.failed, 1)
  } else if (total.failed > 0) process.exitCode = 1
  console.log(words(total))
}
