import { json, object } from '../lib/parse-options.ts'
import { columns, deleted, describable, group, type Input, shown, skippable, verb } from '../lib/verb.ts'

const table = columns('table_name', 'created_at', 'description')

const INDEXES = 'indexes for ranges and orders, e.g. ["total", ["status", "total"]]'

export const tables = group('tables', 'tables of rows', [
  verb('tables', 'list', 'list the tables of a project, oldest first', {
    options: skippable,
    words: (items: Input[]) => table(items, 'No tables. Create one: zerodb tables create NAME'),
  }),
  verb('tables', 'create', 'create a table', {
    args: ['table_name'],
    options: (command) =>
      describable(command)
        .option('--schema-definition <json>', 'schema of its rows: a JSON Schema with --strict', object)
        .option('--strict', 'refuse rows that the schema does not allow')
        .option('--unique-keys <json>', 'unique keys, e.g. ["email", ["year", "number"]]', json)
        .option('--indexes <json>', INDEXES, json),
    words: shown,
  }),
  verb('tables', 'update', 'change the schema, the indexes or the description of a table', {
    args: ['table'],
    options: (command) =>
      describable(command)
        .option('--schema-definition <json>', 'schema of its rows, for later writes', object)
        .option('--strict', 'refuse rows that the schema does not allow')
        .option('--no-strict', 'accept all rows')
        .option('--indexes <json>', `all ${INDEXES}`, json),
    words: shown,
  }),
  verb('tables', 'get', 'show a table', { args: ['table'], words: shown }),
  verb('tables', 'delete', 'delete a table and its rows', {
    args: ['table'],
    question: ({ table }) => `Delete the table ${table} and its rows?`,
    words: deleted('table', 'table'),
  }),
])
