import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { unseal } from '../crypto.ts'
import { ZeroError } from '../errors.ts'
import { parseStoredJson } from '../exact-json.ts'
import { functionSecretContext, redactor } from '../functions/cache.ts'
import {
  boundedPolicy,
  checkPolicy,
  checkSecrets,
  createRequestBook,
  injectedHeaders,
  recordRequest,
} from '../functions/network.ts'
import { type GuestResult, toThousandths, unavailable } from '../sandbox/index.ts'
import { allows } from '../schema/login.ts'
import type { NetworkConfig } from '../schema/network.ts'
import { type Execution, execute, execution, LANGUAGES } from '../schema/sandbox.ts'
import { defineJson } from './operation.ts'

const MEMORY_MB = 256
const OUTPUT_LIMIT_BYTES = 51_200
const ENTRIES = { nodejs20: 'main.mjs', 'python3.11': 'main.py' } as const

export const sandboxExecute = defineJson({
  name: 'sandbox.execute',
  summary: 'Run a program in a sandbox',
  description:
    'Runs a program in a new sandbox, which is deleted afterwards. The response is 200 whatever the program does; `status` says what happened.',
  route: 'POST /api/v1/sandbox/execute',
  permission: 'functions:invoke',
  idempotent: false,
  input: execute,
  errors: ['sandbox_busy', 'sandbox_unavailable'],
  output: execution,
  async run(app, caller, { language, code, stdin, env, files, timeout_seconds, network }): Promise<Execution> {
    const { id } = await app.store.projects.get(scopeOf(caller))
    const runtime = LANGUAGES[language]
    const entry = ENTRIES[runtime]
    if (entry in files)
      throw new ZeroError('invalid', `The file name ${entry} is reserved for the code: use another name`)
    const given = Object.entries(files).map(([path, content]) => [
      path,
      typeof content === 'string' ? content : Buffer.from(content.base64, 'base64'),
    ])
    const { functionsNetwork } = app.config
    checkPolicy(functionsNetwork, network, ['body', 'network'])
    const secrets = await secretsOf(app, caller, network)
    const redact = redactor(Object.entries(secrets))
    const book = createRequestBook()
    const leave = app.concurrencyLimiter.acquireForProgram(id)
    const outcome = await app.sandbox
      .call({
        program: {
          key: null,
          runtime,
          files: { ...Object.fromEntries(given), [entry]: code },
          entry,
          env,
          isolation: 'fresh',
          memory_mb: MEMORY_MB,
          network: boundedPolicy(functionsNetwork, network, secrets),
        },
        project: id,
        mode: 'script',
        input: { stdin },
        timeout_seconds,
        output_limit_bytes: OUTPUT_LIMIT_BYTES,
        onRequest: (request) => book.add(recordRequest(app, request, redact)),
      })
      .finally(leave)
    const { status, result, error, stdout, stderr, duration_ms, queued_ms, peak_memory_bytes } = outcome
    // Calls of this operation are only cancelled when the server stops.
    if (status === 'cancelled') throw new ZeroError('unavailable', 'The server is stopping')
    const found = app.sandbox.report.runtimes[runtime]
    if (!found.available) throw unavailable(app.sandbox.report, runtime)!
    return {
      status,
      result: result && contentOf(result),
      error: error && {
        name: redact(error.name),
        message: redact(error.message),
        stack: error.stack === undefined ? null : redact(error.stack),
      },
      stdout: redact(stdout),
      stderr: redact(stderr),
      requests: book.requests,
      requests_omitted: book.omitted(),
      duration_ms: toThousandths(duration_ms),
      queued_ms: toThousandths(queued_ms),
      peak_memory_bytes,
      runtime,
      version: found.version,
    }
  },
})

/** Returns the secrets whose names injected headers have. The caller must be allowed to deploy functions, which can read all secrets. */
async function secretsOf(
  app: App,
  caller: Caller,
  network: NetworkConfig | undefined,
): Promise<Readonly<Record<string, string>>> {
  const names = injectedHeaders(network).flatMap(({ secrets }) => secrets)
  if (names.length === 0) return {}
  if (!allows(caller.permissions, 'functions:write'))
    throw new ZeroError('forbidden', 'network.inject: secrets require an API key with the permission "functions:write"')
  const scope = scopeOf(caller)
  const sealed = await app.store.secrets.sealed(scope, names)
  checkSecrets(network, sealed, ['body', 'network'])
  const open = ([name, text]: [string, string]) =>
    unseal(app.encryptionKey, Buffer.from(text, 'base64'), functionSecretContext(scope.project_id, name))
  return Object.fromEntries(Object.entries(sealed).map((each) => [each[0], open(each)]))
}

function contentOf(result: GuestResult): unknown {
  const body = Buffer.from(result.body)
  return result.kind === 'json' ? parseStoredJson(body.toString()) : { base64: body.toString('base64') }
}
