import { Command } from 'commander'
import { PAGES } from '../../client/generated.ts'
import type { ZeroDB } from '../../client/index.ts'
import { stringifyJson } from '../../exact-json.ts'
import { confirmed } from './confirm.ts'
import { fields, note, oneLine, table, time } from './output.ts'
import { number } from './parse-options.ts'
import { ask, remote, type Session } from './remote.ts'

// Commands that call one operation of the API and have an option per field. The server validates their input.

export type Input = Record<string, unknown>
type Operation = (input: Input) => Promise<unknown>

interface Definition {
  /** Input fields that are positional arguments: `table`, or with brackets if optional or repeated, as in `[vector_ids...]`. */
  args?: readonly string[]
  options?: (command: Command) => Command
  /** Converts arguments and options to the input of the operation, if they differ. */
  input?: (given: Input) => Input
  /** The confirmation question of a destructive command. */
  question?: (given: Input) => string
  /** Name of the operation, if it differs from that of the command. */
  operation?: `${keyof ZeroDB}.${string}`
  /** Formats the response; of an operation with pages, the items. */
  words: (answer: never, given: Input) => string
}

/** Options that locate the server, format the output or confirm, and are not input. */
const NOT_INPUT = ['server', 'apiKey', 'project', 'json', 'yes', 'all']

/** Creates the command `name` for the operation `noun.name`. */
export function verb(noun: keyof ZeroDB, name: string, description: string, definition: Definition): Command {
  const { args = [], options = (command) => command, input = (given) => given, question, words } = definition
  const operation = definition.operation ?? `${noun}.${name.replaceAll('-', '_')}`
  const key = (PAGES as Record<string, string | undefined>)[operation]
  const command = options(remote(name, description))
  for (const arg of args) command.argument(/^[[<]/.test(arg) ? arg : `<${arg}>`)
  if (question) command.option('--yes', 'do not ask')
  if (key !== undefined) paged(command)
  return command.action(
    ask(async (session: Session, ...all: unknown[]) => {
      const chosen = all.at(-1) as Input
      const given = { ...argumentsOf(args, all), ...inputOf(chosen) }
      if (question && !(await confirmed(question(given), chosen['yes'] as boolean | undefined))) return
      const [group, method] = operation.split('.') as [keyof ZeroDB, string]
      const call = (session.zerodb[group] as unknown as Record<string, Operation>)[method]!
      const answered = call(input(given))
      if (key === undefined) {
        const answer = await answered
        if (!session.json) warn(answer)
        session.print(answer ?? { ...given, deleted: true }, () => words(answer as never, given))
      } else await printPages(session, answered, key, chosen['all'] === true, (items) => words(items as never, given))
    }),
  )
}

function argumentsOf(args: readonly string[], values: readonly unknown[]): Input {
  const isGiven = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0)
  return Object.fromEntries(
    args.map((arg, i) => [arg.replace(/[^a-z_]/g, ''), values[i]]).filter(([, value]) => isGiven(value)),
  )
}

/** Returns the options that are input, under the names of their fields. */
export function inputOf(options: Input): Input {
  const entries = Object.entries(options).filter(([name]) => !NOT_INPUT.includes(name))
  return Object.fromEntries(
    entries.map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  )
}

/** Prints the warnings of a response. */
function warn(answer: unknown): void {
  const { warnings = [] } = (answer ?? {}) as { warnings?: string[] }
  for (const warning of warnings) note(`warning: ${warning}`)
}

const paged = (command: Command) =>
  limited(command)
    .option('--cursor <cursor>', 'cursor of the page, which the previous page names')
    .option('--all', 'print all pages; with --json, one result per line')

/** Prints the first page of a list, or with `all` every page. */
async function printPages(
  { json, print }: Session,
  answered: Promise<unknown>,
  key: string,
  all: boolean,
  words: (items: readonly Input[]) => string,
): Promise<void> {
  if (!all) {
    const answer = (await answered) as Input & { next_cursor?: string | null }
    const items = key === '' ? (answer as unknown as Input[]) : (answer[key] as Input[])
    return print(answer, () => [words(items), ...remainder(items.length, answer)].join('\n'))
  }
  const items: Input[] = []
  for await (const item of answered as unknown as AsyncIterable<Input>) {
    if (json) print(item, () => '')
    // The widths of the columns are known after the last item only.
    else items.push(item)
  }
  if (!json) print(items, () => words(items))
}

/** Describes the results that are not on this page. */
function remainder(count: number, { total, next_cursor: cursor }: Input): string[] {
  const ofTotal = typeof total === 'number' && count < total ? [`${count} of ${total}`] : []
  return cursor == null ? ofTotal : [...ofTotal, `Next page: --cursor ${cursor}   All pages: --all`]
}

export const limited = (command: Command) => command.option('--limit <n>', 'maximum number of results', number)
export const skippable = (command: Command) => command.option('--offset <n>', 'number of results to skip', number)
export const describable = (command: Command) => command.option('--description <text>', 'description')
/** Lets `--confirm-large-operation` select everything, which the server otherwise refuses. */
export const unlimited = (command: Command) =>
  command.option('--confirm-large-operation', 'permit a selection of everything')

/** Formats a table with a column for each of these keys; times are cut to the second. */
export const columns =
  (...keys: readonly string[]) =>
  (items: readonly Input[], empty: string) =>
    table(
      keys.map((key) => key.toUpperCase().replaceAll('_', ' ')),
      items.map((item) => keys.map((key) => (key.endsWith('_at') ? time(String(item[key])) : cell(item[key])))),
      empty,
    )

/** Formats a value in one line. */
export function cell(value: unknown): string {
  return oneLine(typeof value === 'string' ? value : value === null || value === undefined ? '' : stringifyJson(value))
}

export const shown = (answer: Input) => fields(answer)
export const deleted = (noun: string, key: string) => (_: never, given: Input) => `Deleted ${noun} ${given[key]}`

export function group(name: string, description: string, commands: readonly Command[]): Command {
  const parent = new Command(name).description(description)
  for (const command of commands) parent.addCommand(command)
  return parent
}
