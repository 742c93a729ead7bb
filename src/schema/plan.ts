import { z } from 'zod'
import { createdAt, cursor, limit, name, nextCursor, uuid, wording } from './common.ts'

/** Name of the table whose rows are plans. It is created with the first plan of a project. */
export const PLANS_TABLE = 'memory_plans'
const MAX_TITLE_LENGTH = 500
export const PLAN_STATUSES = ['draft', 'active', 'completed'] as const

const title = z.string().min(1).max(MAX_TITLE_LENGTH)
const status = z.enum(PLAN_STATUSES)
const planId = uuid.describe('Id of the plan')

export const planCreate = z.object({
  title: title.describe('Title of the plan'),
  type: name.default('plan').describe('Kind of the artifact, as your application names it'),
  content: wording.describe('Text of the plan'),
  session_id: name.nullish().describe('Session that the plan belongs to'),
  status: status.default('draft').describe('State of the work'),
})
export const planKey = z.object({ plan_id: planId })
export const planUpdate = planKey.extend({
  title: title.optional().describe('New title. Absent: unchanged'),
  content: wording.optional().describe('New text. Absent: unchanged'),
  status: status.optional().describe('New state of the work. Absent: unchanged'),
})
export const planHistoryInput = planKey.extend({ limit: limit(50), cursor })

const fields = {
  title: z.string().describe('Title of the plan'),
  type: z.string().describe('Kind of the artifact'),
  content: z.string().describe('Text of the plan'),
  status: z.string().describe('State of the work: draft, active or completed'),
  session_id: z.string().nullable().describe('Session that the plan belongs to; null for none'),
}
export const plan = z
  .object({
    plan_id: planId,
    id: planId,
    ...fields,
    version: z.number().describe('Number of the version, from 1; each change adds 1'),
    created_at: createdAt,
    updated_at: z.string().describe('When it was last changed: ISO 8601 in UTC, with microseconds'),
  })
  .meta({ id: 'Plan', description: 'A plan of an agent: a text that changes, with its history' })
export type Plan = z.infer<typeof plan>

export const planHistory = z
  .object({
    plan_id: planId,
    history: z
      .array(
        z
          .object({
            at: z.string().describe('When the change was committed: ISO 8601 in UTC, with microseconds'),
            changed: z.array(z.string()).describe('Names of the fields that differ'),
            before: z.object(fields).nullable().describe('The plan before the change; null for the creation'),
            after: z.object(fields).nullable().describe('The plan after the change; null for the deletion of its row'),
            diff: z.string().describe('Differences of the text as a unified diff; empty if the text is the same'),
          })
          .meta({ id: 'PlanChange', description: 'A change of a plan' }),
      )
      .describe('The changes, newest first, as far back as events are kept'),
    next_cursor: nextCursor,
  })
  .meta({ id: 'PlanHistory', description: 'A page of the changes of a plan' })
