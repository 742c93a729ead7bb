import { randomBytes } from 'node:crypto'
import { json, sql } from '../../db/sql.ts'
import { type EventName, eventTypeOf } from '../../schema/events.ts'
import type { Hook } from '../../schema/hook.ts'
import { found, now, type Scope, type StoreContext, timeIn, userProject } from '../context.ts'
import { rowNamed } from './event-rows.ts'

export function hookRuns(context: StoreContext) {
  const { db } = context
  return {
    /**
     * Queues a run of a hook without a write, in the scope's project. `payload` is the event's data, which also identifies the row; missing
     * fields are null. The run belongs to the chain of the scope's cause, and is due in `dueIn` seconds; null for now. Returns the run's id. Throws `not_found` if the project does not belong to the user.
     */
    async create(
      scope: Scope,
      hook: Pick<Hook, 'id'> & { event_type: EventName },
      payload: Record<string, unknown>,
      dueIn: number | null,
    ): Promise<string> {
      const { cause, trace } = scope
      const { name, channel, data } = eventTypeOf(hook.event_type)
      const nothing = Object.fromEntries(Object.keys(data.shape).map((field) => [field, null]))
      const { user_id, project_id } = scope
      const envelope = {
        id: `inv_${randomBytes(16).toString('hex')}`,
        ...{ event: name, channel },
        data: { ...nothing, user_id, ...('project_id' in nothing ? { project_id } : {}), ...payload },
        trace,
      }
      const rows = await db.query<{ id: string }>(sql`
        insert into zerodb_runs
          (trigger, hook_id, function_id, runtime, user_id, project_id, handler, ref, input, chain_id, depth, run_at, status)
        select
          'invoke', h.id, h.function_id, h.runtime, project.user_id, project.project_id, h.hook_name,
          -- If no row is named, a random id that belongs to no row.
          coalesce((${rowNamed(name, project_id, payload)}), gen_random_uuid())::text,
          ${json(envelope)}::jsonb
            || jsonb_build_object('timestamp', to_char(${now(context)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
          ${cause?.chain_id ?? null}::text, ${cause?.depth ?? null}::int,
          ${timeIn(context, dueIn)}, 'queued'
        from (${userProject(scope)}) project
        join zerodb_hooks h on h.id = ${hook.id}::uuid
        returning id`)
      return found(rows, 'Project').id
    },
  }
}
