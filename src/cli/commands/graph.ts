import { number } from '../lib/parse-options.ts'
import { columns, group, type Input, limited, verb } from '../lib/verb.ts'

export const graph = group('graph', 'entities and relations in memories', [
  verb('graph', 'neighbors', 'list the entities related to an entity', {
    args: ['entity'],
    options: (command) =>
      limited(command).option('--wait <seconds>', 'seconds to wait for the extraction of new memories', number),
    words: ({ neighbors }: { neighbors: Input[] }) =>
      columns('name', 'type', 'predicate', 'direction', 'confidence')(neighbors, 'No relations'),
  }),
])
