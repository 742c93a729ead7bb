import { createTwoFilesPatch } from 'diff'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { isUniqueViolation } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import {
  PLANS_TABLE,
  type Plan,
  plan,
  planCreate,
  planHistory,
  planHistoryInput,
  planKey,
  planUpdate,
} from '../schema/plan.ts'
import type { Row } from '../schema/table.ts'
import type { Scope } from '../store/context.ts'
import { decodeEventPlace, encodeEventPlace } from './lib/cursor.ts'
import { writeRows } from './lib/row-writes.ts'
import { defineJson } from './operation.ts'

// A plan is a row of the table PLANS_TABLE: hooks, queries and the history of rows work for plans as well.

const MEMORY = '/api/v1/public/memory/v2'
const DIFF_TIMEOUT_MS = 500

export const plansCreate = defineJson({
  name: 'plans.create',
  summary: 'Create a plan',
  description:
    'Stores a plan of an agent, a text that changes. Plans are rows of the table `memory_plans`, which is created with the first one. Emits `zerodb.table.row_inserted`.',
  route: `POST ${MEMORY}/plan`,
  permission: 'zerodb:write',
  idempotent: false,
  input: planCreate,
  errors: ['row_exists'],
  output: plan,
  status: 201,
  async run(app, caller, { session_id = null, ...rest }) {
    const scope = scopeOf(caller)
    const data = { ...rest, session_id }
    try {
      return planOf(await insert(app, scope, data))
    } catch (error) {
      if (!(error instanceof ZeroError) || error.code !== 'not_found') throw error
      await createTable(app, scope)
      return planOf(await insert(app, scope, data))
    }
  },
})

export const plansGet = defineJson({
  name: 'plans.get',
  summary: 'Get a plan',
  description: 'Returns a plan as it is now.',
  route: `GET ${MEMORY}/plan/:plan_id`,
  permission: 'zerodb:read',
  idempotent: true,
  input: planKey,
  output: plan,
  run: async (app, caller, { plan_id }) =>
    planOf(await namingPlan(app.store.tables.getRow(scopeOf(caller), PLANS_TABLE, plan_id))),
})

export const plansUpdate = defineJson({
  name: 'plans.update',
  summary: 'Change a plan',
  description:
    'Changes fields of a plan; other fields stay. Emits `zerodb.table.row_updated`, unless the plan has these fields already.',
  route: `PATCH ${MEMORY}/plan/:plan_id`,
  permission: 'zerodb:write',
  idempotent: false,
  input: planUpdate,
  errors: ['row_exists'],
  output: plan,
  async run(app, caller, { plan_id, ...data }) {
    const scope = scopeOf(caller)
    const row = await namingPlan(
      writeRows(app, scope, PLANS_TABLE, {
        run: (store, isChecked) =>
          store.rowChanges.updateRow(scope, PLANS_TABLE, plan_id, { kind: 'merge', data }, undefined, isChecked),
        written: (changed: Row) => [changed.row_data],
      }),
    )
    return planOf(row)
  },
})

export const plansHistory = defineJson({
  name: 'plans.history',
  summary: 'List the changes of a plan, newest first',
  description: 'Returns the states of a plan with the differences of its text, as far back as events are kept.',
  route: `GET ${MEMORY}/plan/:plan_id/history`,
  permission: 'zerodb:read',
  idempotent: true,
  input: planHistoryInput,
  output: planHistory,
  async run(app, caller, { plan_id, limit, cursor }) {
    const before = cursor === undefined ? null : decodeEventPlace(app, cursor, 'cursor')
    const { items, last } = await namingPlan(
      app.store.rowChanges.history(scopeOf(caller), PLANS_TABLE, plan_id, { before, limit }),
    )
    return {
      plan_id,
      history: items.map(({ at, changed, before, after }) => {
        const [old, now] = [before && fieldsOf(before), after && fieldsOf(after)]
        return { at, changed, before: old, after: now, diff: diffOf(old?.content ?? '', now?.content ?? '') }
      }),
      next_cursor: last === null ? null : encodeEventPlace(app, last),
    }
  },
})

async function insert(app: App, scope: Scope, data: Record<string, unknown>): Promise<Row> {
  const [row] = await writeRows(app, scope, PLANS_TABLE, {
    run: (store, isChecked) => store.tables.insertRows(scope, PLANS_TABLE, [data], isChecked),
    written: () => [data],
  })
  return row!
}

async function createTable(app: App, scope: Scope): Promise<void> {
  const table = { name: PLANS_TABLE, description: 'Plans of agents, written by plans.create' }
  const created = app.store.transaction(async (tx) => {
    await tx.tables.create(scope, table)
    await tx.quotas.check(scope, 'tables')
  })
  await created.catch((error) => {
    // Another request was first.
    if (!isUniqueViolation(error, 'uix_zerodb_tables')) throw error
  })
}

/** Throws "Plan not found" instead of an error about a row or table. */
async function namingPlan<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (error instanceof ZeroError && error.code === 'not_found') throw new ZeroError('not_found', 'Plan not found')
    throw error
  }
}

function planOf({ row_id, row_data, version, created_at, updated_at }: Row): Plan {
  return { plan_id: row_id, id: row_id, ...fieldsOf(row_data), version, created_at, updated_at }
}

/** Returns the fields of a plan. Its row can have been changed as a row, so that any field can be missing or have another type. */
function fieldsOf(data: Readonly<Record<string, unknown>>) {
  const text = (field: string, otherwise: string) => (typeof data[field] === 'string' ? data[field] : otherwise)
  return {
    title: text('title', ''),
    type: text('type', 'plan'),
    content: text('content', ''),
    status: text('status', 'draft'),
    session_id: typeof data['session_id'] === 'string' ? data['session_id'] : null,
  }
}

/** Returns the differences of two texts as a unified diff without the names of files; empty if they are the same, or too long to compare. */
function diffOf(before: string, after: string): string {
  if (before === after) return ''
  const patch = createTwoFilesPatch('', '', before, after, undefined, undefined, {
    context: 3,
    timeout: DIFF_TIMEOUT_MS,
  })
  return patch?.slice(patch.indexOf('@@')) ?? ''
}
