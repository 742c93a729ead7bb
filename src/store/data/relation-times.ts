import { type Statement, sql } from '../../db/sql.ts'
import { relationAdded, relationEnded } from '../../schema/events.ts'
import { type Scope, type StoreContext, userProject } from '../context.ts'
import { emit } from '../outbox.ts'

/** Data of the events of relations. */
export const RELATION_DATA = {
  relation_id: sql`stored.id`,
  project_id: sql`stored.project_id`,
  subject_id: sql`stored.subject_id`,
  object_id: sql`stored.object_id`,
  user_id: sql`stored.user_id`,
}

/** Columns that `emit` requires of an edge. */
export const ownerColumns = (scope: Scope) => sql`${scope.user_id}::uuid as user_id, id::text as ref`

/** What a fact says of its subject. */
export interface FactKey {
  subject_id: string
  object_id: string
  predicate: string
  lemma: string
  /** What the object is to the subject, if it is one at a time. */
  functional: string | null
}

/** When a fact is stated, and by which memory; null for a caller. */
export interface Occasion {
  at: Statement
  memory_id: string | null
}

/** Condition: the fact held at this time, as far as the graph knows. */
export const heldAt = (at: Statement) => sql`
  (valid_from is null or valid_from <= ${at}) and (valid_to is null or valid_to > ${at})`

export function relationTimes(context: StoreContext) {
  const { db } = context
  return { end, endStated, endOthers, reopen }

  /** Ends the relations of the project that `condition` selects and that hold. Returns their ids. Emits one event for each. */
  async function end(scope: Scope, condition: Statement, { at, memory_id }: Occasion): Promise<string[]> {
    const rows = await context.commit<{ event_seq: number; id: string }>(sql`
      with edge as (
        update zerodb_edges
        set invalidated_at = now(), valid_to = greatest(${at}, valid_from), ended_by = ${memory_id}::uuid
        where ${condition} and invalidated_at is null and project_id = (select project_id from (${userProject(scope)}) owner)
        returning *
      ),
      stored as (select *, ${ownerColumns(scope)} from edge),
      ${emit(scope, relationEnded, RELATION_DATA)}
      select event.ref as id, event.seq as event_seq from event`)
    return rows.map(({ id }) => id)
  }

  /** Ends the relation of a fact that does not hold any more ("no longer works at"), whatever its tense. Returns the ids of what it ended. */
  async function endStated(scope: Scope, fact: FactKey, occasion: Occasion): Promise<string[]> {
    const isSame = sql`(predicate = ${fact.predicate} or lemma = ${fact.lemma} or functional = ${fact.functional})`
    return end(
      scope,
      sql`subject_id = ${fact.subject_id}::uuid and object_id = ${fact.object_id}::uuid and ${isSame}
        and (valid_from is null or valid_from <= ${occasion.at})`,
      occasion,
    )
  }

  /**
   * Ends what a new fact replaces: of a functional predicate, the subject has one object at a time. A fact that is older than a known one ends
   * where that begins. Facts of one memory never replace each other. Returns the ids of the relations that ended.
   */
  async function endOthers(scope: Scope, fact: FactKey, occasion: Occasion): Promise<string[]> {
    if (fact.functional === null) return []
    const { at, memory_id } = occasion
    const isOther = sql`
      subject_id = ${fact.subject_id}::uuid and functional = ${fact.functional} and object_id <> ${fact.object_id}::uuid
      and not exists (select from zerodb_edge_sources where edge_id = zerodb_edges.id and memory_id = ${memory_id}::uuid)`
    // What ended after this fact began ended when it began.
    await db.query(sql`
      update zerodb_edges set valid_to = ${at}
      where ${isOther} and invalidated_at is not null and valid_to > ${at} and (valid_from is null or valid_from < ${at})`)
    const [later] = await db.query<{ valid_from: string | null }>(
      sql`select min(valid_from)::text as valid_from from zerodb_edges where ${isOther} and valid_from > ${at}`,
    )
    if (later!.valid_from === null)
      return end(scope, sql`${isOther} and (valid_from is null or valid_from <= ${at})`, occasion)
    const isThis = sql`subject_id = ${fact.subject_id}::uuid and functional = ${fact.functional} and object_id = ${fact.object_id}::uuid`
    return end(scope, sql`${isThis} and (valid_from is null or valid_from <= ${at})`, {
      at: sql`${later!.valid_from}::timestamptz`,
      memory_id: null,
    })
  }

  /** Lets relations hold again that only these memories have ended. Emits one event for each. */
  async function reopen(scope: Scope, memoryIds: readonly string[]): Promise<void> {
    await context.commit(sql`
      with edge as (
        update zerodb_edges e set invalidated_at = null, valid_to = null, ended_by = null
        where e.ended_by = any(${memoryIds}::uuid[])
          and not exists (
            select from zerodb_edges o
            where o.subject_id = e.subject_id and o.invalidated_at is null
              and (o.functional = e.functional or (o.predicate = e.predicate and o.object_id = e.object_id))
          )
          and not exists (
            select from zerodb_edges o
            where o.subject_id = e.subject_id and o.ended_by = any(${memoryIds}::uuid[]) and o.valid_from > e.valid_from
              and (o.functional = e.functional or (o.predicate = e.predicate and o.object_id = e.object_id))
          )
        returning *
      ),
      stored as (select *, ${ownerColumns(scope)} from edge),
      ${emit(scope, relationAdded, RELATION_DATA)}
      select event.seq as event_seq from event`)
    // What another memory contradicts too is ended by that one from here on.
    await db.query(sql`
      update zerodb_edges e set ended_by = (
        select s.memory_id
        from zerodb_edges o
        join zerodb_edge_sources s on s.edge_id = o.id
        where o.subject_id = e.subject_id and o.functional = e.functional and o.object_id <> e.object_id and o.invalidated_at is null
          and s.memory_id <> all(${memoryIds}::uuid[])
        order by s.memory_id
        limit 1
      )
      where e.ended_by = any(${memoryIds}::uuid[])`)
  }
}
