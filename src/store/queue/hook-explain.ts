import { sql } from '../../db/sql.ts'
import type { HookVerdict } from '../../schema/event-log.ts'
import type { FilterTest, FilterTested } from '../../schema/hook.ts'
import { bounded, type StoreContext } from '../context.ts'
import { envelope, LOOK_BACK } from '../data/events.ts'
import { acceptedHookFilter, pathKeys, pathOf } from '../filters/hook-filter.ts'
import { coversProject, documentOf, EVENT_E, passesFilter, seenOf } from './hook-filter-sql.ts'

/** A larger row is not returned. */
const MAX_ROW_BYTES = 8_192

export function hookExplain({ db }: StoreContext) {
  return {
    /**
     * Returns how a hook with this filter and ordering key would handle the latest events of a type, newest first. Uses the rows
     * after and before the events. Throws `invalid` for an invalid filter or ordering key.
     */
    async testFilter(
      userId: string,
      given: Pick<FilterTest, 'event_type' | 'filter' | 'ordering_key' | 'project_id' | 'limit'> & {
        bound: string | null
      },
    ): Promise<FilterTested['items']> {
      const path = await acceptedHookFilter(db, given.filter)
      if (given.ordering_key) pathOf(given.ordering_key.path)
      type Tried = Omit<FilterTested['items'][number], 'event'>
      const rows = await bounded(db).query<Tried & FilterTested['items'][number]['event']>(sql`
        select
          ${envelope},
          case when octet_length(document ->> 'row') <= ${MAX_ROW_BYTES}::int then document -> 'row' end as row,
          case when octet_length(document ->> 'previous') <= ${MAX_ROW_BYTES}::int then document -> 'previous' end as previous,
          ${path}::jsonpath is null or coalesce(jsonb_path_match(document, ${path}::jsonpath, '{}', true), false) as matches,
          nullif(document #>> ${pathKeys(sql`${given.ordering_key?.path}::text`)}, '') as ordering_key
        from (
          select e.*, ${documentOf(EVENT_E)} as document
          from (
            select * from (
              select * from zerodb_events where user_id = ${userId}::uuid order by seq desc limit ${LOOK_BACK}::int
            ) latest
            where event = ${given.event_type}
              and (${given.project_id}::uuid is null or project_id = ${given.project_id}::uuid)
              and (${given.bound}::uuid is null or project_id = ${given.bound}::uuid)
            order by seq desc
            limit ${given.limit}::int
          ) e
          offset 0
        ) seen
        order by seq desc`)
      return rows.map(({ row, previous, matches, ordering_key, ...event }) => ({
        event,
        row,
        previous: previous,
        matches,
        ordering_key,
      }))
    },

    /**
     * Returns, for each hook on the type of an event, the runs that it created for the event, or why it created none. Uses the current
     * state of hooks and row. A deleted hook is included if it created a run. `bound` is the project that the caller's key is bound to.
     */
    async explain(userId: string, bound: string | null, eventId: string): Promise<HookVerdict[]> {
      return db.query<HookVerdict>(sql`
        with e as materialized (
          select * from zerodb_events
          where seq = zerodb_event_seq(${eventId}) and id = ${eventId} and user_id = ${userId}::uuid
        ),
        made as (
          select
            r.hook_id, min(r.handler) as handler, bool_or(r.replay_id is null) as fired,
            jsonb_agg(jsonb_build_object('id', r.id, 'status', r.status, 'replay_id', r.replay_id) order by r.created_at, r.id) as runs
          from zerodb_runs r
          where r.event_seq = (select seq from e) and r.hook_id is not null
          group by r.hook_id
        ),
        mine as (
          select h.* from zerodb_hooks h
          join e on e.event = h.event_type
          where h.user_id = ${userId}::uuid and (${bound}::uuid is null or h.project_id is null or h.project_id = ${bound}::uuid)
        )
        select
          coalesce(h.id, made.hook_id) as hook_id, coalesce(h.hook_name, made.handler) as hook_name, h.project_id,
          coalesce(made.fired, false) as fired,
          case
            when made.fired or h.id is null then null
            when h.created_at > e.created_at then 'created_later'
            when not ${coversProject(EVENT_E)} then 'other_project'
            when not h.is_active then 'inactive'
            when not ${passesFilter} then 'filter'
            when exists (select from zerodb_outbox where seq = e.seq) then 'pending'
            when h.updated_at > e.created_at then 'changed'
            else 'expired'
          end as reason,
          coalesce(made.runs, '[]') as runs
        from e
        cross join (mine h full join made on made.hook_id = h.id)
        cross join lateral ${seenOf(EVENT_E)}
        order by h.created_at, hook_id`)
    },
  }
}
