import type { Command } from 'commander'
import { object } from '../lib/parse-options.ts'
import { columns, deleted, describable, group, type Input, shown, skippable, verb } from '../lib/verb.ts'

const project = columns('id', 'name', 'status', 'created_at', 'description')
const changeable = (command: Command) =>
  describable(command)
    .option('--metadata <json>', 'any JSON object of yours', object)
    .option('--settings <json>', 'any JSON object of yours', object)

export const projects = group('projects', 'separate sets of data; - is the project of the key', [
  verb('projects', 'list', 'list your projects, oldest first', {
    options: (command) => skippable(command).option('--status <status>', 'only with this status: ACTIVE or SUSPENDED'),
    words: (items: Input[]) => project(items, 'No projects'),
  }),
  verb('projects', 'create', 'create a project', { args: ['name'], options: changeable, words: shown }),
  verb('projects', 'get', 'show a project', { args: ['project_id'], words: shown }),
  verb('projects', 'update', 'change a project', {
    args: ['project_id'],
    options: (command) => changeable(command).option('--name <name>', 'new name'),
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
  verb('projects', 'stats', 'count the objects of a project', { args: ['project_id'], words: shown }),
  verb('projects', 'claim', 'make a temporary database one of your projects, and print a key for it', {
    args: ['claim_token'],
    operation: 'instant_db.claim',
    words: shown,
  }),
  verb('projects', 'delete', 'delete a project with all its data', {
    args: ['project_id'],
    question: ({ project_id }) => `Delete the project ${project_id} with all its data?`,
    words: deleted('project', 'project_id'),
  }),
])
