import { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { withInputDefaults } from '../functions/defaults.ts'
import { type Deployed, deploy, replaced, rollBack, toFn } from '../functions/deploy.ts'
import { diffOf } from '../functions/diff.ts'
import { refusalOf, resultValue } from '../functions/outcome.ts'
import { FUNCTION_DISABLED } from '../functions/triggers.ts'
import { toThousandths } from '../sandbox/index.ts'
import {
  deployDryRun,
  deployed,
  deployedOrDryRun,
  fn,
  functionDelete,
  functionDeploy,
  functionDiff,
  functionInvoke,
  functionKey,
  functionList,
  functionRollback,
  functionUpdate,
  invoked,
  invokeMessages,
  versionDiff,
  versionKey,
  versionSource,
  versionsList,
} from '../schema/function.ts'
import { callable } from './lib/callable.ts'
import { secondsUntilDue } from './lib/due-time.ts'
import { defineJson } from './operation.ts'

function shown(
  app: App,
  { fn: live, changed, hooks, schedules, network, package_changes, warnings }: Deployed,
): z.input<typeof deployed> {
  return {
    ...toFn(app, live),
    changed,
    hooks,
    schedules,
    network,
    package_changes,
    ...(warnings.length > 0 ? { warnings } : {}),
  }
}

export const functionsDeploy = defineJson({
  name: 'functions.deploy',
  summary: 'Deploy a function',
  description:
    'Checks and builds the code, stores it as a new version and makes that version live, with its triggers and schedules. Deploying the live version again changes nothing and is 200. A dry run stores nothing.',
  route: 'POST /api/v1/functions',
  permission: 'functions:write',
  idempotent: false,
  input: functionDeploy,
  errors: ['too_large', 'sandbox_unavailable', 'sandbox_busy'],
  output: deployedOrDryRun,
  status: 201,
  otherStatus: {
    status: 200,
    description: 'Already live, or a dry run: nothing has been stored',
    holds: (answer) => 'dry_run' in answer || !(answer as { changed: boolean }).changed,
  },
  async run(app, caller, input) {
    const done = shown(app, await deploy(app, caller, scopeOf(caller, input.project_id), input))
    return input.dry_run ? deployDryRun.parse({ ...done, dry_run: true }) : done
  },
})

export const functionsList = defineJson({
  name: 'functions.list',
  summary: 'List functions, by name',
  description: 'Returns the functions of a project.',
  route: 'GET /api/v1/functions',
  permission: 'functions:read',
  idempotent: true,
  input: functionList,
  output: z.array(fn).describe('The functions, by name'),
  run: async (app, caller, { project_id }) =>
    (await app.store.functions.list(scopeOf(caller, project_id))).map((each) => toFn(app, each)),
})

export const functionsGet = defineJson({
  name: 'functions.get',
  summary: 'Get a function',
  description: 'Returns a function with the configuration of its live version.',
  route: 'GET /api/v1/functions/:name',
  permission: 'functions:read',
  idempotent: true,
  input: functionKey,
  output: fn,
  run: async (app, caller, input) => toFn(app, await mine(app, caller, input)),
})

export const functionsVersions = defineJson({
  name: 'functions.versions',
  summary: 'List the versions of a function, newest first',
  description: 'Returns all versions, and which of them is live.',
  route: 'GET /api/v1/functions/:name/versions',
  permission: 'functions:read',
  idempotent: true,
  input: functionKey,
  output: versionsList,
  async run(app, caller, input) {
    const { id, version } = await mine(app, caller, input)
    const versions = await app.store.functions.versions(id)
    return versions.map((each) => ({ ...each, live: each.version === version }))
  },
})

export const functionsVersion = defineJson({
  name: 'functions.version',
  summary: 'Get a version of a function, with its files',
  description: 'Returns one version with the files as they were uploaded.',
  route: 'GET /api/v1/functions/:name/versions/:version',
  permission: 'functions:read',
  idempotent: true,
  input: versionKey,
  output: versionSource,
  run: async (app, caller, input) => app.store.functions.version((await mine(app, caller, input)).id, input.version),
})

export const functionsDiff = defineJson({
  name: 'functions.diff',
  summary: 'Compare two versions of a function',
  description:
    'Returns the files and the configuration that differ. By default, the live version is compared with the one before it.',
  route: 'GET /api/v1/functions/:name/diff',
  permission: 'functions:read',
  idempotent: true,
  input: functionDiff,
  output: versionDiff,
  async run(app, caller, input) {
    const { id, version } = await mine(app, caller, input)
    const to = input.to ?? version
    const from = input.from ?? (await app.store.functions.before(id, to))
    if (from === null)
      throw new ZeroError('invalid', `Version ${to} is the first: set "from" to the version to compare with`)
    return diffOf(await app.store.functions.version(id, from), await app.store.functions.version(id, to))
  },
})

export const functionsRollback = defineJson({
  name: 'functions.rollback',
  summary: 'Make an earlier version live',
  description:
    'Makes an earlier version live again, with its triggers and schedules. Running calls finish on their version.',
  route: 'POST /api/v1/functions/:name/rollback',
  permission: 'functions:write',
  idempotent: false,
  input: functionRollback,
  errors: ['sandbox_unavailable'],
  output: deployed,
  run: async (app, caller, { project_id, name, version }) =>
    shown(app, await rollBack(app, scopeOf(caller, project_id), name, version)),
})

export const functionsUpdate = defineJson({
  name: 'functions.update',
  summary: 'Enable or disable a function',
  description:
    'A disabled function does not run: its hooks are disabled, its queued runs are cancelled, and calls are 409 `function_disabled`.',
  route: 'PATCH /api/v1/functions/:name',
  permission: 'functions:write',
  idempotent: false,
  input: functionUpdate,
  output: fn,
  async run(app, caller, { is_active, ...key }) {
    const scope = scopeOf(caller, key.project_id)
    const { id } = await mine(app, caller, key)
    await app.store.transaction(async (tx) => {
      await tx.functions.setActive(id, is_active)
      await tx.hooks.switchFunction(id, is_active, FUNCTION_DISABLED)
    })
    app.functions.changed(scope.project_id)
    return toFn(app, await mine(app, caller, key))
  },
})

export const functionsDelete = defineJson({
  name: 'functions.delete',
  summary: 'Delete a function',
  description:
    'Deletes the function with its versions, schedules and declared hooks. 409 `function_hooked` while hooks created by hand use it, unless `force` is true.',
  route: 'DELETE /api/v1/functions/:name',
  permission: 'functions:write',
  idempotent: false,
  input: functionDelete,
  errors: ['function_hooked'],
  output: z.null(),
  status: 204,
  async run(app, caller, { force, ...key }) {
    const scope = scopeOf(caller, key.project_id)
    const { id, user_id } = await mine(app, caller, key)
    const known = await app.functions.byName(scope.project_id, key.name)
    await app.store.transaction(async (tx) => {
      await tx.functions.lock(scope, key.name)
      const hooks = await tx.hooks.ofFunction(id)
      const byHand = hooks.filter(({ declared }) => !declared).length
      if (byHand > 0 && !force)
        throw new ZeroError(
          'function_hooked',
          `${byHand} hooks use the function "${key.name}": delete them first, or send force=true`,
        )
      for (const hook of hooks) await tx.hooks.remove(user_id, hook.id)
      await tx.functions.remove(id)
    })
    replaced(app, scope, known?.program.key ?? null)
    return null
  },
})

export const functionsInvoke = defineJson({
  name: 'functions.invoke',
  summary: 'Call a function',
  description:
    'Runs the function and returns its result. With `wait: false`, or the header `Prefer: respond-async`, it queues a durable run and returns 202; so it does with `delay` or `run_at`, and the run starts then. A client that accepts `text/event-stream` gets a streamed result as messages while the function runs, and the response as the last message.',
  route: 'POST /api/v1/functions/:name/invoke',
  permission: 'functions:invoke',
  idempotent: false,
  input: functionInvoke,
  errors: [
    'function_disabled',
    'chain_too_deep',
    'function_failed',
    'function_timeout',
    'sandbox_busy',
    'sandbox_unavailable',
  ],
  output: invoked,
  otherStatus: {
    status: 202,
    description: 'A durable run has been queued',
    holds: (answer) => (answer as { status: string }).status === 'queued',
  },
  streamed: { verb: 'stream', messages: invokeMessages },
  async run(app, caller, { payload = null, wait, delay, run_at, ...key }, reader) {
    const dueIn = secondsUntilDue(app, { delay, run_at })
    const called = await callable(app, caller, key)
    const event = { event: 'function.invoked', data: withInputDefaults(called, payload) }
    if (!wait || dueIn !== null) {
      const timestamp = new Date(app.clock.now()).toISOString()
      const envelope = { id: `call_${crypto.randomUUID()}`, channel: 'functions', timestamp, ...event }
      const run_id = await app.store.functionRuns.enqueue(called.id, 'invoke', envelope, caller.cause, dueIn)
      app.runs.queued()
      return { run_id, status: 'queued' as const }
    }
    const { run_id, outcome } = await app.runs.invoke({
      function: called,
      trigger: 'invoke',
      caller,
      trace: caller.trace,
      ...(reader === undefined ? {} : { receiver: reader, signal: reader.signal }),
      ...event,
    })
    if (outcome.status !== 'ok') throw refusalOf(outcome, run_id)
    return {
      run_id,
      status: 'succeeded' as const,
      result: resultValue(outcome.result),
      duration_ms: toThousandths(outcome.duration_ms),
    }
  },
})

function mine(app: App, caller: Caller, { project_id, name }: z.infer<typeof functionKey>) {
  return app.store.functions.get(scopeOf(caller, project_id), name)
}
