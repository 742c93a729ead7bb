import type { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { uuid } from '../schema/common.ts'
import { redrive, redriven, run, runKey, runList, runPage } from '../schema/run.ts'
import { mine } from './hooks.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

export const runsList = defineJson({
  name: 'runs.list',
  summary: 'List runs, newest first',
  description: 'Returns a page of your runs.',
  route: 'GET /api/v1/runs',
  permission: 'hooks:read',
  idempotent: true,
  input: runList,
  output: runPage,
  run: page,
})

export const hookRuns = defineJson({
  name: 'hooks.runs',
  summary: 'List the runs of a hook, newest first',
  description: 'Returns a page of the runs of one hook.',
  route: 'GET /api/v1/hooks/:hook_id/runs',
  permission: 'hooks:read',
  idempotent: true,
  input: runList.extend({ hook_id: uuid.describe('Id of the hook') }),
  output: runPage,
  async run(app, caller, input) {
    await mine(app, caller, input.hook_id)
    return page(app, caller, input)
  },
})

export const runsGet = defineJson({
  name: 'runs.get',
  summary: 'Get a run',
  description: 'Returns one run with its result, error and the log of its last attempt.',
  route: 'GET /api/v1/runs/:run_id',
  permission: 'hooks:read',
  idempotent: true,
  input: runKey,
  output: run,
  run: (app, caller, input) => app.store.runs.get(caller.user_id, caller.bound, input.run_id),
})

export const runsRetry = defineJson({
  name: 'runs.retry',
  summary: 'Try a run again',
  description:
    'Queues a run that is dead, cancelled or skipped. A queued run that waits for its next attempt starts now.',
  route: 'POST /api/v1/runs/:run_id/retry',
  permission: 'hooks:write',
  idempotent: false,
  input: runKey,
  errors: ['run_not_final'],
  output: run,
  async run(app, caller, { run_id }) {
    await app.store.runs.retry(caller.user_id, caller.bound, run_id)
    app.runs.queued()
    return app.store.runs.get(caller.user_id, caller.bound, run_id)
  },
})

export const runsCancel = defineJson({
  name: 'runs.cancel',
  summary: 'Cancel a run',
  description: 'Ends a run that is queued or running. The handler of a running one is told to stop.',
  route: 'POST /api/v1/runs/:run_id/cancel',
  permission: 'hooks:write',
  idempotent: false,
  input: runKey,
  errors: ['run_final'],
  output: run,
  async run(app, caller, { run_id }) {
    await app.store.runs.cancel(caller.user_id, caller.bound, run_id)
    app.runs.cancelled(run_id)
    // Other runs may have been blocked by this one.
    app.runs.queued()
    return app.store.runs.get(caller.user_id, caller.bound, run_id)
  },
})

export const runsRedrive = defineJson({
  name: 'runs.redrive',
  summary: 'Try dead runs again, oldest first',
  description: 'Queues the dead runs that meet all criteria, up to the limit. Without criteria: all your dead runs.',
  route: 'POST /api/v1/runs/redrive',
  permission: 'hooks:write',
  idempotent: false,
  input: redrive,
  output: redriven,
  async run(app, caller, filter) {
    if (filter.hook_id !== undefined) await mine(app, caller, filter.hook_id)
    if (filter.project_id !== undefined) await app.store.projects.get(scopeOf(caller, filter.project_id))
    const result = await app.store.runs.redrive(caller.user_id, caller.bound, filter)
    if (result.redriven > 0) app.runs.queued()
    return result
  },
})

async function page(
  app: App,
  caller: Caller,
  { cursor, ...filter }: z.infer<typeof runList>,
): Promise<z.input<typeof runPage>> {
  const items = await app.store.runs.list(caller.user_id, {
    ...filter,
    bound: caller.bound,
    before: decodeCursor(cursor),
  })
  return { items, next_cursor: encodeCursor(items, filter.limit) }
}
