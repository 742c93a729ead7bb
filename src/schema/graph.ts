import { z } from 'zod'
import { createdAt, integer, name, seconds, uuid } from './common.ts'

export const DEFAULT_NAMESPACE = 'global'
const namespace = name
  .default(DEFAULT_NAMESPACE)
  .describe('Namespace of the graph: that of the memories which it is made from')

const moment = z.iso.datetime({ offset: true })

export const entity = z
  .object({
    id: z.string().describe('Id of the entity'),
    name: z.string().describe('Name of the entity'),
    type: z.string().describe('Type of the entity, such as `person`, `organization` or `place`'),
    namespace: z.string().describe('Namespace of the memories that mention the entity'),
    aliases: z.array(z.string()).describe('All names under which memories mention the entity'),
  })
  .meta({ id: 'Entity', description: 'A person, organization, place or thing that memories mention' })
export type Entity = z.infer<typeof entity>

export const relationship = z
  .object({
    id: z.string().describe('Id of the relation'),
    subject: z.string().describe('Name of the entity that the relation starts at'),
    predicate: z.string().describe('The relation, such as `works for`'),
    object: z.string().describe('Name of the entity that the relation leads to'),
    confidence: z.number().describe('Confidence of the extraction, from 0 to 1'),
    lemma: z
      .string()
      .nullable()
      .describe('The predicate in its base form, such as `work for`; null for relations of before this field'),
    tense: z
      .enum(['past', 'present', 'future'])
      .nullable()
      .describe('Tense of the predicate; null for stated relations, and for a predicate without a verb'),
    valid_from: z
      .string()
      .nullable()
      .describe('Since when the fact holds: when its first memory was stored, or as stated. Null: unknown'),
    valid_to: z.string().nullable().describe('Until when the fact held; null if it holds'),
    sources: z.array(z.string()).describe('Ids of the memories that support the relation'),
    created_at: createdAt,
  })
  .meta({ id: 'Relationship', description: 'A relation between two entities' })
export type Relationship = z.infer<typeof relationship>

const neighbor = z
  .object({
    id: z.string().describe('Id of the neighbor'),
    name: z.string().describe('Name of the neighbor'),
    type: z.string().describe('Type of the neighbor'),
    predicate: z.string().describe('The relation, such as `works for`'),
    direction: z
      .enum(['out', 'in'])
      .describe(
        '`out`: the relation leads to the neighbor, away from the entity asked for. `in`: it starts at the neighbor',
      ),
    confidence: z.number().describe('Confidence of the extraction, from 0 to 1'),
    distance: z.number().describe('Number of relations between the neighbor and the entity asked for'),
  })
  .meta({ id: 'Neighbor', description: 'An entity that is related to the one asked for' })
const graphNode = z
  .object({
    id: z.string().describe('Id of the entity'),
    label: z.string().describe('Name of the entity'),
    type: z.string().describe('Type of the entity'),
  })
  .meta({ id: 'GraphNode', description: 'An entity as a node of a drawing' })
const graphEdge = z
  .object({
    id: z.string().describe('Id of the relation'),
    source: z.string().describe('Id of the node that the edge starts at'),
    target: z.string().describe('Id of the node that the edge leads to'),
    predicate: z.string().describe('The relation, such as `works for`'),
  })
  .meta({ id: 'GraphEdge', description: 'A relation as an edge of a drawing' })

export const neighborsQuery = z.object({
  entity: name.describe('The entity: its name in any spelling, the `entity_id` given to remember, or its id'),
  namespace,
  depth: integer(1, 3)
    .default(1)
    .describe(
      'Maximum distance of a neighbor. 2 and 3 also follow the relations of the neighbors, of at most 50 at each distance',
    ),
  as_of: moment
    .optional()
    .describe('Relations that held at this time: ISO 8601 with a time zone. When absent: those that hold now'),
  limit: integer(1, 500).default(50).describe('Maximum number of relations'),
  wait: seconds(0, 10)
    .default(2)
    .describe('Seconds to wait for the extraction of what you have just stored; 0 responds at once'),
})
export const neighbors = z
  .object({
    entity,
    neighbors: z.array(neighbor).describe('The related entities, one for each relation'),
    relationships: z.array(relationship).describe('The relations, with the memories that support them'),
    nodes: z.array(graphNode).describe('The entities as nodes of a drawing'),
    edges: z.array(graphEdge).describe('The relations as edges of a drawing'),
    count: z.number().describe('Number of relations'),
    pending: z.number().describe('Number of extractions that had not finished when the wait was over'),
  })
  .meta({ id: 'Neighbors', description: 'An entity and what it is related to' })
export type Neighbors = z.infer<typeof neighbors>

export const relate = z.object({
  subject: name.meta({ description: 'Name of the entity that the relation starts at', examples: ['Maria'] }),
  predicate: name.meta({ description: 'The relation, as you name it', examples: ['works for'] }),
  object: name.meta({ description: 'Name of the entity that the relation leads to', examples: ['Initech'] }),
  namespace,
  confidence: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Confidence, from 0 to 1. A known relation keeps a higher one'),
  subject_type: name.default('other').describe('Type of the subject, if it is new in the graph'),
  object_type: name.default('other').describe('Type of the object, if it is new in the graph'),
  valid_from: moment
    .nullish()
    .describe('Since when the fact holds: ISO 8601 with a time zone. Null or absent: since now'),
  replace: z
    .boolean()
    .default(false)
    .describe('True: end the other relations with this subject and this predicate, such as a previous address'),
})
export const related = z
  .object({
    status: z
      .enum(['created', 'exists'])
      .describe(
        '`created`: the relation is new. `exists`: the graph had it already, and it has not changed but for its confidence',
      ),
    ...relationship.shape,
    relation_id: z.string().describe('Same value as `id`'),
    ended: z.array(z.string()).describe('Ids of the relations that `replace` has ended'),
  })
  .meta({ id: 'Related', description: 'The relation that was stated' })

export const relationKey = z.object({ relation_id: uuid.describe('Id of the relation') })

export const pathQuery = z.object({
  from: name.describe('The entity at the start: its name, the `entity_id` given to remember, or its id'),
  to: name.describe('The entity at the end: its name, the `entity_id` given to remember, or its id'),
  namespace,
  max_depth: integer(1, 6).default(4).describe('Maximum number of relations of the path'),
  as_of: moment
    .optional()
    .describe('Relations that held at this time: ISO 8601 with a time zone. When absent: those that hold now'),
})
export const path = z
  .object({
    from: entity,
    to: entity,
    length: z
      .number()
      .nullable()
      .describe('Number of relations of the path; null if no path of at most `max_depth` relations was found'),
    relationships: z
      .array(relationship)
      .describe('The relations from the first entity to the second, each in its own direction'),
  })
  .meta({ id: 'GraphPath', description: 'A shortest path between two entities' })
