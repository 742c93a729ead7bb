import { type Statement, sql } from '../../db/sql.ts'
import type { Entity } from '../../schema/graph.ts'
import { type Scope, type StoreContext, userProject } from '../context.ts'

/** An entity as a text names it. The forms of its name are those of `nameKeys`; `norm` can be an identifier instead. */
export interface NamedEntity {
  name: string
  type: string
  norm: string
  acronym: string | null
  is_acronym: boolean
}

/** How a read names an entity: by its id, by an identifier of the application, or by one of its names. */
export interface EntityRef {
  id: string
  identifier: string
  name: Pick<NamedEntity, 'norm' | 'acronym' | 'is_acronym'>
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

export function entities(context: StoreContext) {
  const { db } = context
  return {
    /** Returns the entity of a namespace with this id, identifier or name, in this order; null if there is none. */
    async find(scope: Scope, namespace: string, { id, identifier, name }: EntityRef): Promise<Entity | null> {
      const owned = sql`(select project_id from (${userProject(scope)}) owner)`
      const uuid = UUID.test(id) ? id : null
      const exact = await db.query<{ id: string }>(sql`
        select id, 0 as rank from zerodb_entities
        where project_id = ${owned} and namespace = ${namespace} and id = ${uuid}::uuid
        union all
        select entity_id, case when norm = ${identifier} then 1 else 2 end from zerodb_entity_aliases
        where project_id = ${owned} and namespace = ${namespace} and norm in (${identifier}, ${name.norm})
        order by rank
        limit 1`)
      const entityId = exact[0]?.id ?? (await findByInitials(owned, namespace, name))
      if (entityId === null) return null
      const [row] = await db.query<Entity>(sql`
        select id, name, type, namespace, array(select alias from zerodb_entity_aliases where entity_id = e.id order by alias) as aliases
        from zerodb_entities e
        where id = ${entityId}::uuid`)
      return row ?? null
    },

    /**
     * Returns the ids of the entities by their `norm`. Creates those that are new, and adds names that are new. Concurrent writers lock the names
     * in the same order, so that they cannot create an entity twice or deadlock. Must run in a transaction.
     */
    async findOrCreate(
      projectId: string,
      namespace: string,
      named: readonly NamedEntity[],
    ): Promise<Map<string, string>> {
      const ids = new Map<string, string>()
      const sorted = [...named].sort((a, b) => (lockOf(a) < lockOf(b) ? -1 : 1))
      for (const entity of sorted) ids.set(entity.norm, await findOrCreateOne(projectId, namespace, entity))
      return ids
    },
  }

  async function findOrCreateOne(projectId: string, namespace: string, entity: NamedEntity): Promise<string> {
    const project = sql`${projectId}::uuid`
    const find = sql`
      select entity_id from zerodb_entity_aliases
      where project_id = ${project} and namespace = ${namespace} and norm = ${entity.norm}`
    const [known] = await db.query<{ entity_id: string }>(find)
    if (known) return known.entity_id
    const lock = `${projectId} ${namespace} ${lockOf(entity)}`
    await db.query(sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`)
    const abbreviated = entity.type === 'person' ? null : await findByInitials(project, namespace, entity)
    const [row] = await db.query<{ entity_id: string }>(sql`
      with known as (${find}),
      made as (
        insert into zerodb_entities (project_id, namespace, name, type)
        select ${project}, ${namespace}, ${entity.name}, ${entity.type}
        where not exists (select from known) and ${abbreviated}::uuid is null
        returning id
      ),
      entity as (
        select id from made
        union all
        select ${abbreviated}::uuid where ${abbreviated}::uuid is not null and not exists (select from known)
      ),
      alias as (
        insert into zerodb_entity_aliases (project_id, namespace, norm, acronym, entity_id, alias)
        select ${project}, ${namespace}, ${entity.norm}, ${entity.acronym}, id, ${entity.name} from entity
      )
      select entity_id from known union all select id from entity`)
    return row!.entity_id
  }

  /**
   * Returns the entity whose name is the acronym of this name, or whose acronym is this name; null if there is none or more than one. People are
   * left out: the initials of a person name no one.
   */
  async function findByInitials(
    project: Statement,
    namespace: string,
    { norm, acronym, is_acronym }: EntityRef['name'],
  ): Promise<string | null> {
    if (acronym === null && !is_acronym) return null
    const rows = await db.query<{ entity_id: string }>(sql`
      select distinct a.entity_id
      from zerodb_entity_aliases a
      join zerodb_entities e on e.id = a.entity_id
      where a.project_id = ${project} and a.namespace = ${namespace} and e.type <> 'person'
        and ${is_acronym ? sql`a.acronym = ${norm}` : sql`a.norm = ${acronym} and a.alias = upper(a.alias)`}
      limit 2`)
    return rows.length === 1 ? rows[0]!.entity_id : null
  }
}

/** An acronym and its long form have the same lock. */
const lockOf = ({ norm, acronym }: NamedEntity): string => acronym ?? norm
