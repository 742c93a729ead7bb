import { z } from 'zod'
import type { App } from '../app.ts'
import type { Caller } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { uuid } from '../schema/common.ts'
import { run, runKey, runList, runPage } from '../schema/run.ts'
import { mine } from './hooks.ts'
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
  const last = items.length === filter.limit ? items.at(-1) : undefined
  return { items, next_cursor: last ? Buffer.from(`${last.created_at} ${last.id}`).toString('base64url') : null }
}

const cursorParts = z.tuple([z.iso.datetime(), uuid])

function decodeCursor(cursor: string | undefined): { created_at: string; id: string } | null {
  if (cursor === undefined) return null
  const parts = cursorParts.safeParse(Buffer.from(cursor, 'base64url').toString().split(' '))
  if (!parts.success) throw new ZeroError('invalid', 'cursor: send the next_cursor of the page before')
  return { created_at: parts.data[0], id: parts.data[1] }
}
