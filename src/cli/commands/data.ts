import { openAsBlob, statSync } from 'node:fs'
import { basename } from 'node:path'
import { Command } from 'commander'
import type { ZeroDB } from '../../client/index.ts'
import { stringifyJson } from '../../exact-json.ts'
import { confirmed } from '../lib/confirm.ts'
import { UsageError } from '../lib/failure.ts'
import { fields, table, time } from '../lib/output.ts'
import { collect, json, number, object } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { iterable, megabytes, writeWithProgress } from './files.ts'

// Commands for the data of a project, grouped by noun. Each calls one operation of the API and has an option per field.

type Input = Record<string, unknown>
/** The operations of a noun. The server validates their input. */
type Verbs = Record<string, (input: Input) => Promise<unknown>>

interface Definition {
  /** Input fields that are positional arguments. */
  args?: readonly string[]
  options?: (command: Command) => Command
  /** Converts arguments and options to the input of the operation, if they differ. */
  input?: (given: Input) => Input
  /** The confirmation question of a destructive command. */
  question?: (given: Input) => string
  words: (answer: never, given: Input) => string
}

/** Creates a command for the operation `noun.verb`. */
function verb(
  noun: keyof ZeroDB,
  name: string,
  description: string,
  definition: Definition,
  operation = name,
): Command {
  const { args = [], options = (command) => command, input = (given) => given, question, words } = definition
  const command = options(remote(name, description))
  for (const key of args) command.argument(`<${key}>`)
  if (question) command.option('--yes', 'do not ask')
  return command.action(
    ask(async ({ zerodb, print }: Session, ...all: unknown[]) => {
      const given = givenOf(args, all)
      if (question && !(await confirmed(question(given), given['yes'] as boolean | undefined))) return
      const answer = await (zerodb[noun] as unknown as Verbs)[operation]!(input(without(given, 'yes')))
      print(answer ?? { ...without(given, 'yes'), deleted: true }, () => words(answer as never, given))
    }),
  )
}

/** Options that locate the server or format the output, and are not input. */
const SESSION_OPTIONS = ['server', 'apiKey', 'project', 'json']

function givenOf(keys: readonly string[], all: readonly unknown[]): Input {
  const options = (all.at(-1) ?? {}) as Input
  const fields = Object.entries(options)
    .filter(([name]) => !SESSION_OPTIONS.includes(name))
    .map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value])
  return { ...Object.fromEntries(keys.map((key, i) => [key, all[i]])), ...Object.fromEntries(fields) }
}

function without(given: Input, key: string): Input {
  const { [key]: _, ...rest } = given
  return rest
}

const paged = (command: Command) =>
  command
    .option('--limit <n>', 'maximum number of results', number)
    .option('--offset <n>', 'number of results to skip', number)
const namespaced = (command: Command) => command.option('--namespace <name>', 'namespace; "default" if not given')
const deleted = (noun: string, key: string) => (_: never, given: Input) => `Deleted ${noun} ${given[key]}`

const oneLine = (value: unknown) =>
  (typeof value === 'string' ? value : value === null || value === undefined ? '' : stringifyJson(value))
    .replace(/\s+/g, ' ')
    .trim()
/** Formats a table with a column for each of these keys; times are cut to the second. */
const columns =
  (...keys: readonly string[]) =>
  (items: readonly Input[], empty: string) =>
    table(
      keys.map((key) => key.toUpperCase().replaceAll('_', ' ')),
      items.map((item) => keys.map((key) => (key.endsWith('_at') ? time(String(item[key])) : oneLine(item[key])))),
      empty,
    )
const shown = (answer: Input) => fields(answer)

function group(name: string, description: string, commands: readonly Command[]): Command {
  const parent = new Command(name).description(description)
  for (const command of commands) parent.addCommand(command)
  return parent
}

const project = columns('id', 'name', 'status', 'created_at', 'description')
const describable = (command: Command) => command.option('--description <text>', 'description')
/** Defaults to the project of the key. */
const withProject = (given: Input) => ({ project_id: '-', ...given })

export const projects = group('projects', 'separate sets of data', [
  verb('projects', 'list', 'list your projects', {
    options: paged,
    words: (items: Input[]) => project(items, 'No projects'),
  }),
  verb('projects', 'create', 'create a project', { args: ['name'], options: describable, words: shown }),
  verb('projects', 'get', 'show a project; - is the project of the key', {
    args: ['project_id'],
    input: withProject,
    words: shown,
  }),
  verb('projects', 'update', 'change a project; - is the project of the key', {
    args: ['project_id'],
    options: (command) => describable(command).option('--name <name>', 'new name'),
    words: shown,
  }),
  verb('projects', 'suspend', 'refuse writes to a project, and let its runs wait', {
    args: ['project_id'],
    words: (_: never, { project_id }) => `Suspended project ${project_id}`,
  }),
  verb('projects', 'activate', 'continue a suspended project', {
    args: ['project_id'],
    words: (_: never, { project_id }) => `Activated project ${project_id}`,
  }),
  verb('projects', 'stats', 'count the objects of a project; - is the project of the key', {
    args: ['project_id'],
    words: shown,
  }),
  verb('projects', 'delete', 'delete a project with all its data', {
    args: ['project_id'],
    question: ({ project_id }) => `Delete the project ${project_id} with all its data?`,
    words: deleted('project', 'project_id'),
  }),
])

const tableRows = columns('table_name', 'created_at', 'description')

export const tables = group('tables', 'tables of rows', [
  verb('tables', 'list', 'list the tables of a project', {
    options: paged,
    words: (items: Input[]) => tableRows(items, 'No tables. Create one: zerodb tables create NAME'),
  }),
  verb('tables', 'create', 'create a table', {
    args: ['table_name'],
    options: (command) =>
      describable(command)
        .option('--schema-definition <json>', 'schema of its rows: a JSON Schema with --strict', object)
        .option('--strict', 'refuse rows that the schema does not allow')
        .option('--unique-keys <json>', 'unique keys, e.g. ["email", ["year", "number"]]', json),
    words: shown,
  }),
  verb('tables', 'update', 'change the schema or the description of a table', {
    args: ['table'],
    options: (command) =>
      describable(command)
        .option('--schema-definition <json>', 'schema of its rows, for later writes', object)
        .option('--strict', 'refuse rows that the schema does not allow')
        .option('--no-strict', 'accept all rows'),
    words: shown,
  }),
  verb('tables', 'get', 'show a table', { args: ['table'], words: shown }),
  verb('tables', 'delete', 'delete a table and its rows', {
    args: ['table'],
    question: (given) => `Delete the table ${given['table']} and its rows?`,
    words: deleted('table', 'table'),
  }),
])

const versioned = (command: Command) => command.option('--if-match <n>', 'version that the row must have', number)
const withRowData = ({ data, ...rest }: Input): Input => (data === undefined ? rest : { ...rest, row_data: data })
const selected = (command: Command) =>
  command
    .requiredOption('--filter <json>', 'filter, e.g. {"status": "draft"}', object)
    .option('--limit <n>', 'maximum number of rows, oldest first; 0 for all', number)

const row = columns('row_id', 'created_at', 'row_data')
const rowPage = ({ data, total }: { data: Input[]; total: number }) =>
  `${row(data, 'No rows')}${data.length < total ? `\n${data.length} of ${total}` : ''}`

export const rows = group('rows', 'rows of tables', [
  verb('rows', 'insert', 'store a row or a list of rows', {
    args: ['table'],
    options: (command) =>
      command.requiredOption(
        '-d, --data <json>',
        'an object or a list of objects, @file or - for standard input',
        json,
      ),
    input: ({ table, data }) => (Array.isArray(data) ? { table, rows: data } : { table, row_data: data }),
    words: (answer: Input) => ('rows' in answer ? row(answer['rows'] as Input[], '') : shown(answer)),
  }),
  verb('rows', 'list', 'list the rows of a table', { args: ['table'], options: paged, words: rowPage }),
  verb('rows', 'query', 'list the rows of a table that match a filter', {
    args: ['table'],
    options: (command) =>
      paged(command)
        .option('--filters <json>', 'filter, e.g. {"total": {"$gte": 100}}', object)
        .option('--sort <json>', 'sort order, e.g. {"total": -1}', object),
    words: rowPage,
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
      command
        .requiredOption('-d, --data <json>', 'an object or a list of objects, @file or - for standard input', json)
        .requiredOption('--upsert-key <field>', 'field of the key; can be repeated', collect),
    input: ({ table, data, upsert_key }) =>
      Array.isArray(data) ? { table, rows: data, upsert_key } : { table, row_data: data, upsert_key },
    words: ({ inserted_count, modified_count }: Input) => `Inserted ${inserted_count}, updated ${modified_count}`,
  }),
  verb(
    'rows',
    'update-many',
    'change all rows that match a filter',
    {
      args: ['table'],
      options: (command) => selected(command).requiredOption('--update <json>', 'operators, or fields to set', object),
      words: ({ matched_count, modified_count, has_more }: Input) =>
        `Updated ${modified_count} of ${matched_count} rows${has_more ? '; more rows match' : ''}`,
    },
    'update_many',
  ),
  verb(
    'rows',
    'delete-many',
    'delete all rows that match a filter',
    {
      args: ['table'],
      options: selected,
      question: ({ table, filter }) => `Delete the rows of ${table} that match ${stringifyJson(filter)}?`,
      words: ({ deleted_count, has_more }: Input) =>
        `Deleted ${deleted_count} rows${has_more ? '; more rows match' : ''}`,
    },
    'delete_many',
  ),
  verb('rows', 'aggregate', 'count, sum and average rows', {
    args: ['table'],
    options: (command) =>
      command
        .option('--filters <json>', 'filter, e.g. {"total": {"$gte": 100}}', object)
        .option('--group-by <path>', 'path of the groups; can be repeated', collect)
        .option('--aggregates <json>', 'by name, e.g. {"revenue": {"sum": "total"}}', object)
        .option('--limit <n>', 'maximum number of groups', number),
    words: ({ groups }: { groups: Input[] }) => columns('key', 'values')(groups, 'No groups'),
  }),
  verb('rows', 'history', 'list the changes of a row, newest first', {
    args: ['table', 'row_id'],
    options: (command) => command.option('--limit <n>', 'maximum number of changes', number),
    words: ({ items }: { items: Input[] }) =>
      table(
        ['AT', 'EVENT', 'CHANGED', 'AFTER'],
        items.map(({ at, event, changed, after }) => [time(String(at)), event, changed, after].map(oneLine)),
        'No changes',
      ),
  }),
])

const match = columns('vector_id', 'score', 'document')

export const vectors = group('vectors', 'embeddings and documents, searched by similarity', [
  verb('vectors', 'upsert', 'store a vector: a document, an embedding, or both', {
    options: (command) =>
      namespaced(command)
        .option('--vector-id <id>', 'id; generated if not given')
        .option('--document <text>', 'text of the document')
        .option('--vector-embedding <json>', 'embedding, as a list of numbers', json)
        .option('--vector-metadata <json>', 'metadata for filters', object),
    words: shown,
  }),
  verb('vectors', 'search', 'find the vectors most similar to a text', {
    args: ['query'],
    options: (command) =>
      namespaced(command)
        .option('--limit <n>', 'maximum number of results', number)
        .option('--threshold <n>', 'minimum similarity', number)
        .option('--metadata-filter <json>', 'only vectors whose metadata matches', object)
        .option('--model <name>', 'embedding model'),
    words: ({ vectors: found }: { vectors: Input[] }) => match(found, 'No similar vectors'),
  }),
  verb('vectors', 'list', 'list vectors, oldest first', {
    options: (command) => paged(namespaced(command)),
    words: ({ vectors: found }: { vectors: Input[] }) =>
      columns('vector_id', 'namespace', 'dimension', 'document')(found, 'No vectors'),
  }),
  verb('vectors', 'get', 'show a vector', { args: ['vector_id'], options: namespaced, words: shown }),
  verb('vectors', 'delete', 'delete a vector', {
    args: ['vector_id'],
    options: namespaced,
    question: ({ vector_id }) => `Delete the vector ${vector_id}?`,
    words: deleted('vector', 'vector_id'),
  }),
])

const about = (command: Command) =>
  command
    .option('--entity-id <id>', 'entity that the memory is about')
    .option('--session-id <id>', 'conversation')
    .option('--agent-id <id>', 'agent')
    .option('--namespace <name>', 'namespace; "global" if not given')
    .option('--tags <tag>', 'tag; can be repeated', collect)

export const memory = group('memory', 'memories of agents', [
  verb('memory', 'remember', 'store a memory', {
    args: ['content'],
    options: (command) =>
      about(command)
        .option('--memory-type <type>', 'working, episodic, semantic or procedural')
        .option('--importance <n>', 'importance, 0 to 1', number)
        .option('--metadata <json>', 'metadata stored with the memory', object),
    words: ({ memory_id }: { memory_id: string }) => `Stored memory ${memory_id}`,
  }),
  verb('memory', 'recall', 'find the memories most relevant to a text', {
    args: ['query'],
    options: (command) => about(command).option('--limit <n>', 'maximum number of results', number),
    words: ({ results }: { results: Input[] }) =>
      columns('memory_id', 'score', 'content')(results, 'No relevant memories'),
  }),
  verb('memory', 'list', 'list memories of the conversation log', {
    options: (command) =>
      paged(command)
        .option('--agent-id <id>', 'only of this agent')
        .option('--session-id <id>', 'only of this conversation')
        .option('--role <role>', 'only of this role: user, assistant or system'),
    words: (items: Input[]) => columns('memory_id', 'role', 'created_at', 'content')(items, 'No memories'),
  }),
  verb('memory', 'get', 'show a memory of the conversation log', { args: ['memory_id'], words: shown }),
  verb('memory', 'forget', 'delete a memory with everything derived from it', {
    args: ['memory_id'],
    question: ({ memory_id }) => `Delete the memory ${memory_id} with everything derived from it?`,
    words: shown,
  }),
])

export const graph = group('graph', 'entities and relations in memories', [
  verb('graph', 'neighbors', 'list the entities related to an entity', {
    args: ['entity'],
    options: (command) => command.option('--limit <n>', 'maximum number of results', number),
    words: ({ neighbors }: { neighbors: Input[] }) =>
      columns('name', 'type', 'predicate', 'direction', 'confidence')(neighbors, 'No relations'),
  }),
])

const file = columns('file_id', 'size_bytes', 'created_at', 'file_name')

const upload = remote('upload', 'store a file')
  .argument('<path>')
  .option('--file-name <name>', 'name to store it under, if not its own')
  .option('--folder <folder>', 'folder to store it in')
  .option('--content-type <type>', 'media type, e.g. image/png')
  .action(
    ask(async ({ zerodb, print }: Session, path: string, options: Input) => {
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${path} is not a file`)
      const content = await openAsBlob(path)
      const stored = await zerodb.files.upload({ file_name: basename(path), ...givenOf([], [options]), content })
      print(stored, () => `Stored ${stored.file_name} as ${stored.file_id}`)
    }),
  )

const download = remote('download', 'download a stored file')
  .argument('<file_id>')
  .option('-o, --output <path>', 'path to write to, - for standard output; the name of the file if not given')
  .action(
    ask(async ({ zerodb, json: isJson, print }: Session, file_id: string, { output }: { output?: string }) => {
      const found = await zerodb.files.download({ file_id })
      if (output === '-') {
        for await (const chunk of iterable(found.stream)) process.stdout.write(chunk)
        return
      }
      // The uploader chose the name: it must not lead into another folder.
      const path = output ?? basename(found.file_name)
      const bytes = await writeWithProgress(path, iterable(found.stream), 'downloaded', isJson)
      print({ file: path, bytes }, () => `Downloaded ${path}, ${megabytes(bytes)}`)
    }),
  )

export const files = group('files', 'stored files, searched by their summaries', [
  upload,
  download,
  verb('files', 'list', 'list files, newest first', {
    options: (command) => paged(command).option('--folder <folder>', 'only in this folder'),
    words: (items: Input[]) => file(items, 'No files. Store one: zerodb files upload PATH'),
  }),
  verb('files', 'search', 'find the files whose summaries are most similar to a text', {
    args: ['query'],
    options: (command) =>
      command
        .option('--folder <folder>', 'only in this folder')
        .option('--limit <n>', 'maximum number of results', number),
    words: ({ results }: { results: Input[] }) =>
      columns('file_id', 'score', 'file_name', 'summary')(results, 'No similar files'),
  }),
  verb('files', 'get', 'show a file, without its content', { args: ['file_id'], words: shown }),
  verb('files', 'update', 'change the metadata of a file', {
    args: ['file_id'],
    options: (command) =>
      command
        .option('--file-name <name>', 'new name')
        .option('--folder <folder>', 'new folder')
        .option('--content-type <type>', 'media type, e.g. image/png')
        .option('--file-metadata <json>', 'metadata that replaces the old metadata', object),
    words: shown,
  }),
  verb('files', 'presign', 'create a URL that downloads a file without a key', {
    args: ['file_id'],
    options: (command) =>
      command.option('--expires-in <seconds>', 'seconds until it expires; 3600 if not given', number),
    words: ({ url }: { url: string }) => url,
  }),
  verb('files', 'delete', 'delete a file', {
    args: ['file_id'],
    question: ({ file_id }) => `Delete the file ${file_id}?`,
    words: deleted('file', 'file_id'),
  }),
])
