import { json, sql } from '../../db/sql.ts'
import { relationAdded, relationEnded } from '../../schema/events.ts'
import { bounded, found, type Scope, type StoreContext, userProject } from '../context.ts'
import { emit } from '../outbox.ts'
import { entities, type NamedEntity } from './entities.ts'
import { heldAt, ownerColumns, RELATION_DATA, relationTimes } from './relation-times.ts'

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
    lemma: string
    tense: string | null
    functional: string | null
    /** Whether the memory says that the relation does not hold any more. */
    ended: boolean
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
  lemma: string | null
  tense: 'past' | 'present' | 'future' | null
  valid_from: string | null
  valid_to: string | null
  created_at: string
}

export interface StatedRelation {
  namespace: string
  subject: NamedEntity
  predicate: string
  object: NamedEntity
  confidence: number
  lemma: string
  functional: string | null
  /** Since when the relation holds; null: since now. */
  valid_from: string | null
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
    e.confidence, e.lemma, e.tense, e.valid_from, e.valid_to, e.created_at,
    array(select memory_id from zerodb_edge_sources where edge_id = e.id order by memory_id) as sources
  from zerodb_edges e
  join zerodb_entities s on s.id = e.subject_id
  join zerodb_entities o on o.id = e.object_id and o.namespace = s.namespace
  where`

export function graph(context: StoreContext) {
  const { db } = context
  const { findOrCreate } = entities(context)
  const times = relationTimes(context)
  return {
    /**
     * Adds the entities and relations of a memory, which hold since the memory was stored. Finds an entity by any of its names, or creates it; a
     * known relation gains a source. Ends the relations that the memory contradicts. Adding the same facts twice changes nothing. `relations` refer
     * to entities by `norm`. Emits one event for each new relation. Must run in a transaction. Returns null if the memory was deleted or its text
     * has changed.
     */
    async add(scope: Scope, facts: GraphFacts): Promise<{ entities: number; edges: number } | null> {
      const projectId = scope.project_id
      const [memory] = await db.query<{ namespace: string; created_at: string }>(sql`
        select namespace, created_at::text from zerodb_memories
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
      const occasion = { at: sql`${memory.created_at}::timestamptz`, memory_id: facts.memory_id }
      const edges = facts.relations.map(({ span, ...relation }) => ({
        ...relation,
        subject_id: ids.get(relation.subject)!,
        object_id: ids.get(relation.object)!,
        from: span[0],
        to: span[1],
      }))
      const [stored] = await context.commit<{ event_seq: number | null; sources: number }>(sql`
        with said as (
          select distinct on (subject_id, predicate, object_id) *
          from jsonb_to_recordset(${json(edges)}::jsonb) as s (
            subject_id uuid, predicate text, object_id uuid, confidence real, lemma text, tense text, functional text, ended boolean,
            "from" int, "to" int
          )
          order by subject_id, predicate, object_id, confidence desc
        ),
        known as (
          select distinct on (said.subject_id, said.predicate, said.object_id) e.id, said.*
          from said
          join zerodb_edges e on e.subject_id = said.subject_id and e.object_id = said.object_id and (
            e.predicate = said.predicate or (said.ended and (e.lemma = said.lemma or e.functional = said.functional))
          )
          where e.invalidated_at is null
            or (${heldAt(occasion.at)})
            or exists (select from zerodb_edge_sources where edge_id = e.id and memory_id = ${facts.memory_id}::uuid)
          order by said.subject_id, said.predicate, said.object_id, e.invalidated_at desc nulls first
        ),
        repeated as (
          update zerodb_edges e set
            confidence = greatest(e.confidence, known.confidence),
            valid_from = case when e.valid_from > ${occasion.at} and e.invalidated_at is null then ${occasion.at} else e.valid_from end
          from known
          where e.id = known.id and not known.ended
        ),
        made as (
          insert into zerodb_edges (project_id, subject_id, predicate, object_id, confidence, lemma, tense, functional, valid_from)
          select
            ${projectId}::uuid, subject_id, predicate, object_id, confidence, lemma, tense, functional,
            case when not ended then ${occasion.at} end
          from said
          where not exists (
            select from known
            where known.subject_id = said.subject_id and known.predicate = said.predicate and known.object_id = said.object_id
          )
          on conflict (subject_id, predicate, object_id) where invalidated_at is null
          do update set confidence = greatest(zerodb_edges.confidence, excluded.confidence)
          returning *, xmax = 0 as is_new
        ),
        edge as (
          select id, subject_id, predicate, object_id from known
          union all
          select id, subject_id, predicate, object_id from made
        ),
        source as (
          insert into zerodb_edge_sources (edge_id, memory_id, span, extractor, confidence)
          select edge.id, ${facts.memory_id}::uuid, int4range(said.from, said.to), ${facts.extractor}, said.confidence
          from edge join said using (subject_id, predicate, object_id)
          on conflict do nothing
          returning edge_id
        ),
        stored as (select *, ${ownerColumns(scope)} from made where is_new),
        ${emit(scope, relationAdded, RELATION_DATA)}
        select event.seq as event_seq, (select count(*)::int from source) as sources
        from (values (1)) one left join event on true`)
      for (const edge of edges) {
        if (edge.ended) await times.endStated(scope, edge, occasion)
        else await times.endOthers(scope, edge, occasion)
      }
      return { entities: ids.size, edges: stored!.sources }
    },

    /**
     * Adds a relation that the caller states, and its entities if they are new. Ends the relations that it contradicts, and with `replace` the
     * others with this subject and predicate. A relation that holds already is not added again and emits no event. Must run in a transaction.
     * Throws `not_found` for an unknown project.
     */
    async relate(
      scope: Scope,
      { namespace, subject, object, valid_from, ...said }: StatedRelation,
      replace: boolean,
    ): Promise<{ relation: GraphEdge; is_new: boolean; ended: string[] }> {
      found(await db.query(userProject(scope)), 'Project')
      const ids = await findOrCreate(scope.project_id, namespace, [subject, object])
      const fact = { ...said, subject_id: ids.get(subject.norm)!, object_id: ids.get(object.norm)! }
      const occasion = {
        at: valid_from === null ? sql`now()` : sql`${valid_from}::timestamptz`,
        memory_id: null,
      }
      const replaced = replace
        ? await times.end(
            scope,
            sql`subject_id = ${fact.subject_id}::uuid and predicate = ${fact.predicate} and object_id <> ${fact.object_id}::uuid`,
            occasion,
          )
        : []
      const [added] = await context.commit<{ event_seq: number | null; id: string; is_new: boolean }>(sql`
        with edge as (
          insert into zerodb_edges (
            project_id, subject_id, predicate, object_id, confidence, lemma, functional, valid_from, is_stated
          )
          values (
            ${scope.project_id}::uuid, ${fact.subject_id}::uuid, ${fact.predicate}, ${fact.object_id}::uuid, ${fact.confidence}::real,
            ${fact.lemma}, ${fact.functional}, ${occasion.at}, true
          )
          on conflict (subject_id, predicate, object_id) where invalidated_at is null
          do update set
            confidence = greatest(zerodb_edges.confidence, excluded.confidence),
            valid_from = case when zerodb_edges.valid_from > excluded.valid_from then excluded.valid_from else zerodb_edges.valid_from end,
            is_stated = true
          returning *, xmax = 0 as is_new
        ),
        stored as (select *, ${ownerColumns(scope)} from edge where is_new),
        ${emit(scope, relationAdded, RELATION_DATA)}
        select edge.id, edge.is_new, event.seq as event_seq from edge left join event on true`)
      const contradicted = (await times.endOthers(scope, fact, occasion)).filter((id) => id !== added!.id)
      const [relation] = await db.query<GraphEdge>(sql`${edgesWhere} e.id = ${added!.id}::uuid`)
      return { relation: relation!, is_new: added!.is_new, ended: [...replaced, ...contradicted] }
    },

    /** Ends a relation, which stays with the time of its end. Throws `not_found` for one that has ended. */
    async endRelation(scope: Scope, id: string): Promise<void> {
      found(await times.end(scope, sql`id = ${id}::uuid`, { at: sql`now()`, memory_id: null }), 'Relation')
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

    /**
     * Returns the relations of these entities, highest confidence first: those that hold, or with `asOf` those that held at that time. An entity
     * with very many relations costs a scan of them, which `bounded` limits.
     */
    async edges(scope: Scope, entityIds: readonly string[], limit: number, asOf: string | null): Promise<GraphEdge[]> {
      return bounded(db).query<GraphEdge>(sql`
        ${edgesWhere}
          e.project_id = (select project_id from (${userProject(scope)}) owner)
          and ${asOf === null ? sql`e.invalidated_at is null` : heldAt(sql`${asOf}::timestamptz`)}
          and (e.subject_id = any(${entityIds}::uuid[]) or e.object_id = any(${entityIds}::uuid[]))
        order by e.confidence desc, e.created_at, e.id
        limit ${limit}::int`)
    },
  }
}
