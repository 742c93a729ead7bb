// `npm run fuzz`: runs schemathesis (https://schemathesis.io) against a new server and its OpenAPI document. Needs Python 3.10 with venv.
// The first run installs schemathesis into .cache/fuzz.
//
//   npm run fuzz                      with the seed of CI, about 70 requests per operation
//   npm run fuzz -- --seed 7          with other requests
//   npm run fuzz -- --examples 100    with more requests
//
// Fails if a response is a 5xx or contradicts the document, if a request that the document forbids is accepted, or if fewer than
// 5,000 requests in total, or 30 of one operation, reached the server with a valid key.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { signAccessToken } from '../../src/auth/tokens.ts'
import { HANDLER_NAMES } from '../../src/handlers/index.ts'
import { OPERATIONS } from '../../src/operations/index.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { packageRoot } from '../../src/platform/package.ts'
import { EVENT_NAMES } from '../../src/schema/events.ts'
import { openTestApp } from '../support/app.ts'
import { createFixtures, type Fixtures, fixtureOf } from '../support/fixtures.ts'
import { SANDBOX } from '../support/sandbox.ts'

const SCHEMATHESIS = 'schemathesis==4.32.5'
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
]
const MIN_REQUESTS = 5_000
const MIN_REQUESTS_PER_OPERATION = 30
const MAX_FURTHER_ROUNDS = 20
/** Time limit after which schemathesis is killed and the run has failed. */
const MAX_SECONDS = 900

const folder = join(packageRoot(), '.cache/fuzz')
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, examples: { type: 'string', default: '25' } },
})

type Counts = Record<string, Record<string, number>>

/** Runs a program with inherited output. Returns its exit code, or null if a signal ended it. */
async function codeOf(program: string, args: readonly string[], env = process.env): Promise<number | null> {
  const child = spawn(program, args, { cwd: folder, env, stdio: 'inherit', timeout: MAX_SECONDS * 1000 })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

/** Returns the path of schemathesis. Installs it if necessary. */
async function schemathesis(): Promise<string> {
  const program = join(folder, 'venv/bin/st')
  if (existsSync(program)) return program
  console.log(`fuzz: installing ${SCHEMATHESIS} into .cache/fuzz (pip, once)`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', SCHEMATHESIS]
  const isInstalled =
    (await codeOf('python3', ['-m', 'venv', join(folder, 'venv')])) === 0 &&
    (await codeOf(join(folder, 'venv/bin/python'), pip)) === 0
  if (!isInstalled) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error(
      `${SCHEMATHESIS} cannot be installed. It needs python3 with venv (Debian: apt-get install python3-venv) and access to PyPI`,
    )
  }
  return program
}

const labelOf = (route: string) => route.replace(/:(\w+)/g, '{$1}')

function settingsFor(fixtures: Fixtures, seed: number, counts: string) {
  const known = OPERATIONS.map((operation) => {
    const keys = [...operation.route.matchAll(/:(\w+)/g)].map(([, key]) => [key!, fixtureOf(fixtures, operation, key!)])
    return [labelOf(operation.route), Object.fromEntries(keys)]
  })
  return {
    seed,
    counts,
    fixtures: Object.fromEntries(known),
    streams: OPERATIONS.filter(({ kind }) => kind === 'stream').map(({ route }) => labelOf(route)),
    kept: ['DELETE /api/v1/projects/{project_id}'],
    words: {
      'POST /api/v1/hooks': { event_type: EVENT_NAMES, hook_name: HANDLER_NAMES },
      'POST /api/v1/hooks/test-filter': { event_type: EVENT_NAMES },
      'POST /api/v1/functions': {
        source: ['export default (event) => event.data'],
        runtime: ['nodejs'],
        files: [null],
      },
    },
  }
}

async function main(): Promise<boolean> {
  const program = await schemathesis()
  const seed = Number(values.seed)
  const counts = join(folder, 'counts.json')
  rmSync(counts, { force: true })
  const app = await openTestApp({ ...SANDBOX, ZERODB_REGISTRATION: 'on', ZERODB_RATE_LIMIT: '0' })
  try {
    const user = await app.newUser()
    const fixtures = await createFixtures(app, user, user.project_id)
    // A token, because the fuzz revokes keys.
    const { jwtSecret, clock } = app.system.app
    const token = await signAccessToken(jwtSecret, user.user_id, clock)
    await app.server.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.server.address() as AddressInfo
    const argsOf = (seed: number, operations: readonly Operation[]) => [
      ...['--no-color', 'run', `http://127.0.0.1:${port}/openapi.json`],
      ...['--header', `Authorization: Bearer ${token}`, '--generation-with-security-parameters', 'false'],
      ...['--checks', CHECKS.join(','), '--phases', 'coverage,fuzzing', '--max-examples', values.examples],
      ...['--seed', String(seed), '--generation-database', 'none', '--continue-on-failure', '--no-shrink'],
      ...['--suppress-health-check', 'all', '--request-timeout', '30'],
      ...['--warnings', 'off'],
      ...operations.flatMap(({ name }) => ['--include-operation-id', name]),
    ]
    const env = {
      ...process.env,
      SCHEMATHESIS_HOOKS: join(import.meta.dirname, 'hooks.py'),
      ZERODB_FUZZ: JSON.stringify(settingsFor(fixtures, seed, counts)),
    }
    const read = () => (existsSync(counts) ? (JSON.parse(readFileSync(counts, 'utf8')) as Counts) : {})
    let code = await codeOf(program, argsOf(seed, []), env)
    // An operation without fields has only few different requests.
    for (let round = 1; code === 0 && round <= MAX_FURTHER_ROUNDS; round++) {
      const few = OPERATIONS.filter((operation) => requestsOf(operation, read()) < MIN_REQUESTS_PER_OPERATION)
      if (few.length === 0) break
      code = await codeOf(program, argsOf(seed + round, few), env)
    }
    return report(read(), code)
  } finally {
    await app.close()
  }
}

const sum = (statuses: Record<string, number>, wanted: (status: string) => boolean) =>
  Object.entries(statuses).reduce((total, [status, count]) => total + (wanted(status) ? count : 0), 0)

/** Counts the requests that reached an operation with a valid key. */
function requestsOf({ route, permission }: Operation, counts: Counts): number {
  const isRefused = (status: string) => status === '405' || (status === '401' && permission !== 'public')
  return sum(counts[labelOf(route)] ?? {}, (status) => !isRefused(status))
}

function report(counts: Counts, code: number | null): boolean {
  const problems: string[] = []
  let requests = 0
  let failures = 0
  for (const operation of OPERATIONS) {
    const label = labelOf(operation.route)
    const statuses = counts[label] ?? {}
    const authenticated = requestsOf(operation, counts)
    requests += authenticated
    failures += sum(statuses, (status) => status >= '500')
    const told = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`)
    console.log(`${label.padEnd(70)} ${String(authenticated).padStart(5)}   ${told.sort().join('  ')}`)
    if (authenticated < MIN_REQUESTS_PER_OPERATION) problems.push(`${label}: ${authenticated} requests`)
  }
  if (requests < MIN_REQUESTS) problems.push(`only ${requests} requests`)
  if (code !== 0) problems.push('schemathesis found failures (see above)')
  console.log(`fuzz: ${requests} authenticated requests, ${failures} responses with 5xx`)
  for (const problem of problems) console.log(`fuzz: ${problem}`)
  return problems.length === 0
}

process.exit((await main()) ? 0 : 1)
