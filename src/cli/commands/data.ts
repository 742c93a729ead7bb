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
import { iterable, megabytes, writeShown } from './files.ts'

// What a project holds, noun by noun: each command asks one operation of the API, with an option for each field.

type Input = Record<string, unknown>
/** The operations of a noun; what each takes is checked by the server. */
type Verbs = Record<string, (input: Input) => Promise<unknown>>

interface Shape {
  /** Keys of the input that are given by place. */
  args?: readonly string[]
  options?: (command: Command) => Command
  /** What the operation gets, where that is not just arguments and options. */
  input?: (given: Input) => Input
  /** A question before something is deleted. */
  question?: (given: Input) => string
  words: (answer: never, given: Input) => string
}

/** A command for the operation `noun.verb`. */
function verb(noun: keyof ZeroDB, name: string, description: string, shape: Shape, operation = name): Command {
  const { args = [], options = (command) => command, input = (given) => given, question, words } = shape
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

/** Options of every remote command, which say whom to ask and not what. */
const SESSION = ['server', 'apiKey', 'project', 'json']

function givenOf(keys: readonly string[], all: readonly unknown[]): Input {
  const options = (all.at(-1) ?? {}) as Input
  const fields = Object.entries(options)
    .filter(([name]) => !SESSION.includes(name))
    .map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value])
  return { ...Object.fromEntries(keys.map((key, i) => [key, all[i]])), ...Object.fromEntries(fields) }
}

function without(given: Input, key: string): Input {
  const { [key]: _, ...rest } = given
  return rest
}

const paged = (command: Command) =>
  command.option('--limit <n>', 'how many', number).option('--offset <n>', 'how many to leave out first', number)
const namespaced = (command: Command) => command.option('--namespace <name>', 'in place of the default one')
const deleted = (noun: string, key: string) => (_: never, given: Input) => `Deleted ${noun} ${given[key]}`

const oneLine = (value: unknown) =>
  (typeof value === 'string' ? value : value === null || value === undefined ? '' : stringifyJson(value))
    .replace(/\s+/g, ' ')
    .trim()
/** A table with a column for each of these keys; times are cut to the second. */
const columns =
  (...keys: readonly string[]) =>
  (items: readonly Input[], nothing: string) =>
    table(
      keys.map((key) => key.toUpperCase().replaceAll('_', ' ')),
      items.map((item) => keys.map((key) => (key.endsWith('_at') ? time(String(item[key])) : oneLine(item[key])))),
      nothing,
    )
const shown = (answer: Input) => fields(answer)

function group(name: string, description: string, commands: readonly Command[]): Command {
  const made = new Command(name).description(description)
  for (const command of commands) made.addCommand(command)
  return made
}

const project = columns('id', 'name', 'created_at', 'description')
const describable = (command: Command) => command.option('--description <text>', 'what it is for')
/** The project that is named, else that of the key. */
const named = (given: Input) => ({ project_id: '-', ...given })

export const projects = group('projects', 'what keeps data apart', [
  verb('projects', 'list', 'your projects', {
    options: paged,
    words: (items: Input[]) => project(items, 'No projects'),
  }),
  verb('projects', 'create', 'make a project', { args: ['name'], options: describable, words: shown }),
  verb('projects', 'get', 'one project; - is that of the key', { args: ['project_id'], input: named, words: shown }),
  verb('projects', 'update', 'change a project; - is that of the key', {
    args: ['project_id'],
    options: (command) => describable(command).option('--name <name>', 'another name'),
    words: shown,
  }),
  verb('projects', 'delete', 'delete a project and all that it holds', {
    args: ['project_id'],
    question: ({ project_id }) => `Delete the project ${project_id} and all that it holds?`,
    words: deleted('project', 'project_id'),
  }),
])

const tableRows = columns('table_name', 'created_at', 'description')

export const tables = group('tables', 'named lists of rows', [
  verb('tables', 'list', 'the tables of a project', {
    options: paged,
    words: (items: Input[]) => tableRows(items, 'No tables. Make one: zerodb tables create NAME'),
  }),
  verb('tables', 'create', 'make a table', {
    args: ['table_name'],
    options: (command) => describable(command).option('--schema-definition <json>', 'what its columns are', object),
    words: shown,
  }),
  verb('tables', 'get', 'one table', { args: ['table'], words: shown }),
  verb('tables', 'delete', 'delete a table and its rows', {
    args: ['table'],
    question: (given) => `Delete the table ${given['table']} and its rows?`,
    words: deleted('table', 'table'),
  }),
])

const row = columns('row_id', 'created_at', 'row_data')
const rowPage = ({ data, total }: { data: Input[]; total: number }) =>
  `${row(data, 'No rows')}${data.length < total ? `\n${data.length} of ${total}` : ''}`

export const rows = group('rows', 'rows of tables', [
  verb('rows', 'insert', 'store a row, or a list of rows', {
    args: ['table'],
    options: (command) =>
      command.requiredOption('-d, --data <json>', 'an object or a list of objects, @file or -', json),
    input: ({ table, data }) => (Array.isArray(data) ? { table, rows: data } : { table, row_data: data }),
    words: (answer: Input) => ('rows' in answer ? row(answer['rows'] as Input[], '') : shown(answer)),
  }),
  verb('rows', 'list', 'the rows of a table', { args: ['table'], options: paged, words: rowPage }),
  verb('rows', 'query', 'the rows of a table that a filter takes', {
    args: ['table'],
    options: (command) =>
      paged(command)
        .option('--filters <json>', 'which, e.g. {"total": {"$gte": 100}}', object)
        .option('--sort <json>', 'in which order, e.g. {"total": -1}', object),
    words: rowPage,
  }),
  verb('rows', 'get', 'one row', { args: ['table', 'row_id'], words: shown }),
])

const match = columns('vector_id', 'score', 'document')

export const vectors = group('vectors', 'texts and numbers that are found by meaning', [
  verb('vectors', 'upsert', 'store a vector: a text, numbers, or both', {
    options: (command) =>
      namespaced(command)
        .option('--vector-id <id>', 'its id; one is made where it is missing')
        .option('--document <text>', 'a text')
        .option('--vector-embedding <json>', 'numbers, as a list', json)
        .option('--vector-metadata <json>', 'for filters', object),
    words: shown,
  }),
  verb('vectors', 'search', 'the vectors nearest to a text', {
    args: ['query'],
    options: (command) =>
      namespaced(command)
        .option('--limit <n>', 'how many', number)
        .option('--threshold <n>', 'the least similarity', number)
        .option('--metadata-filter <json>', 'only those that it takes', object)
        .option('--model <name>', 'whose embeddings'),
    words: ({ vectors: found }: { vectors: Input[] }) => match(found, 'Nothing is near'),
  }),
  verb('vectors', 'list', 'vectors, oldest first', {
    options: (command) => paged(namespaced(command)),
    words: ({ vectors: found }: { vectors: Input[] }) =>
      columns('vector_id', 'namespace', 'dimension', 'document')(found, 'No vectors'),
  }),
  verb('vectors', 'get', 'one vector', { args: ['vector_id'], options: namespaced, words: shown }),
  verb('vectors', 'delete', 'delete a vector', {
    args: ['vector_id'],
    options: namespaced,
    question: ({ vector_id }) => `Delete the vector ${vector_id}?`,
    words: deleted('vector', 'vector_id'),
  }),
])

const about = (command: Command) =>
  command
    .option('--entity-id <id>', 'whom it is about')
    .option('--session-id <id>', 'in which conversation')
    .option('--agent-id <id>', 'of which agent')
    .option('--namespace <name>', 'in place of the global one')
    .option('--tags <tag>', 'a tag; may be given several times', collect)

export const memory = group('memory', 'what agents remember', [
  verb('memory', 'remember', 'remember a text', {
    args: ['content'],
    options: (command) =>
      about(command)
        .option('--memory-type <type>', 'working, episodic, semantic or procedural')
        .option('--importance <n>', '0 to 1', number)
        .option('--metadata <json>', 'kept with it', object),
    words: ({ memory_id }: { memory_id: string }) => `Remembered as ${memory_id}`,
  }),
  verb('memory', 'recall', 'the memories that a text calls up', {
    args: ['query'],
    options: (command) => about(command).option('--limit <n>', 'how many', number),
    words: ({ results }: { results: Input[] }) =>
      columns('memory_id', 'score', 'content')(results, 'Nothing is remembered of that'),
  }),
  verb('memory', 'list', 'memories of the conversation log', {
    options: (command) =>
      paged(command)
        .option('--agent-id <id>', 'of this agent')
        .option('--session-id <id>', 'of this conversation')
        .option('--role <role>', 'user, assistant or system'),
    words: (items: Input[]) => columns('memory_id', 'role', 'created_at', 'content')(items, 'No memories'),
  }),
  verb('memory', 'get', 'one memory of the conversation log', { args: ['memory_id'], words: shown }),
  verb('memory', 'forget', 'forget a memory, with all that was made of it', {
    args: ['memory_id'],
    question: ({ memory_id }) => `Forget ${memory_id} and all that was made of it?`,
    words: shown,
  }),
])

export const graph = group('graph', 'entities and relations of what is remembered', [
  verb('graph', 'neighbors', 'what an entity is related to', {
    args: ['entity'],
    options: (command) => command.option('--limit <n>', 'how many', number),
    words: ({ neighbors }: { neighbors: Input[] }) =>
      columns('name', 'type', 'predicate', 'direction', 'confidence')(neighbors, 'No relations'),
  }),
])

const file = columns('file_id', 'size_bytes', 'created_at', 'file_name')

const upload = remote('upload', 'store a file')
  .argument('<path>')
  .option('--file-name <name>', 'in place of its own')
  .option('--folder <folder>', 'where it is filed')
  .option('--content-type <type>', 'as image/png')
  .action(
    ask(async ({ zerodb, print }: Session, path: string, options: Input) => {
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${path} is not a file`)
      const content = await openAsBlob(path)
      const stored = await zerodb.files.upload({ file_name: basename(path), ...givenOf([], [options]), content })
      print(stored, () => `Stored ${stored.file_name} as ${stored.file_id}`)
    }),
  )

const download = remote('download', 'write the content of a file to a file')
  .argument('<file_id>')
  .option('-o, --output <path>', 'where to, - for standard output; its own name if not said')
  .action(
    ask(async ({ zerodb, json: isJson, print }: Session, file_id: string, { output }: { output?: string }) => {
      const found = await zerodb.files.download({ file_id })
      if (output === '-') {
        for await (const chunk of iterable(found.stream)) process.stdout.write(chunk)
        return
      }
      // A name that the uploader has chosen leads into no other folder.
      const path = output ?? basename(found.file_name)
      const bytes = await writeShown(path, iterable(found.stream), 'downloaded', isJson)
      print({ file: path, bytes }, () => `Downloaded ${path}, ${megabytes(bytes)}`)
    }),
  )

export const files = group('files', 'contents, found by their summaries', [
  upload,
  download,
  verb('files', 'list', 'files, newest first', {
    options: (command) => paged(command).option('--folder <folder>', 'filed there'),
    words: (items: Input[]) => file(items, 'No files. Store one: zerodb files upload PATH'),
  }),
  verb('files', 'search', 'files whose summaries are near to a text', {
    args: ['query'],
    options: (command) => command.option('--folder <folder>', 'filed there').option('--limit <n>', 'how many', number),
    words: ({ results }: { results: Input[] }) =>
      columns('file_id', 'score', 'file_name', 'summary')(results, 'Nothing is near'),
  }),
  verb('files', 'get', 'one file, without its content', { args: ['file_id'], words: shown }),
  verb('files', 'delete', 'delete a file', {
    args: ['file_id'],
    question: ({ file_id }) => `Delete the file ${file_id}?`,
    words: deleted('file', 'file_id'),
  }),
])
