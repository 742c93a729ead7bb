import type { Command } from 'commander'
import { stringifyJson } from '../../exact-json.ts'
import { json, number, object } from '../lib/parse-options.ts'
import { columns, deleted, group, type Input, shown, skippable, unlimited, verb } from '../lib/verb.ts'

const namespaced = (command: Command) => command.option('--namespace <name>', 'namespace; "default" if not given')
const inNamespace = (command: Command) => command.option('--namespace <name>', 'only of this namespace')
const filtered = (command: Command) =>
  command.option('--metadata-filter <json>', 'only those whose metadata matches, e.g. {"lang": "en"}', object)

/** Formats a count, which the server ends at its maximum. */
const counted = (count: number, isExact: boolean) => (isExact ? `${count}` : `${count} or more`)

/** Describes the vectors that `delete-many` selects. */
function selection({ namespace = 'default', vector_ids: ids, metadata_filter: filter }: Input): string {
  if (Array.isArray(ids)) return `${ids.length} vectors of the namespace ${namespace}`
  if (filter === undefined) return `all vectors of the namespace ${namespace}`
  return `the vectors of the namespace ${namespace} that match ${stringifyJson(filter)}`
}

export const vectors = group('vectors', 'embeddings and documents, searched by similarity', [
  verb('vectors', 'upsert', 'store a vector: a document, an embedding, or both', {
    options: (command) =>
      namespaced(command)
        .option('--vector-id <id>', 'id; generated if not given')
        .option('--document <text>', 'text of the document')
        .option('--vector-embedding <json>', 'embedding, as a list of numbers', json)
        .option('--vector-metadata <json>', 'metadata for filters', object)
        .option('--source <text>', 'source, in your own words'),
    words: shown,
  }),
  verb('vectors', 'upsert-batch', 'store many vectors, all or none', {
    options: (command) =>
      namespaced(command).requiredOption(
        '-d, --data <json>',
        'list of vectors with the fields of "vectors upsert", @file or - for standard input',
        json,
      ),
    input: ({ data, ...rest }) => ({ ...rest, vectors: data }),
    words: ({ success_count }: Input) => `Stored ${success_count} vectors`,
  }),
  verb('vectors', 'search', 'find the vectors most similar to a text or a vector', {
    args: ['[query]'],
    options: (command) =>
      filtered(namespaced(command))
        .option('--query-vector <json>', 'vector to compare with, instead of a text', json)
        .option('--threshold <n>', 'minimum similarity', number)
        .option('--model <name>', 'only vectors of this embedding model')
        .option('--hybrid', 'find vectors by the words of the text too')
        .option('--explain', 'with --hybrid, show both ranks of each result'),
    words: (found: Input[], { explain }) =>
      columns('vector_id', 'score', ...(explain ? ['explain'] : []), 'document')(found, 'No similar vectors'),
  }),
  verb('vectors', 'list', 'list vectors, oldest first', {
    options: (command) => skippable(filtered(inNamespace(command))),
    words: (items: Input[]) => columns('vector_id', 'namespace', 'dimension', 'document')(items, 'No vectors'),
  }),
  verb('vectors', 'namespaces', 'list the namespaces that have vectors', {
    words: (items: { namespace: string; vector_count: number; count_is_exact: boolean }[]) =>
      columns('namespace', 'vectors')(
        items.map(({ namespace, vector_count, count_is_exact }) => ({
          namespace,
          vectors: counted(vector_count, count_is_exact),
        })),
        'No vectors',
      ),
  }),
  verb('vectors', 'stats', 'count vectors, and show their dimensions and size', { options: inNamespace, words: shown }),
  verb('vectors', 'get', 'show a vector', { args: ['vector_id'], options: inNamespace, words: shown }),
  verb('vectors', 'update', 'change the metadata or the source of a vector', {
    args: ['vector_id'],
    options: (command) =>
      inNamespace(command)
        .option('--vector-metadata <json>', 'metadata that replaces the old metadata', object)
        .option('--source <text>', 'source, in your own words'),
    words: shown,
  }),
  verb('vectors', 'delete', 'delete a vector', {
    args: ['vector_id'],
    options: inNamespace,
    question: ({ vector_id }) => `Delete the vector ${vector_id}?`,
    words: deleted('vector', 'vector_id'),
  }),
  verb('vectors', 'delete-many', 'delete the vectors with these ids, those that match a filter, or a whole namespace', {
    args: ['[vector_ids...]'],
    options: (command) =>
      unlimited(filtered(namespaced(command))).option(
        '--limit <n>',
        'maximum number of vectors, oldest first; 0 for all',
        number,
      ),
    question: (given) => `Delete ${selection(given)}?`,
    words: ({ deleted_count, missing_ids, has_more }: { missing_ids: string[] } & Input) =>
      [
        `Deleted ${deleted_count} vectors${has_more ? '; more vectors match' : ''}`,
        ...(missing_ids.length > 0 ? [`Not found: ${missing_ids.join(', ')}`] : []),
      ].join('\n'),
  }),
])
