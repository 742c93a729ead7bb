import { z } from 'zod'
import type { App } from '../app.ts'
import { type Caller, scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { withInputDefaults } from '../functions/defaults.ts'
import { type Deployed, deploy, replaced, rollBack, toFn } from '../functions/deploy.ts'
import { diffOf } from '../functions/diff.ts'
import { refusalOf, resultValue } from '../functions/outcome.ts'
import { FUNCTION_OFF } from '../functions/triggers.ts'
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
  versionDiff,
  versionKey,
  versionSource,
  versionsList,
} from '../schema/function.ts'
import { callable } from './lib/callable.ts'
import { defineJson } from './operation.ts'

function shown(app: App, { fn: live, changed, hooks, schedules, warnings }: Deployed): z.input<typeof deployed> {
  return { ...toFn(app, live), changed, hooks, schedules, ...(warnings.length > 0 ? { warnings } : {}) }
}

export const functionsDeploy = defineJson({
  name: 'functions.deploy',
  summary:
    'Deploy code as a function: the version that runs from this moment; the same once more changes nothing, and a dry run only checks',
  route: 'POST /api/v1/functions',
  permission: 'functions:write',
  input: functionDeploy,
  errors: ['too_large', 'sandbox_unavailable', 'sandbox_busy'],
  output: deployedOrDryRun,
  status: 201,
  otherStatus: {
    status: 200,
    holds: (answer) => 'dry_run' in answer || !(answer as { changed: boolean }).changed,
  },
  async run(app, caller, input) {
    const done = shown(app, await deploy(app, caller, scopeOf(caller, input.project_id), input))
    return input.dry_run ? deployDryRun.parse({ ...done, dry_run: true }) : done
  },
})

export const functionsList = defineJson({
  name: 'functions.list',
  summary: 'The functions of a project, by name',
  route: 'GET /api/v1/functions',
  permission: 'functions:read',
  input: functionList,
  output: z.array(fn),
  run: async (app, caller, { project_id }) =>
    (await app.store.functions.list(scopeOf(caller, project_id))).map((each) => toFn(app, each)),
})

export const functionsGet = defineJson({
  name: 'functions.get',
  summary: 'One function',
  route: 'GET /api/v1/functions/:name',
  permission: 'functions:read',
  input: functionKey,
  output: fn,
  run: async (app, caller, input) => toFn(app, await mine(app, caller, input)),
})

export const functionsVersions = defineJson({
  name: 'functions.versions',
  summary: 'The versions of a function, newest first',
  route: 'GET /api/v1/functions/:name/versions',
  permission: 'functions:read',
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
  summary: 'One version with the files that were uploaded',
  route: 'GET /api/v1/functions/:name/versions/:version',
  permission: 'functions:read',
  input: versionKey,
  output: versionSource,
  run: async (app, caller, input) => app.store.functions.version((await mine(app, caller, input)).id, input.version),
})

export const functionsDiff = defineJson({
  name: 'functions.diff',
  summary: 'What differs between two versions: by default the live one and the one before it',
  route: 'GET /api/v1/functions/:name/diff',
  permission: 'functions:read',
  input: functionDiff,
  output: versionDiff,
  async run(app, caller, input) {
    const { id, version } = await mine(app, caller, input)
    const to = input.to ?? version
    const from = input.from ?? (await app.store.functions.before(id, to))
    if (from === null) throw new ZeroError('invalid', `Version ${to} is the first: say with which to compare it (from)`)
    return diffOf(await app.store.functions.version(id, from), await app.store.functions.version(id, to))
  },
})

export const functionsRollback = defineJson({
  name: 'functions.rollback',
  summary: 'Run an earlier version again; calls at work finish on theirs',
  route: 'POST /api/v1/functions/:name/rollback',
  permission: 'functions:write',
  input: functionRollback,
  errors: ['sandbox_unavailable'],
  output: deployed,
  run: async (app, caller, { project_id, name, version }) =>
    shown(app, await rollBack(app, scopeOf(caller, project_id), name, version)),
})

export const functionsUpdate = defineJson({
  name: 'functions.update',
  summary: 'Switch a function off, with all that sets it off, or on again',
  route: 'PATCH /api/v1/functions/:name',
  permission: 'functions:write',
  input: functionUpdate,
  output: fn,
  async run(app, caller, { is_active, ...key }) {
    const scope = scopeOf(caller, key.project_id)
    const { id } = await mine(app, caller, key)
    await app.store.transaction(async (tx) => {
      await tx.functions.setActive(id, is_active)
      await tx.hooks.switchFunction(id, is_active, FUNCTION_OFF)
    })
    app.functions.changed(scope.project_id)
    return toFn(app, await mine(app, caller, key))
  },
})

export const functionsDelete = defineJson({
  name: 'functions.delete',
  summary:
    'Delete a function with its versions, schedules and declared hooks; `force` deletes hooks that were made by hand too',
  route: 'DELETE /api/v1/functions/:name',
  permission: 'functions:write',
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
          `${byHand} hooks ask for "${key.name}": delete them first, or send force=true`,
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
  summary:
    'Call a function and wait for its result; with `wait: false`, or `Prefer: respond-async`, queue a durable run',
  route: 'POST /api/v1/functions/:name/invoke',
  permission: 'functions:invoke',
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
  otherStatus: { status: 202, holds: (answer) => (answer as { status: string }).status === 'queued' },
  async run(app, caller, { payload = null, wait, ...key }) {
    const called = await callable(app, caller, key)
    const event = { event: 'function.invoked', data: withInputDefaults(called, payload) }
    if (!wait) {
      const timestamp = new Date(app.clock.now()).toISOString()
      const envelope = { id: `call_${crypto.randomUUID()}`, channel: 'functions', timestamp, ...event }
      const run_id = await app.store.functionRuns.enqueue(called.id, 'invoke', envelope, caller.cause)
      app.runs.queued()
      return { run_id, status: 'queued' as const }
    }
    const { run_id, outcome } = await app.runs.invoke({
      function: called,
      trigger: 'invoke',
      caller,
      trace: caller.trace,
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
