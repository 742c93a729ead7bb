import type { z } from 'zod'
import { join, Statement as Sql, type Statement, sql } from '../db/sql.ts'
import type { EventType } from '../schema/event.ts'
import type { Scope } from './context.ts'

/**
 * The number of the next event. The statement assigns a transaction id first, so that readers of the log can see that the transaction is
 * still running.
 */
export const NEXT_SEQ = sql`case when pg_current_xact_id() is not null then nextval('zerodb_events_seq_seq') end`

/**
 * Common table expressions that end every write: they append one event per row of `stored` to the log and to the outbox. They are part of
 * the statement that writes the row, so that the event exists if and only if the row does. Join `event` on `ref` to get the `seq` of each
 * row.
 *
 * `stored` must have `user_id`, `project_id` and `ref`, the text by which handlers find the row. `data` gives every field of the event type
 * as an expression over `stored`. `seq` is the number of the event if the row stores it (drawn by `NEXT_SEQ`). With `'stored'` as origin, each
 * row also has `chain_id`, `depth`, `caused_by` and `trace`.
 */
export function emit<Data extends z.ZodObject>(
  origin: Origin | 'stored',
  type: EventType<string, Data>,
  data: EventData<Data>,
  seq = NEXT_SEQ,
): Statement {
  return sql`
    event as (
      ${insertEvents(origin, type, data, sql`(select ${seq} as seq, s.* from stored s)`)}
    ),
    outbox as (
      insert into zerodb_outbox (seq) select seq from event
    )`
}

type EventData<Data extends z.ZodObject> = { [Field in keyof z.infer<Data> & string]: Statement }

/**
 * Common table expressions that end a write to rows which exist already: one event and one before-image per row of `stored`. In addition to
 * the columns that `emit` requires, `stored` must have `seq`, drawn by `NEXT_SEQ` after the row was locked, `id`, `before` and
 * `before_vectors`. A row whose `before` is null, because it is new, gets no before-image. `name` distinguishes the expressions of several
 * event types in one statement; `stored` is the expression that has the rows.
 */
export function emitChanges<Data extends z.ZodObject>(
  scope: Scope,
  type: EventType<string, Data>,
  data: EventData<Data>,
  { name = '', stored = sql`stored` }: { name?: '' | 'insert_' | 'update_'; stored?: Statement } = {},
): Statement {
  return sql`
    ${literal(name)}event as (
      ${insertEvents(scope, type, data, stored)}
    ),
    ${literal(name)}outbox as (
      insert into zerodb_outbox (seq) select seq from ${literal(name)}event
    ),
    ${literal(name)}change as (
      insert into zerodb_changes (seq, n, row_id, before, before_vectors)
      select stored.seq, 0, stored.id, stored.before, stored.before_vectors from ${stored} stored where stored.before is not null
    )`
}

/** Inserts one event per row of `stored`, which has the event's `seq`. */
function insertEvents<Data extends z.ZodObject>(
  given: Origin | 'stored',
  type: EventType<string, Data>,
  data: EventData<Data>,
  stored: Statement,
): Statement {
  const fields = Object.entries<Statement>(data).map(([field, value]) => sql`${literal(`'${field}', `)}${value}`)
  const origin = originOf(given)
  return sql`
    insert into zerodb_events (seq, id, event, channel, data, user_id, project_id, ref${origin.names})
    select
      stored.seq, ${NEW_EVENT_ID},
      ${literal(`'${type.name}', '${type.channel}'`)}, jsonb_build_object(${join(fields, ', ')}), stored.user_id, stored.project_id,
      stored.ref${origin.values}
    from ${stored} stored
    left join zerodb_event_key key_of_ids on true
    returning seq, ref`
}

/**
 * The id of a new event, as `zerodb_event_id` gives it. Written out, because a call takes 12 of the 110 µs of processor time of a write. Without
 * a key it is null, and the insert fails.
 */
const CHECK_DIGITS = sql`substr(sha256(key_of_ids.key || int8send(stored.seq)), 1, 6)`
const NEW_EVENT_ID = sql`
  'evt_'
    || lpad(to_hex(stored.seq # ('x' || left(encode(sha256(key_of_ids.key || ${CHECK_DIGITS}), 'hex'), 10))::bit(40)::bigint), 10, '0')
    || encode(${CHECK_DIGITS}, 'hex')`

/** The id of the event with this number. */
export function eventId(seq: Statement): Statement {
  return sql`zerodb_event_id(${seq}, (select key from zerodb_event_key))`
}

type Origin = Pick<Scope, 'cause' | 'trace'>

/** Columns of an event about its cause, with their values. Most writes have no cause, and are cheaper without these columns. */
function originOf(origin: Origin | 'stored'): { names: Statement; values: Statement } {
  const names = sql`, chain_id, depth, caused_by, trace`
  if (origin === 'stored')
    return { names, values: sql`, stored.chain_id, stored.depth, stored.caused_by, stored.trace` }
  const { cause, trace } = origin
  if (!cause && !trace) return { names: sql``, values: sql`` }
  return {
    names,
    values: sql`, ${cause?.chain_id ?? null}::text, ${cause?.depth ?? 0}::int, ${cause?.run_id ?? null}::uuid, ${trace ?? null}::text`,
  }
}

/** Inserts a constant of this program as SQL text. Never use it for text from a user. */
function literal(text: string): Statement {
  return new Sql(text, [])
}
