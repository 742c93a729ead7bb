import { type Database, type Statement, sql } from '../../src/db/sql.ts'
import { CHANGING, type Change, countChanges, judgeChanges } from './change-load.ts'
import type { Acknowledged } from './report.ts'
import { SKIPPED, WRITES } from './writes.ts'

export interface Verdict {
  rows: number
  changes: number
  events: number
  runs: number
  interrupted: number
  dead: number
}

// Only names of tables and columns from this code.
const literal = (text: string) => sql([text] as unknown as TemplateStringsArray)

/**
 * Compares the guarantees with the stored data and reports each difference. `accepted`: the runs whose webhook the receiver has accepted.
 * No other process may use the database.
 */
export async function judge(
  database: Database,
  acknowledged: Acknowledged,
  changes: readonly Change[],
  accepted: ReadonlyMap<string, number>,
  complain: (problem: string) => void,
): Promise<Verdict> {
  const none = async (what: string, statement: Statement) => {
    const rows = await database.query(statement)
    if (rows.length > 0) complain(`${rows.length} ${what}, e.g. ${JSON.stringify(rows[0])}`)
  }

  let rows = 0
  for (const { event, table, named, ref } of WRITES) {
    const stored = sql`(select ${literal(named)}::text as name, ${literal(ref)}::text as ref from ${literal(table)}) as item`
    const events = sql`(select ref from zerodb_events
      where event = ${event} and coalesce(data ->> 'table_name', data ->> 'namespace', '') <> ${CHANGING}) as event`
    const [counted] = await database.query<{ count: number }>(sql`select count(*) from ${stored}`)
    rows += counted!.count
    await none(
      `acknowledged writes of ${event} without their row`,
      sql`select name from unnest(${acknowledged.get(event)!}::text[]) as answered (name) except select name from ${stored}`,
    )
    await none(
      `rows without exactly one ${event}`,
      sql`
        select item.ref from ${stored} left join ${events} on event.ref = item.ref
        group by item.ref, item.name having count(event.ref) <> 1`,
    )
    await none(`events ${event} without their row`, sql`select ref from ${events} except select ref from ${stored}`)
  }
  await judgeChanges(changes, none)
  await none(
    'incomplete batches',
    sql`select batch_id from zerodb_vectors where batch_id is not null group by batch_id having count(*) <> 3`,
  )

  const pairs = sql`zerodb_events e join zerodb_hooks h on h.event_type = e.event and h.user_id = e.user_id`
  await none(
    'pairs of event and hook without exactly one run',
    sql`
      select e.id, h.hook_name from ${pairs} left join zerodb_runs r on r.event_seq = e.seq and r.hook_id = h.id
      group by e.id, h.hook_name having count(r.id) <> 1`,
  )
  await none(
    'runs without a matching event and hook',
    sql`select id from zerodb_runs r where not exists (select from ${pairs} where e.seq = r.event_seq and h.id = r.hook_id)`,
  )
  await none(
    'runs that are not final or have an unexpected status',
    sql`
      select r.id, r.handler, r.status, r.attempts, r.deaths, r.error from zerodb_runs r join zerodb_events e on e.seq = r.event_seq
      where r.finished_at is null
        or r.owner is not null
        or not case
          when r.status = 'dead' then r.error ->> 'code' = 'instance_died' and r.deaths >= 3
          when e.event = ${SKIPPED.event_type} then r.status = 'skipped'
          else r.status = 'succeeded'
        end`,
  )
  await none(
    'memories without an embedding whose auto_embed run succeeded',
    sql`
      select m.id from zerodb_memories m join zerodb_runs r on r.ref = m.id::text
      where r.handler = 'auto_embed' and r.status = 'succeeded' and m.embedding is null`,
  )
  await none(
    'memories that are not in the graph although their auto_graph run succeeded',
    sql`
      select m.id from zerodb_memories m join zerodb_runs r on r.ref = m.id::text
      where r.handler = 'auto_graph' and r.status = 'succeeded' and not exists (select from zerodb_mentions where memory_id = m.id)`,
  )
  await none(
    'successful webhooks that the receiver has not accepted',
    sql`
      select id from zerodb_runs where handler like 'webhook:%' and status = 'succeeded'
      except select id from unnest(${[...accepted.keys()]}::uuid[]) as received (id)`,
  )
  await none(
    'received webhooks whose run does not exist',
    sql`select id from unnest(${[...accepted.keys()]}::uuid[]) as received (id) except select id from zerodb_runs`,
  )
  await none('undispatched events', sql`select seq from zerodb_outbox`)

  const [counts] = await database.query<Omit<Verdict, 'rows' | 'changes'>>(sql`
    select
      (select count(*) from zerodb_events) as events,
      count(*) as runs,
      count(*) filter (where deaths > 0) as interrupted,
      count(*) filter (where status = 'dead') as dead
    from zerodb_runs`)
  return { rows, changes: await countChanges(database), ...counts! }
}
