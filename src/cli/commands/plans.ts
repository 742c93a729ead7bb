import { type Command, Option } from 'commander'
import { columns, group, type Input, shown, verb } from '../lib/verb.ts'

const STATUSES = ['draft', 'active', 'completed']
const stated = (command: Command) =>
  command.addOption(new Option('--status <status>', 'state of the work').choices(STATUSES))

export const plans = group('plans', 'plans of agents: texts that change, with their history', [
  verb('plans', 'create', 'create a plan', {
    args: ['title', 'content'],
    options: (command) =>
      stated(command)
        .option('--session-id <id>', 'session that the plan belongs to')
        .option('--type <type>', 'kind of the artifact; "plan" if not given'),
    words: ({ plan_id }: Input) => `Created plan ${plan_id}`,
  }),
  verb('plans', 'get', 'show a plan', { args: ['plan_id'], words: shown }),
  verb('plans', 'update', 'change fields of a plan; other fields stay', {
    args: ['plan_id'],
    options: (command) => stated(command).option('--title <title>', 'new title').option('--content <text>', 'new text'),
    words: shown,
  }),
  verb('plans', 'history', 'list the changes of a plan, newest first', {
    args: ['plan_id'],
    words: ({ history }: { history: Input[] }) => columns('at', 'changed', 'diff')(history, 'No changes'),
  }),
])
