import { Command } from 'commander'
import { UsageError } from '../lib/failure.ts'
import { fields, table, time } from '../lib/output.ts'
import { number } from '../lib/parse-options.ts'
import { ask, remote } from '../lib/remote.ts'

/** Parses arguments such as `MODEL=gpt-4o`. */
function variablesOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`"${pair}" must have the form NAME=VALUE; name secrets with --secret NAME`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

const list = remote('list', 'list the env sets of a project').action(
  ask(async ({ zerodb, server, print }) => {
    const found = await zerodb.env_sets.list({ project_id: server.projectId })
    const rows = found.map(({ name, env, secrets, used_by, updated_at }) => [
      name,
      [...Object.keys(env), ...secrets].join(', '),
      used_by.join(', '),
      time(updated_at),
    ])
    print(found, () =>
      table(
        ['NAME', 'VARIABLES', 'USED BY', 'UPDATED'],
        rows,
        'No env sets. Store one: zerodb env set NAME VARIABLE=VALUE',
      ),
    )
  }),
)

const get = remote('get', 'show an env set with its values; secrets by name')
  .argument('<name>')
  .action(
    ask(async ({ zerodb, server, print }, name: string) => {
      const { env, secrets, used_by, ...set } = await zerodb.env_sets.get({ name, project_id: server.projectId })
      print({ ...set, env, secrets, used_by }, () =>
        fields({
          name,
          ...env,
          secrets: secrets.join(', ') || 'none',
          'used by': used_by.join(', ') || 'no function',
          updated: time(set.updated_at),
        }),
      )
    }),
  )

const set = remote('set', 'store an env set; its variables replace all earlier ones')
  .argument('<name>')
  .argument('[variables...]', 'variables as NAME=VALUE')
  .option('--secret <names...>', 'secrets of the project, which become variables too')
  .action(
    ask(async ({ zerodb, server, print }, name: string, pairs: string[], { secret = [] }: { secret?: string[] }) => {
      const env = variablesOf(pairs)
      const stored = await zerodb.env_sets.set({ name, env, secrets: secret, project_id: server.projectId })
      print(
        stored,
        () =>
          `${name} is set; functions with env_from: ['${name}'] receive it from their next call: ${stored.used_by.join(', ') || 'none yet'}`,
      )
    }),
  )

const remove = remote('delete', 'delete an env set, but not the secrets that it names')
  .argument('<name>')
  .action(
    ask(async ({ zerodb, server, print }, name: string) => {
      await zerodb.env_sets.delete({ name, project_id: server.projectId })
      print({ name, deleted: true }, () => `Deleted ${name}`)
    }),
  )

const history = remote('history', 'list when an env set was created, replaced and deleted, newest first')
  .argument('<name>')
  .option('--limit <n>', 'maximum number of changes', number, 20)
  .action(
    ask(async ({ zerodb, server, print }, name: string, { limit }: { limit: number }) => {
      const { items } = await zerodb.env_sets.history({ name, limit, project_id: server.projectId })
      const rows = items.map((each) => [
        time(each.created_at),
        each.change,
        each.variables.join(', '),
        each.run_id ?? '',
      ])
      print(items, () => table(['TIME', 'CHANGE', 'VARIABLES', 'RUN'], rows, 'No changes'))
    }),
  )

export const env = new Command('env').description('environment variables that several functions share')
for (const command of [list, get, set, remove, history]) env.addCommand(command)
