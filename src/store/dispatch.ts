import { type Statement, sql } from '../db/sql.ts'
import type { Event } from '../schema/events.ts'
import { now, type StoreContext } from './context.ts'

/** A run that this process owns: what a handler needs to begin. */
export interface OwnedRun {
  id: string
  handler: string
  /** This attempt's number, from 1. With the owner it is the fence: an older attempt's result is not accepted. */
  attempts: number
  hook_id: string | null
  /** The hook's configuration at this moment; null when the hook has been switched off or deleted meanwhile. */
  config: Record<string, unknown> | null
  user_id: string
  project_id: string
  /** The text by which the handler finds the row that the event is about. */
  ref: string
  event: Event
}

interface RunRow extends Omit<OwnedRun, 'event'> {
  event_id: string
  event: Event['event']
  channel: Event['channel']
  data: Event['data']
  timestamp: string
}

export function toOwnedRun({ event_id, event, channel, data, timestamp, ...run }: RunRow): OwnedRun {
  return { ...run, event: { id: event_id, event, channel, data, timestamp } as Event }
}

/** The most events that one statement dispatches. */
export const DISPATCH_BATCH = 256

export function dispatch(context: StoreContext) {
  const { relaxed } = context

  /**
   * Turns events into runs, in one statement: takes them from the outbox, matches the hooks that existed when they were committed, and
   * inserts a run for each match. The first `slots` runs that this process can execute are owned by `epoch` at once; the others are queued.
   */
  async function fanOut(batch: Statement, epoch: number, slots: number, handlers: readonly string[]) {
    const rows = await relaxed.query<
      RunRow & { seq: number; events: number; is_new: boolean | null; mine: boolean | null }
    >(sql`
      -- array(): joined to the delete, the choice of the batch could be made anew for every row.
      with batch as (
        delete from zerodb_outbox where seq = any(array(${batch})) returning seq
      ),
      matched as (
        select
          e.seq, e.id as event_id, e.event, e.channel, e.data, e.created_at, e.user_id, e.project_id, e.ref,
          h.id as hook_id, h.hook_name, h.hook_config, gen_random_uuid() as id,
          row_number() over (order by not h.hook_name = any(${handlers}::text[]), e.seq, h.created_at) as n
        from batch
        cross join lateral (select * from zerodb_events where seq = batch.seq limit 1) e
        join zerodb_hooks h
          on h.user_id = e.user_id
          and h.event_type = e.event
          and h.is_active
          and (h.project_id is null or h.project_id = e.project_id)
          and h.created_at <= e.created_at
      ),
      inserted as (
        insert into zerodb_runs
          (id, trigger, event_seq, hook_id, user_id, project_id, handler, ref, run_at, status, attempts, owner, started_at)
        select
          m.id, 'event', m.seq, m.hook_id, m.user_id, m.project_id, m.hook_name, m.ref, ${now(context)},
          case when m.mine then 'running' else 'queued' end,
          case when m.mine then 1 else 0 end,
          case when m.mine then ${epoch}::bigint end,
          case when m.mine then now() end
        from (select matched.*, n <= ${slots}::int and hook_name = any(${handlers}::text[]) as mine from matched) m
        on conflict do nothing
        returning id
      )
      select
        m.seq, taken.events, m.id in (select id from inserted) as is_new, m.n <= ${slots}::int and m.hook_name = any(${handlers}::text[]) as mine,
        m.id, 1 as attempts, m.hook_name as handler, m.hook_id, m.hook_config as config, m.user_id, m.project_id, m.ref,
        m.event_id, m.event, m.channel, m.data, m.created_at as timestamp
      from (select count(*)::int as events from batch) taken
      left join matched m on true
      order by m.n`)
    const fresh = rows.filter((row) => row.is_new)
    const owned: OwnedRun[] = []
    for (const { seq: _seq, events: _events, is_new: _new, mine, ...row } of fresh)
      if (mine) owned.push(toOwnedRun(row))
    return { owned, queued: fresh.length - owned.length, events: rows[0]?.events ?? 0 }
  }

  return {
    /** Dispatches these events, those of them that nobody has dispatched. */
    events(seqs: readonly number[], epoch: number, slots: number, handlers: readonly string[]) {
      // A lookup for each seq, whatever the planner believed of the table's size when it made its plan.
      const picked = sql`
        select waiting.seq
        from unnest(${seqs}::bigint[]) as wanted (seq)
        cross join lateral (select seq from zerodb_outbox where seq = wanted.seq for update skip locked limit 1) waiting`
      return fanOut(picked, epoch, slots, handlers)
    },

    /** Dispatches the oldest events that nobody has: what a crash, or another process's wake-up that got lost, has left. */
    oldest(epoch: number, slots: number, handlers: readonly string[]) {
      const picked = sql`select seq from zerodb_outbox order by seq limit ${DISPATCH_BATCH}::int for update skip locked`
      return fanOut(picked, epoch, slots, handlers)
    },
  }
}
