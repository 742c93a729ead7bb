import type { Command } from 'commander'
import { stringifyJson } from '../../exact-json.ts'
import { table, time } from '../lib/output.ts'
import { collect, json, number, object } from '../lib/parse-options.ts'
import { cell, columns, deleted, group, type Input, limited, shown, skippable, unlimited, verb } from '../lib/verb.ts'

const row = columns('row_id', 'created_at', 'row_data')

const versioned = (command: Command) => command.option('--if-match <n>', 'version that the row must have', number)
const filtered = (command: Command) =>
  command.option('--filters <json>', 'filter, e.g. {"total": {"$gte": 100}}', object)
const selected = (command: Command) =>
  unlimited(command)
    .requiredOption('--filter <json>', 'filter, e.g. {"status": "draft"}', object)
    .option('--limit <n>', 'maximum number of rows, oldest first; 0 for all', number)
const oneOrMany = (command: Command) =>
  command.requiredOption('-d, --data <json>', 'an object or a list of objects, @file or - for standard input', json)

const withRowData = ({ data, ...rest }: Input): Input => (data === undefined ? rest : { ...rest, row_data: data })
const withRows = ({ data, ...rest }: Input): Input =>
  Array.isArray(data) ? { ...rest, rows: data } : { ...rest, row_data: data }

export const rows = group('rows', 'rows of tables', [
  verb('rows', 'insert', 'store a row or a list of rows', {
    args: ['table'],
    options: oneOrMany,
    input: withRows,
    words: (answer: Input) => ('rows' in answer ? row(answer['rows'] as Input[], '') : shown(answer)),
  }),
  verb('rows', 'list', 'list the rows of a table, oldest first', {
    args: ['table'],
    options: skippable,
    words: (items: Input[]) => row(items, 'No rows'),
  }),
  verb('rows', 'query', 'list the rows of a table that match a filter', {
    args: ['table'],
    options: (command) =>
      skippable(filtered(command))
        .option('--sort <json>', 'sort order, e.g. {"total": -1}', object)
        .option('--projection <path>', 'path to return; can be repeated', collect),
    words: (items: Input[]) => row(items, 'No rows'),
  }),
  verb('rows', 'get', 'show a row', { args: ['table', 'row_id'], words: shown }),
  verb('rows', 'update', 'change fields of a row; other fields stay', {
    args: ['table', 'row_id'],
    options: (command) =>
      versioned(command)
        .option('-d, --data <json>', 'fields to set', object)
        .option('--update <json>', 'operators, e.g. {"$inc": {"total": 5}}', object),
    input: withRowData,
    words: shown,
  }),
  verb('rows', 'replace', 'replace all fields of a row', {
    args: ['table', 'row_id'],
    options: (command) => versioned(command).requiredOption('-d, --data <json>', 'all fields of the row', object),
    input: withRowData,
    words: shown,
  }),
  verb('rows', 'delete', 'delete a row', {
    args: ['table', 'row_id'],
    options: versioned,
    question: ({ row_id }) => `Delete the row ${row_id}?`,
    words: deleted('row', 'row_id'),
  }),
  verb('rows', 'upsert', 'insert rows, or update those with the same key', {
    args: ['table'],
    options: (command) =>
      oneOrMany(command).requiredOption('--upsert-key <field>', 'field of the key; can be repeated', collect),
    input: withRows,
    words: ({ inserted_count, modified_count }: Input) => `Inserted ${inserted_count}, updated ${modified_count}`,
  }),
  verb('rows', 'update-many', 'change all rows that match a filter', {
    args: ['table'],
    options: (command) =>
      selected(command)
        .requiredOption('--update <json>', 'operators, or fields to set', object)
        .option('--upsert', 'insert a row if none matches'),
    words: ({ matched_count, modified_count, has_more }: Input) =>
      `Updated ${modified_count} of ${matched_count} rows${has_more ? '; more rows match' : ''}`,
  }),
  verb('rows', 'delete-many', 'delete all rows that match a filter', {
    args: ['table'],
    options: selected,
    question: ({ table, filter }) => `Delete the rows of ${table} that match ${stringifyJson(filter)}?`,
    words: ({ deleted_count, has_more }: Input) =>
      `Deleted ${deleted_count} rows${has_more ? '; more rows match' : ''}`,
  }),
  verb('rows', 'aggregate', 'count, sum and average rows', {
    args: ['table'],
    options: (command) =>
      limited(filtered(command))
        .option('--group-by <path>', 'path of the groups; can be repeated', collect)
        .option('--aggregates <json>', 'by name, e.g. {"revenue": {"sum": "total"}}', object),
    words: ({ groups }: { groups: Input[] }) => columns('key', 'values')(groups, 'No groups'),
  }),
  verb('rows', 'history', 'list the changes of a row, newest first', {
    args: ['table', 'row_id'],
    words: (items: Input[]) =>
      table(
        ['AT', 'EVENT', 'CHANGED', 'AFTER'],
        items.map(({ at, event, changed, after }) => [time(String(at)), event, changed, after].map(cell)),
        'No changes',
      ),
  }),
])
