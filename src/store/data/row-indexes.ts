import { sql } from '../../db/sql.ts'
import type { StoreContext } from '../context.ts'

/** Rows per step: about 30 ms, in which writers of these rows wait. */
const BUILT_ROWS = 1_000
const REMOVED_ENTRIES = 10_000

interface PendingIndex {
  id: number
  table_id: string
  fields: string[]
  state: 'building' | 'removing'
  built_to: number
  is_fenced: boolean
}

/** The work on declared indexes that follows their declaration. Entries of rows that are written later are stored by triggers. */
export function rowIndexes({ db }: StoreContext) {
  /** Adds the entries of some rows. Returns false if a writer holds one of them: the step must be repeated. */
  async function build({ id, table_id, fields, built_to }: PendingIndex): Promise<boolean> {
    // The share lock stops updates that would leave an entry of the old values. "skip locked": no deadlock with a writer of many rows.
    const [batch] = await db.query<{ rows: number; locked: number; last: number | null }>(sql`
      with batch as materialized (
        select position from zerodb_rows
        where table_id = ${table_id}::uuid and position > ${built_to}::bigint
        order by position
        limit ${BUILT_ROWS}::int
      ),
      locked as materialized (
        select r.position, r.data
        from batch
        join zerodb_rows r on r.table_id = ${table_id}::uuid and r.position = batch.position
        for share of r skip locked
      ),
      added as (
        insert into zerodb_row_index_entries (index_id, key, position)
        select ${id}::bigint, zerodb_row_sort_key(data, ${fields}::text[]), position from locked
        on conflict do nothing
      )
      select
        (select count(*)::int from batch) as rows, (select count(*)::int from locked) as locked, (select max(position) from batch) as last`)
    const { rows, locked, last } = batch!
    if (locked < rows) return false
    const isReady = rows < BUILT_ROWS
    await db.query(sql`
      update zerodb_row_indexes set built_to = coalesce(${last}::bigint, built_to), state = ${isReady ? 'ready' : 'building'}
      where id = ${id}::bigint`)
    return true
  }

  async function remove({ id }: PendingIndex): Promise<boolean> {
    const [batch] = await db.query<{ removed: number }>(sql`
      with removed as (
        delete from zerodb_row_index_entries
        where index_id = ${id}::bigint
          and (key, position) in (
            select key, position from zerodb_row_index_entries where index_id = ${id}::bigint limit ${REMOVED_ENTRIES}::int
          )
        returning 1
      )
      select count(*)::int as removed from removed`)
    if (batch!.removed < REMOVED_ENTRIES) await db.query(sql`delete from zerodb_row_indexes where id = ${id}::bigint`)
    return true
  }

  return {
    /**
     * Does a bounded part of the work on one index that is building or being removed. Returns false if there is nothing to do now. Must run in
     * a transaction.
     */
    async advance(): Promise<boolean> {
      const [index] = await db.query<PendingIndex>(sql`
        select id, table_id, fields, state, built_to, fence is not null as is_fenced
        from zerodb_row_indexes
        where state <> 'ready' and (fence is null or fence < pg_snapshot_xmin(pg_current_snapshot()))
        order by id
        limit 1
        for update skip locked`)
      if (!index) return false
      if (!index.is_fenced) {
        await db.query(sql`update zerodb_row_indexes set fence = pg_current_xact_id() where id = ${index.id}::bigint`)
        return true
      }
      return index.state === 'building' ? build(index) : remove(index)
    },
  }
}
