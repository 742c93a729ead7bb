import type { z } from 'zod'
import type { App } from '../app.ts'
import { type Caller, scopeOf } from '../auth/caller.ts'
import { uuid } from '../schema/common.ts'
import { redrive, redriven, run, runKey, runList, runPage } from '../schema/run.ts'
import { mine } from './hooks.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

export const runsList = defineJson({
  name: 'runs.list',
  summary: 'Runs, newest first',
  route: 'GET /api/v1/runs',
  permission: 'hooks:read',
  input: runList,
  output: runPage,
  run: page,
})

export const hookRuns = defineJson({
  name: 'hooks.runs',
  summary: 'Runs of one hook, newest first',
  route: 'GET /api/v1/hooks/:hook_id/runs',
  permission: 'hooks:read',
  input: runList.extend({ hook_id: uuid }),
  output: runPage,
  async run(app, caller, input) {
    await mine(app, caller, input.hook_id)
    return page(app, caller, input)
  },
})

export const runsGet = defineJson({
  name: 'runs.get',
  summary: 'One run',
  route: 'GET /api/v1/runs/:run_id',
  permission: 'hooks:read',
  input: runKey,
  output: run,
  run: (app, caller, input) => app.store.runs.get(caller.user_id, caller.bound, input.run_id),
})

export const runsRetry = defineJson({
  name: 'runs.retry',
  summary: 'Try a run again that is dead, cancelled or skipped, or run it now where it waits for its next attempt',
  route: 'POST /api/v1/runs/:run_id/retry',
  permission: 'hooks:write',
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
  summary: 'End a run that is queued or running',
  route: 'POST /api/v1/runs/:run_id/cancel',
  permission: 'hooks:write',
  input: runKey,
  errors: ['run_final'],
  output: run,
  async run(app, caller, { run_id }) {
    await app.store.runs.cancel(caller.user_id, caller.bound, run_id)
    app.runs.cancelled(run_id)
    // Others may have waited for it.
    app.runs.queued()
    return app.store.runs.get(caller.user_id, caller.bound, run_id)
  },
})

export const runsRedrive = defineJson({
  name: 'runs.redrive',
  summary: 'Try dead runs again, the oldest first',
  route: 'POST /api/v1/runs/redrive',
  permission: 'hooks:write',
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
