import { sql } from '../../db/sql.ts'
import { forgotten } from '../../schema/events.ts'
import type { ForgetReceipt } from '../../schema/memory.ts'
import { bounded, type Scope, type StoreContext, userProject } from '../context.ts'
import { emit } from '../outbox.ts'
import { graph } from './graph.ts'
import { isRemembered, type RecallFilter } from './memories.ts'
import { relationTimes } from './relation-times.ts'

export function forgetting(context: StoreContext) {
  const { db } = context
  return {
    /** Returns the ids of memories that remember has stored and the filter selects, oldest first. */
    async select(scope: Scope, filter: RecallFilter, limit: number): Promise<string[]> {
      const rows = await bounded(db).query<{ id: string }>(sql`
        select id from zerodb_memories
        where ${isRemembered(scope, filter)}
        order by created_at, id
        limit ${limit}::int`)
      return rows.map(({ id }) => id)
    },

    /**
     * Deletes those of the memories that the project has, and everything that is derived only from them: mentions, relations, entities,
     * before-images, texts in their runs, and pending work. Emits one event for each memory, and one for each relation that ends.
     * Must run in a transaction.
     */
    async forget(scope: Scope, ids: readonly string[]): Promise<ForgetReceipt> {
      const memories = await db.query<{ id: string; event_seq: number }>(sql`
        select id, event_seq from zerodb_memories
        where id = any(${ids}::uuid[]) and project_id = (select project_id from (${userProject(scope)}) owner)
        order by id
        for update`)
      const found = memories.map(({ id }) => id)
      const seqs = memories.map(({ event_seq }) => event_seq)
      // The events of the memories stay in the log and tell nothing of what they were about.
      await db.query(sql`
        update zerodb_events set data = data || '{"entity_id": null}'
        where seq = any(${seqs}::bigint[]) and data ->> 'entity_id' is not null`)
      await db.query(sql`delete from zerodb_changes where row_id = any(${found}::uuid[])`)
      const mentioned = await db.query<{ entity_id: string }>(
        sql`delete from zerodb_mentions where memory_id = any(${found}::uuid[]) returning entity_id`,
      )
      const sourced = await db.query<{ edge_id: string }>(
        sql`delete from zerodb_edge_sources where memory_id = any(${found}::uuid[]) returning edge_id`,
      )
      const edges = await graph(context).removeUnsupported(scope, [...new Set(sourced.map((row) => row.edge_id))])
      await relationTimes(context).reopen(scope, found)
      const touched = [
        ...mentioned.map((row) => row.entity_id),
        ...edges.flatMap((edge) => [edge.subject_id, edge.object_id]),
      ]
      const entities = await db.query(sql`
        delete from zerodb_entities e
        where e.id = any(${[...new Set(touched)]}::uuid[])
          and not exists (select from zerodb_mentions where entity_id = e.id)
          and not exists (select from zerodb_edges where subject_id = e.id or object_id = e.id)
        returning id`)
      const refs = [...found, ...edges.map(({ id }) => id)]
      const ofRelations = await db.query<{ seq: number }>(sql`
        select seq from zerodb_events
        where event in ('zeromemory.relation_added', 'zeromemory.relation_ended') and ref = any(${edges.map(({ id }) => id)}::text[])`)
      const runs = await db.query(sql`
        update zerodb_runs set
          status = case when status = 'queued' then 'cancelled' else status end,
          finished_at = coalesce(finished_at, case when status = 'queued' then now() end),
          result = null, error = null, logs = null, requests = null, requests_omitted = null,
          input = input || '{"data": {}}'
        where event_seq = any(${[...seqs, ...ofRelations.map(({ seq }) => seq)]}::bigint[])
          or (trigger = 'invoke' and ref = any(${refs}::text[]) and project_id = ${scope.project_id}::uuid)
          or (
            dedupe_key = any(${refs.map((id) => `row:${id}`)}::text[])
            and hook_id in (select id from zerodb_hooks where user_id = ${scope.user_id}::uuid)
          )
        returning id`)
      await context.commit(sql`
        with stored as (
          delete from zerodb_memories where id = any(${found}::uuid[]) returning *, id::text as ref
        ),
        ${emit(scope, forgotten, {
          memory_id: sql`stored.id`,
          memory_type: sql`stored.memory_type`,
          namespace: sql`stored.namespace`,
          user_id: sql`stored.user_id`,
        })}
        select event.seq as event_seq from event`)
      return {
        memories: found.length,
        mentions: mentioned.length,
        edges: edges.length,
        entities: entities.length,
        runs: runs.length,
      }
    },
  }
}
