import { number } from '../lib/parse-options.ts'
import { columns, group, type Input, limited, verb } from '../lib/verb.ts'

export const graph = group('graph', 'entities and relations in memories', [
  verb('graph', 'neighbors', 'list the entities related to an entity', {
    args: ['entity'],
    options: (command) =>
      limited(command)
        .option('--namespace <name>', 'namespace of the graph')
        .option('--depth <n>', 'maximum distance of a neighbor, 1 to 3; 1 if not given', number)
        .option('--as-of <time>', 'relations that held at this time: ISO 8601 with a time zone')
        .option('--wait <seconds>', 'seconds to wait for the extraction of new memories', number),
    words: ({ neighbors }: { neighbors: Input[] }) =>
      columns('name', 'type', 'predicate', 'direction', 'confidence')(neighbors, 'No relations'),
  }),
  verb('graph', 'path', 'find a shortest path between two entities', {
    args: ['from', 'to'],
    options: (command) =>
      command
        .option('--namespace <name>', 'namespace of the graph')
        .option('--max-depth <n>', 'maximum number of relations, 1 to 6; 4 if not given', number)
        .option('--as-of <time>', 'relations that held at this time: ISO 8601 with a time zone'),
    words: ({ relationships }: { relationships: Input[] }) =>
      columns('subject', 'predicate', 'object', 'confidence')(relationships, 'No path'),
  }),
  verb('graph', 'relate', 'state a relation of two entities', {
    args: ['subject', 'predicate', 'object'],
    options: (command) =>
      command
        .option('--namespace <name>', 'namespace of the graph')
        .option('--confidence <n>', 'confidence, 0 to 1; 1 if not given', number)
        .option('--subject-type <type>', 'type of the subject, if it is new')
        .option('--object-type <type>', 'type of the object, if it is new')
        .option('--valid-from <time>', 'since when the fact holds: ISO 8601 with a time zone; now if not given')
        .option('--replace', 'end the other relations with this subject and predicate'),
    words: ({ status, relation_id }: Input) =>
      status === 'created' ? `Added relation ${relation_id}` : `The graph has this relation already: ${relation_id}`,
  }),
  verb('graph', 'end-relation', 'end a relation that does not hold any more', {
    args: ['relation_id'],
    question: ({ relation_id }) => `End the relation ${relation_id}?`,
    words: (_: never, { relation_id }: Input) => `Ended relation ${relation_id}`,
  }),
])
