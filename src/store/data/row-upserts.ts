import { json, Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { stringifyJson } from '../../exact-json.ts'
import { rowInserted, rowUpdated } from '../../schema/events.ts'
import type { Row } from '../../schema/table.ts'
import { updateLocked } from '../before-images.ts'
import { found, type Scope, type StoreContext } from '../context.ts'
import { emitChanges, NEXT_SEQ } from '../outbox.ts'
import { derivedKeys, ROW_EVENT_DATA, rowColumns, rowKeys, tableOf } from './tables.ts'

/** An item to upsert: its fields, and those of them that find the row. */
export interface UpsertItem {
  key: Record<string, unknown>
  data: Record<string, unknown>
}

export interface UpsertedRows {
  rows: Row[]
  inserted: number
  updated: number
}

/** Insert or update of rows by the values of some of their fields. Its methods must run in a transaction. */
export function rowUpserts(context: StoreContext) {
  const { db } = context

  /**
   * Waits for other upserts of these keys. Two upserts of one key would otherwise both find no row. Sorted, so that two requests with
   * several keys cannot deadlock.
   */
  async function lockKeys(tableId: string, keys: readonly Record<string, unknown>[]): Promise<void> {
    const texts = [...new Set(keys.map((key) => `${tableId} ${stringifyJson(key)}`))].sort()
    await db.query(sql`
      select count(pg_advisory_xact_lock(hashtextextended(key, 0)))
      from (select key from unnest(${texts}::text[]) with ordinality as locks (key, n) order by n offset 0) sorted`)
  }

  return {
    /** Waits for other writes that insert a row if none has the fields of `filter`. Throws `not_found`. */
    async lockFilter(scope: Scope, table: string, filter: Record<string, unknown>): Promise<void> {
      const { id } = found(await db.query<{ id: string }>(tableOf(scope, table)), `Table "${table}"`)
      await lockKeys(id, [filter])
    },

    /**
     * For each item, merges its fields into the row with the same values in `fields`, or inserts a row. Returns the rows in the order of the
     * items. Throws `not_found`, and `invalid` if several rows have the values of an item.
     */
    async upsert(
      scope: Scope,
      table: string,
      fields: readonly string[],
      items: readonly UpsertItem[],
      isChecked: boolean,
    ): Promise<UpsertedRows> {
      const { id, unique_keys } = found(
        await db.query<{ id: string; unique_keys: string[][] | null }>(tableOf(scope, table, isChecked)),
        `Table "${table}"`,
      )
      await lockKeys(
        id,
        items.map(({ key }) => key),
      )
      const declared = (unique_keys ?? []).findIndex(
        (key) => key.length === fields.length && key.every((f) => fields.includes(f)),
      )
      const rows = await context.commit<
        Row & { n: number | null; matches: number; is_updated: boolean; event_seq: number | null }
      >(sql`
        with t as (${tableOf(scope, table)}),
        item as materialized (
          select n, item -> 'key' as key, item -> 'data' as data
          from jsonb_array_elements(${json(items)}::jsonb) with ordinality as items (item, n)
        ),
        matched as materialized (
          select item.n, item.data, f.id, count(*) over (partition by item.n) as matches
          from item
          cross join t
          cross join lateral (
            select r.id from zerodb_rows r
            where r.table_id = t.id and ${hasKey(declared)}
            order by r.position
            limit 2
          ) f
        ),
        ${updateLocked('zerodb_rows', {
          userId: scope.user_id,
          old: sql`
            select r.*, matched.data as given, matched.n, matched.matches
            from matched
            join zerodb_rows r on r.id = matched.id
            order by r.position
            for update of r`,
          set: { data: sql`old.data || old.given`, version: sql`old.version + 1`, updated_at: sql`now()` },
          derived: derivedKeys,
          compared: 'data',
          order: 'position',
        })},
        ${emitChanges(scope, rowUpdated, { ...ROW_EVENT_DATA, changed: sql`stored.changed` })},
        fresh as (
          insert into zerodb_rows (table_id, project_id, data, key_1, key_2, key_3)
          select t.id, t.project_id, item.data, ${rowKeys(sql`item.data`)}
          from t
          cross join item
          where item.n not in (select n from matched)
          order by item.n
          returning *
        ),
        added as materialized (
          select
            ${NEXT_SEQ} as seq, fresh.*, fresh.id::text as ref, ${scope.user_id}::uuid as user_id, null::jsonb as before,
            null::vector[] as before_vectors
          from (select * from fresh order by position offset 0) fresh
        ),
        ${emitChanges(scope, rowInserted, ROW_EVENT_DATA, { name: 'insert_', stored: sql`added` })}
        select ${rowColumns}, r.n, r.matches, r.is_updated, r.event_seq
        from (
          select
            old.id, old.project_id, old.table_id, coalesce(stored.data, old.data) as data, coalesce(stored.version, old.version) as version,
            old.created_at, coalesce(stored.updated_at, old.updated_at) as updated_at, old.n, old.matches, stored.id is not null as is_updated,
            stored.seq as event_seq, old.position
          from old
          left join stored on stored.id = old.id
          union all
          select id, project_id, table_id, data, version, created_at, updated_at, null, 1, false, seq, position from added
        ) r
        cross join t
        order by r.position`)
      const several = rows.find(({ matches }) => matches > 1)
      if (several)
        throw new ZeroError(
          'invalid',
          `Several rows have these values of ${fields.join(', ')}: ${stringifyJson(items[several.n! - 1]!.key)}. Declare a unique key, or update them by filter`,
        )
      return assembled(rows, items.length)
    },
  }
}

/** Condition: row `r` has the key of `item`. A declared unique key is looked up by its index. */
function hasKey(declared: number): Statement {
  if (declared >= 0) {
    const n = new Sql(String(declared), [])
    return sql`r.${new Sql(`key_${declared + 1}`, [])} = zerodb_row_key(item.key, t.unique_keys -> ${n})`
  }
  return sql`
    r.data @> item.key
    and not exists (select from jsonb_each(item.key) field where r.data -> field.key is distinct from field.value)`
}

/** Puts the inserted rows, which are in the order of their items, at the places that no updated row has. */
function assembled(
  rows: readonly (Row & { n: number | null; matches: number; is_updated: boolean; event_seq: number | null })[],
  count: number,
): UpsertedRows {
  const placed: (Row | undefined)[] = Array(count).fill(undefined)
  const added: Row[] = []
  let updated = 0
  for (const { n, matches: _, is_updated, event_seq: __, ...row } of rows) {
    if (n === null) added.push(row as Row)
    else placed[n - 1] = row as Row
    if (is_updated) updated++
  }
  const inserted = added.length
  return { rows: placed.map((row) => row ?? added.shift()!), inserted, updated }
}
