import { json, sql } from '../../db/sql.ts'
import { eventPublished } from '../../schema/events.ts'
import type { Published } from '../../schema/published.ts'
import { bounded, found, type Scope, type StoreContext, userProject, write } from '../context.ts'
import { emit } from '../outbox.ts'

const columns = sql`
  id as event_id, id, project_id, topic, topic as event_type, payload as event_payload, payload as data, source, correlation_id,
  published_at, published_at as timestamp`

export function published(context: StoreContext) {
  const { db } = context
  return {
    async publish(
      scope: Scope,
      event: {
        topic: string
        event_payload: unknown
        source?: string | null | undefined
        correlation_id?: string | null | undefined
      },
    ): Promise<Published> {
      const [{ event_seq: _, ...row }] = await write<Published & { event_seq: number }>(
        context,
        sql`
        with stored as (
          insert into zerodb_published_events (project_id, topic, payload, source, correlation_id)
          select project_id, ${event.topic}, ${json(event.event_payload)}::jsonb, ${event.source}, ${event.correlation_id} from (${userProject(scope)}) owner
          returning *, id::text as ref, ${scope.user_id}::uuid as user_id
        ),
        ${emit(scope, eventPublished, {
          event_id: sql`stored.id`,
          project_id: sql`stored.project_id`,
          topic: sql`stored.topic`,
          user_id: sql`stored.user_id`,
        })}
        select ${columns}, event.seq as event_seq from stored, event`,
      )
      return row
    },

    /** With `after` (the id of an event), returns later events, oldest first. Otherwise returns events newest first. */
    async list(
      scope: Scope,
      filter: {
        topic?: string | undefined
        since?: string | undefined
        after?: string | undefined
        limit: number
        offset: number
      },
    ): Promise<Published[]> {
      const order = filter.after === undefined ? sql`position desc` : sql`position`
      return bounded(db).query<Published>(sql`
        select ${columns} from zerodb_published_events
        where project_id = (select project_id from (${userProject(scope)}) owner)
          and (${filter.topic}::text is null or topic = ${filter.topic})
          and (${filter.since}::timestamptz is null or published_at >= ${filter.since}::timestamptz)
          and (${filter.after}::uuid is null or position > (select position from zerodb_published_events where id = ${filter.after}::uuid))
        order by ${order}
        limit ${filter.limit}::int offset ${filter.offset}::int`)
    },

    async get(scope: Scope, id: string): Promise<Published> {
      const rows = await db.query<Published>(sql`
        select ${columns} from zerodb_published_events
        where id = ${id}::uuid and project_id = (select project_id from (${userProject(scope)}) owner)`)
      return found(rows, 'Event')
    },
  }
}
