import { json, type Statement, sql } from '../../db/sql.ts'
import { relationAdded, relationEnded } from '../../schema/events.ts'
import { found, type Scope, type StoreContext, userProject } from '../context.ts'
import { emit } from '../outbox.ts'
import { entities, type NamedEntity } from './entities.ts'

/** The entities and relations of a memory, with normalized names. */
export interface GraphFacts {
  memory_id: string
  content: string
  extractor: string
  entities: (NamedEntity & { spans: (readonly [number, number])[] })[]
  relations: {
    subject: string
    predicate: string
    object: string
    span: readonly [number, number]
    confidence: number
  }[]
}

export interface GraphEdge {
  id: string
  subject_id: string
  subject: string
  subject_type: string
  predicate: string
  object_id: string
  object: string
  object_type: string
  confidence: number
  sources: string[]
  created_at: string
}

/** Data of the events of relations. */
export const RELATION_DATA = {
  relation_id: sql`stored.id`,
  project_id: sql`stored.project_id`,
  subject_id: sql`stored.subject_id`,
  object_id: sql`stored.object_id`,
  user_id: sql`stored.user_id`,
}

export interface StatedRelation {
  namespace: string
  subject: NamedEntity
  predicate: string
  object: NamedEntity
  confidence: number
}

export interface GoneEdge {
  event_seq: number | null
  id: string
  subject_id: string
  object_id: string
}

/** Selects relations with the names of their entities, as `e`. A condition follows. */
const edgesWhere = sql`
  select
    e.id, e.subject_id, s.name as subject, s.type as subject_type, e.predicate, e.object_id, o.name as object, o.type as object_type,
    e.confidence, e.created_at,
    array(select memory_id from zerodb_edge_sources where edge_id = e.id order by memory_id) as sources
  from zerodb_edges e
  join zerodb_entities s on s.id = e.subject_id
  join zerodb_entities o on o.id = e.object_id and o.namespace = s.namespace
  where`

export function graph(context: StoreContext) {
  const { db } = context
  const { findOrCreate } = entities(context)
  /** Columns that `emit` requires of an edge. */
  const ownerColumns = (scope: Scope) => sql`${scope.user_id}::uuid as user_id, id::text as ref`
  return {
    /**
     * Adds the entities and relations of a memory. Finds an entity by any of its names, or creates it; a known relation gains a source.
     * Adding the same facts twice changes nothing. `relations` refer to entities by `norm`. Emits one event for each new relation. Must run in a
     * transaction. Returns null if the memory was deleted or its text has changed.
     */
    async add(scope: Scope, facts: GraphFacts): Promise<{ entities: number; edges: number } | null> {
      const projectId = scope.project_id
      const [memory] = await db.query<{ namespace: string }>(sql`
        select namespace from zerodb_memories
        where id = ${facts.memory_id}::uuid and project_id = ${projectId}::uuid and content = ${facts.content}
        for share`)
      if (!memory) return null
      const ids = await findOrCreate(projectId, memory.namespace, facts.entities)
      const mentions = facts.entities.flatMap((entity) =>
        entity.spans.map((span) => ({ entity_id: ids.get(entity.norm), from: span[0], to: span[1] })),
      )
      await db.query(sql`
        insert into zerodb_mentions (memory_id, entity_id, span)
        select ${facts.memory_id}::uuid, m.entity_id, int4range(m.from, m.to)
        from jsonb_to_recordset(${json(mentions)}::jsonb) as m (entity_id uuid, "from" int, "to" int)
        on conflict do nothing`)
      const edges = facts.relations.map((relation) => ({
        subject_id: ids.get(relation.subject),
        predicate: relation.predicate,
        object_id: ids.get(relation.object),
        confidence: relation.confidence,
        from: relation.span[0],
        to: relation.span[1],
      }))
      const [stored] = await context.commit<{ event_seq: number | null; sources: number }>(sql`
        with said as (
          select distinct on (subject_id, predicate, object_id) *
          from jsonb_to_recordset(${json(edges)}::jsonb)
            as s (subject_id uuid, predicate text, object_id uuid, confidence real, "from" int, "to" int)
          order by subject_id, predicate, object_id, confidence desc
        ),
        edge as (
          insert into zerodb_edges (project_id, subject_id, predicate, object_id, confidence)
          select ${projectId}::uuid, subject_id, predicate, object_id, confidence from said
          on conflict (subject_id, predicate, object_id) where invalidated_at is null
          do update set confidence = greatest(zerodb_edges.confidence, excluded.confidence)
          returning *, xmax = 0 as is_new
        ),
        source as (
          insert into zerodb_edge_sources (edge_id, memory_id, span, extractor, confidence)
          select edge.id, ${facts.memory_id}::uuid, int4range(said.from, said.to), ${facts.extractor}, said.confidence
          from edge join said using (subject_id, predicate, object_id)
          on conflict do nothing
          returning edge_id
        ),
        stored as (select *, ${ownerColumns(scope)} from edge where is_new),
        ${emit(scope, relationAdded, RELATION_DATA)}
        select event.seq as event_seq, (select count(*)::int from source) as sources
        from (values (1)) one left join event on true`)
      return { entities: ids.size, edges: stored!.sources }
    },

    /**
     * Adds a relation that the caller states, and its entities if they are new. With `replace`, ends the other relations with this subject and
     * predicate. A relation that holds already is not added again and emits no event. Must run in a transaction. Throws `not_found` for an
     * unknown project.
     */
    async relate(
      scope: Scope,
      { namespace, subject, predicate, object, confidence }: StatedRelation,
      replace: boolean,
    ): Promise<{ relation: GraphEdge; is_new: boolean; ended: string[] }> {
      found(await db.query(userProject(scope)), 'Project')
      const ids = await findOrCreate(scope.project_id, namespace, [subject, object])
      const subjectId = ids.get(subject.norm)!
      const objectId = ids.get(object.norm)!
      const ended = replace
        ? await end(
            scope,
            sql`subject_id = ${subjectId}::uuid and predicate = ${predicate} and object_id <> ${objectId}::uuid`,
          )
        : []
      const [added] = await context.commit<{ event_seq: number | null; id: string; is_new: boolean }>(sql`
        with edge as (
          insert into zerodb_edges (project_id, subject_id, predicate, object_id, confidence, is_stated)
          values (${scope.project_id}::uuid, ${subjectId}::uuid, ${predicate}, ${objectId}::uuid, ${confidence}::real, true)
          on conflict (subject_id, predicate, object_id) where invalidated_at is null
          do update set confidence = greatest(zerodb_edges.confidence, excluded.confidence), is_stated = true
          returning *, xmax = 0 as is_new
        ),
        stored as (select *, ${ownerColumns(scope)} from edge where is_new),
        ${emit(scope, relationAdded, RELATION_DATA)}
        select edge.id, edge.is_new, event.seq as event_seq from edge left join event on true`)
      const [relation] = await db.query<GraphEdge>(sql`${edgesWhere} e.id = ${added!.id}::uuid`)
      return { relation: relation!, is_new: added!.is_new, ended }
    },

    /** Ends a relation, which stays with the time of its end. Throws `not_found` for one that has ended. */
    async endRelation(scope: Scope, id: string): Promise<void> {
      found(await end(scope, sql`id = ${id}::uuid`), 'Relation')
    },

    /** Deletes those of the relations that no memory supports and no caller has stated. Emits one event for each that holds. */
    async removeUnsupported(scope: Scope, ids: readonly string[]): Promise<GoneEdge[]> {
      return context.commit<GoneEdge>(sql`
        with gone as (
          delete from zerodb_edges e
          where e.id = any(${ids}::uuid[]) and not is_stated and not exists (select from zerodb_edge_sources where edge_id = e.id)
          returning *
        ),
        stored as (select *, ${ownerColumns(scope)} from gone where invalidated_at is null),
        ${emit(scope, relationEnded, RELATION_DATA)}
        select gone.id, gone.subject_id, gone.object_id, event.seq as event_seq
        from gone left join event on event.ref = gone.id::text`)
    },

    /** Returns the relations of an entity, highest confidence first. */
    async edges(scope: Scope, entityId: string, limit: number): Promise<GraphEdge[]> {
      return db.query<GraphEdge>(sql`
        ${edgesWhere}
          e.project_id = (select project_id from (${userProject(scope)}) owner)
          and e.invalidated_at is null
          and (e.subject_id = ${entityId}::uuid or e.object_id = ${entityId}::uuid)
        order by e.confidence desc, e.created_at, e.id
        limit ${limit}::int`)
    },
  }

  /** Ends the relations of the project that `condition` selects and that hold. Returns their ids. Emits one event for each. */
  async function end(scope: Scope, condition: Statement): Promise<string[]> {
    const rows = await context.commit<{ event_seq: number; id: string }>(sql`
      with edge as (
        update zerodb_edges set invalidated_at = now()
        where ${condition} and invalidated_at is null and project_id = (select project_id from (${userProject(scope)}) owner)
        returning *
      ),
      stored as (select *, ${ownerColumns(scope)} from edge),
      ${emit(scope, relationEnded, RELATION_DATA)}
      select event.ref as id, event.seq as event_seq from event`)
    return rows.map(({ id }) => id)
  }
}
