import { type Command, Option } from 'commander'
import { collect, json, number, object } from '../lib/parse-options.ts'
import { columns, deleted, group, type Input, limited, shown, skippable, verb } from '../lib/verb.ts'

const about = (command: Command) =>
  command
    .option('--entity-id <id>', 'person or thing that the memory is about')
    .option('--session-id <id>', 'session')
    .option('--agent-id <id>', 'agent')
    .option('--user-id <id>', 'person whose memory it is')
    .option('--run-id <id>', 'run of the agent')
    .option('--tags <tag>', 'tag; can be repeated', collect)

/** Options that select memories. */
const selected = (command: Command) => about(command).option('--namespace <name>', 'namespace; all if not given')

const SYNTHESIS_STYLES = ['narrative', 'bullet', 'structured']
const ROLES = ['user', 'assistant', 'system']
const filtered = (command: Command) =>
  command
    .option('--agent-id <id>', 'only of this agent')
    .option('--session-id <id>', 'only records of the session with this id')
    .addOption(new Option('--role <role>', 'only of this role').choices(ROLES))
const described = (command: Command) =>
  command
    .option('--agent-id <id>', 'agent')
    .option('--session-id <id>', 'session')
    .addOption(new Option('--role <role>', 'author of the text').choices(ROLES))
    .option('--memory-metadata <json>', 'metadata', object)
const batch = (command: Command, what: string) =>
  command.requiredOption('-d, --data <json>', `${what}, @file or - for standard input`, json)

const record = columns('memory_id', 'role', 'created_at', 'content')

export const memory = group('memory', 'memories of agents, and records of conversations', [
  verb('memory', 'remember', 'remember a text', {
    args: ['content'],
    options: (command) =>
      about(command)
        .option('--namespace <name>', 'namespace; "global" if not given')
        .option('--memory-type <type>', 'working, episodic, semantic or procedural')
        .option('--importance <n>', 'importance, 0 to 1', number)
        .option('--metadata <json>', 'metadata stored with the memory', object),
    words: ({ memory_id }: { memory_id: string }) => `Stored memory ${memory_id}`,
  }),
  verb('memory', 'recall', 'find the memories most relevant to a text', {
    args: ['query'],
    options: (command) => limited(selected(command)).option('--threshold <n>', 'minimum score, 0 to 1', number),
    words: ({ results }: { results: Input[] }) =>
      columns('memory_id', 'score', 'content')(results, 'No relevant memories'),
  }),
  verb('memory', 'recall-context', 'print a text for a prompt, made of the memories most relevant to a query', {
    args: ['query'],
    options: (command) =>
      limited(selected(command))
        .addOption(new Option('--synthesis-style <style>', 'form of the text').choices(SYNTHESIS_STYLES))
        .option('--max-tokens <n>', 'maximum number of tokens; 1000 if not given', number),
    words: ({ context }: { context: string }) => context,
  }),
  verb('memory', 'process', 'remember the messages of a conversation, all or none', {
    options: (command) =>
      batch(command, 'list of objects with role and content')
        .option('--entity-id <id>', 'person or thing that the messages are about')
        .option('--session-id <id>', 'session')
        .option('--namespace <name>', 'namespace; "global" if not given'),
    input: ({ data, ...given }) => ({ ...given, messages: data }),
    words: ({ count }: Input) => `Stored ${count} memories`,
  }),
  verb('memory', 'memories', 'list memories, newest first', {
    options: selected,
    words: (items: Input[]) => columns('memory_id', 'memory_type', 'created_at', 'content')(items, 'No memories'),
  }),
  verb('memory', 'profile', 'show what is stored about a person or thing, or about all', {
    args: ['[entity_id]'],
    options: limited,
    words: shown,
  }),
  verb('memory', 'forget', 'delete a memory, or those that the options select, with everything derived from them', {
    args: ['[memory_id]'],
    options: (command) =>
      limited(
        command
          .option('--entity-id <id>', 'about this person or thing')
          .option('--session-id <id>', 'id of their session')
          .option('--agent-id <id>', 'of this agent')
          .option('--user-id <id>', 'of this person')
          .option('--run-id <id>', 'of this run of the agent')
          .option('--namespace <name>', 'of this namespace'),
      ),
    question: ({ memory_id, limit: _, ...filter }) => {
      const selection = Object.entries(filter).map(([name, value]) => `${name} ${value}`)
      const what = memory_id === undefined ? `all memories with ${selection.join(' and ')}` : `the memory ${memory_id}`
      return `Delete ${what} with everything derived from ${memory_id === undefined ? 'them' : 'it'}?`
    },
    words: ({ count, has_more }: Input) => `Deleted ${count} memories${has_more ? '; there are more' : ''}`,
  }),
  verb('memory', 'store', 'store a record of a conversation', {
    args: ['content'],
    options: described,
    words: ({ memory_id }: { memory_id: string }) => `Stored record ${memory_id}`,
  }),
  verb('memory', 'list', 'list records, newest first', {
    options: (command) => skippable(filtered(command)),
    words: (items: Input[]) => record(items, 'No records'),
  }),
  verb('memory', 'search', 'find the records most relevant to a text', {
    args: ['query'],
    options: (command) => limited(filtered(command)).option('--threshold <n>', 'minimum score, 0 to 1', number),
    words: ({ results }: { results: Input[] }) =>
      columns('memory_id', 'score', 'role', 'content')(results, 'No relevant records'),
  }),
  verb('memory', 'get', 'show a record', { args: ['memory_id'], words: shown }),
  verb('memory', 'update', 'change fields of a record; other fields stay', {
    args: ['memory_id'],
    options: (command) => described(command).option('--content <text>', 'new text'),
    words: shown,
  }),
  verb('memory', 'delete', 'delete a record', {
    args: ['memory_id'],
    question: ({ memory_id }) => `Delete the record ${memory_id}?`,
    words: deleted('record', 'memory_id'),
  }),
  verb('memory', 'stats', 'count records', { words: shown }),
  verb('memory', 'sessions', 'list the sessions that have records', {
    words: (items: Input[]) =>
      columns('session_id', 'memory_count', 'first_at', 'last_at')(items, 'No records with a session'),
  }),
  verb('memory', 'context', 'print the latest records of a session, oldest first, for a prompt', {
    args: ['session_id'],
    options: (command) => command.option('--max-tokens <n>', 'maximum number of tokens; 4000 if not given', number),
    words: ({ messages }: { messages: { role: string | null; content: string }[] }) =>
      messages.map(({ role, content }) => `${role ?? 'unknown'}: ${content}`).join('\n'),
  }),
  verb('memory', 'delete-session', 'delete the records of a session', {
    args: ['session_id'],
    options: (command) => command.option('--limit <n>', 'maximum number of records, oldest first; 0 for all', number),
    question: ({ session_id }) => `Delete the records of the session ${session_id}?`,
    words: ({ deleted_count, has_more }: Input) =>
      `Deleted ${deleted_count} records${has_more ? '; the session has more' : ''}`,
  }),
  verb('memory', 'batch-store', 'store many records, all or none', {
    options: (command) => batch(command, 'list of records'),
    input: ({ data }) => ({ records: data }),
    words: ({ success_count }: Input) => `Stored ${success_count} records`,
  }),
  verb('memory', 'batch-update', 'change many records, all or none', {
    options: (command) => batch(command, 'list of objects with memory_id and the fields to change'),
    input: ({ data }) => ({ updates: data }),
    words: ({ success_count }: Input) => `Updated ${success_count} records`,
  }),
  verb('memory', 'batch-delete', 'delete many records', {
    args: ['<memory_ids...>'],
    question: ({ memory_ids }) => `Delete ${(memory_ids as string[]).length} records?`,
    words: ({ deleted_count, missing_ids }: { missing_ids: string[] } & Input) =>
      [
        `Deleted ${deleted_count} records`,
        ...(missing_ids.length > 0 ? [`Not found: ${missing_ids.join(', ')}`] : []),
      ].join('\n'),
  }),
])
