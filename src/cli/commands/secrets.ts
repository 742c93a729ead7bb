import { readFileSync } from 'node:fs'
import { isCancel, password } from '@clack/prompts'
import { Command } from 'commander'
import { UsageError } from '../lib/failure.ts'
import { table, time } from '../lib/output.ts'
import { number } from '../lib/parse-options.ts'
import { ask, remote } from '../lib/remote.ts'

/** Reads the value from standard input or asks for it. Not an argument: other users see arguments, and shells record them. */
async function givenValue(name: string): Promise<string> {
  if (!process.stdin.isTTY) {
    const text = readFileSync(0, 'utf8').replace(/\r?\n$/, '')
    if (text === '') throw new UsageError(`Standard input is empty: echo "$VALUE" | zerodb secrets set ${name}`)
    return text
  }
  const answer = await password({ message: `Value of ${name}` })
  if (isCancel(answer) || !answer) throw new UsageError('No value was given')
  return answer
}

const list = remote('list', 'list the names of the secrets of a project').action(
  ask(async ({ zerodb, server, print }) => {
    const found = await zerodb.secrets.list({ project_id: server.projectId })
    const rows = found.map(({ name, updated_at }) => [name, time(updated_at)])
    print(found, () => table(['NAME', 'UPDATED'], rows, 'No secrets. Set one: echo "$VALUE" | zerodb secrets set NAME'))
  }),
)

const set = remote('set', 'store a secret; its value is read from standard input, or asked for on a terminal')
  .argument('<name>')
  .action(
    ask(async ({ zerodb, server, print }, name: string) => {
      const stored = await zerodb.secrets.set({ name, value: await givenValue(name), project_id: server.projectId })
      print(stored, () => `${name} is set; functions that declare it receive it from their next call`)
    }),
  )

const remove = remote('delete', 'delete a secret')
  .argument('<name>')
  .action(
    ask(async ({ zerodb, server, print }, name: string) => {
      await zerodb.secrets.delete({ name, project_id: server.projectId })
      print({ name, deleted: true }, () => `Deleted ${name}`)
    }),
  )

const history = remote('history', 'list when secrets were created, replaced and deleted, newest first')
  .argument('[name]', 'only this secret')
  .option('--limit <n>', 'maximum number of changes', number, 20)
  .action(
    ask(async ({ zerodb, server, print }, name: string | undefined, { limit }: { limit: number }) => {
      const { items } = await zerodb.secrets.history({ name, limit, project_id: server.projectId })
      const rows = items.map((each) => [time(each.created_at), each.change, each.name, each.run_id ?? ''])
      print(items, () => table(['TIME', 'CHANGE', 'NAME', 'RUN'], rows, 'No changes'))
    }),
  )

export const secrets = new Command('secrets').description('secret values for functions, which cannot be read back')
for (const command of [list, set, remove, history]) secrets.addCommand(command)
