import { stringifyJson } from '../../exact-json.ts'
import { json } from '../lib/parse-options.ts'
import { columns, group, type Input, verb } from '../lib/verb.ts'

export const embeddings = group('embeddings', 'texts converted to embeddings', [
  verb('embeddings', 'models', 'list the models of the server', {
    words: (items: Input[]) => columns('id', 'dimensions', 'is_default', 'description')(items, 'No models'),
  }),
  verb('embeddings', 'generate', 'print the embeddings of texts, one per line; stores nothing', {
    args: ['<texts...>'],
    options: (command) => command.option('--model <name>', 'embedding model'),
    words: ({ embeddings: found }: { embeddings: number[][] }) => found.map((one) => stringifyJson(one)).join('\n'),
  }),
  verb('embeddings', 'embed-and-store', 'embed texts and store them as vectors, all or none', {
    args: ['<texts...>'],
    options: (command) =>
      command
        .option('--namespace <name>', 'namespace; "default" if not given')
        .option('--vector-ids <json>', 'list with an id for each text; generated if not given', json)
        .option('--metadata-list <json>', 'list with the metadata of each text', json)
        .option('--source <text>', 'source, in your own words')
        .option('--model <name>', 'embedding model'),
    words: ({ vector_ids: ids }: { vector_ids: string[] }) => ids.join('\n'),
  }),
])
