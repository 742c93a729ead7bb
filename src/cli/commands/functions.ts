import { Command } from 'commander'
import type { Function as Fn } from '../../client/index.ts'
import { confirmed } from '../lib/confirm.ts'
import { findFunction } from '../lib/find.ts'
import { fields, table, time } from '../lib/output.ts'
import { number } from '../lib/parse-options.ts'
import { ask, remote } from '../lib/remote.ts'
import { describeDeploy, describeNetwork, describePackage } from './deploy.ts'

interface Config {
  triggers: { event: string }[]
  schedule: { cron: string }[]
  http?: object
  tool?: object
  network?: { allow: string[] }
}

/** Lists the triggers of a function. */
function triggersOf(fn: Fn): string {
  const { triggers, schedule, http, tool } = fn.config as unknown as Config
  return [...triggers.map(({ event }) => event), ...schedule.map(({ cron }) => cron), http && 'http', tool && 'tool']
    .filter(Boolean)
    .join(', ')
}

/** Lists the hosts that a function can connect to. */
function networkOf(fn: Fn): string {
  const { network } = fn.config as unknown as Config
  return network?.allow.join(', ') || 'none'
}

const list = remote('list', 'list the functions of a project').action(
  ask(async ({ zerodb, server, print }) => {
    const found = await zerodb.functions.list({ project_id: server.projectId })
    const rows = found.map((fn) => [
      fn.name,
      fn.is_active ? 'on' : 'off',
      String(fn.version),
      fn.runtime,
      time(fn.updated_at),
      triggersOf(fn),
    ])
    print(found, () =>
      table(
        ['NAME', 'STATE', 'VERSION', 'RUNTIME', 'UPDATED', 'TRIGGERS'],
        rows,
        'No functions. Deploy one: zerodb deploy FILE',
      ),
    )
  }),
)

const get = remote('get', 'show a function')
  .argument('<name>')
  .action(
    ask(async ({ zerodb, server, print }, given: string) => {
      const name = await findFunction(zerodb, server.projectId, given)
      const fn = await zerodb.functions.get({ name, project_id: server.projectId })
      const { id, version, runtime, is_active, url_path, config } = fn
      print(fn, () =>
        fields({
          id,
          name,
          version,
          runtime,
          state: is_active ? 'on' : 'off',
          at: url_path,
          triggers: triggersOf(fn),
          network: networkOf(fn),
          config,
          updated: time(fn.updated_at),
        }),
      )
    }),
  )

const versions = remote('versions', 'list the versions of a function, newest first')
  .argument('<name>')
  .action(
    ask(async ({ zerodb, server, print }, given: string) => {
      const name = await findFunction(zerodb, server.projectId, given)
      const found = await zerodb.functions.versions({ name, project_id: server.projectId })
      const rows = found.map(({ version, live, runtime, created_at, hash }) => [
        String(version),
        live ? 'live' : '',
        runtime,
        time(created_at),
        hash.slice(0, 12),
      ])
      print(found, () => table(['VERSION', '', 'RUNTIME', 'CREATED', 'HASH'], rows, ''))
    }),
  )

const diff = remote('diff', 'show the differences between two versions; the live one and its predecessor if not given')
  .argument('<name>')
  .option('--from <version>', 'older version', number)
  .option('--to <version>', 'newer version', number)
  .action(
    ask(async ({ zerodb, server, print }, given: string, { from, to }: { from?: number; to?: number }) => {
      const name = await findFunction(zerodb, server.projectId, given)
      const found = await zerodb.functions.diff({ name, from, to, project_id: server.projectId })
      print(
        found,
        () =>
          [
            ...found.files.map(({ path, change, lines }) => lines ?? `${path}: ${change}`),
            ...describeNetwork(found.network),
            ...found.packages.map(describePackage),
          ].join('\n') || 'No differences',
      )
    }),
  )

const rollback = remote('rollback', 'make an earlier version live')
  .argument('<name>')
  .argument('[version]', 'version; the one before the live one if not given', number)
  .action(
    ask(async ({ zerodb, server, print }, given: string, version: number | undefined) => {
      const name = await findFunction(zerodb, server.projectId, given)
      const done = await zerodb.functions.rollback({ name, version, project_id: server.projectId })
      print(done, () => describeDeploy(done))
    }),
  )

function switching(verb: string, description: string, is_active: boolean): Command {
  return remote(verb, description)
    .argument('<name>')
    .action(
      ask(async ({ zerodb, server, print }, given: string) => {
        const name = await findFunction(zerodb, server.projectId, given)
        const fn = await zerodb.functions.update({ name, is_active, project_id: server.projectId })
        print(fn, () => `${name} is ${fn.is_active ? 'on' : 'off'}`)
      }),
    )
}

const remove = remote('delete', 'delete a function with its versions, schedules and hooks')
  .argument('<name>')
  .option('--force', 'delete hooks of the function that were created separately, too')
  .option('--yes', 'do not ask')
  .action(
    ask(async ({ zerodb, server, print }, given: string, { force, yes }: { force?: boolean; yes?: boolean }) => {
      const name = await findFunction(zerodb, server.projectId, given)
      await zerodb.functions.get({ name, project_id: server.projectId })
      if (!(await confirmed(`Delete ${name} and all its versions?`, yes))) return
      await zerodb.functions.delete({ name, force, project_id: server.projectId })
      print({ name, deleted: true }, () => `Deleted ${name}`)
    }),
  )

export const functions = new Command('functions').description('functions, their versions and triggers')
for (const command of [
  list,
  get,
  versions,
  diff,
  rollback,
  switching('enable', 'enable a function', true),
  switching('disable', 'disable a function and all its triggers', false),
  remove,
])
  functions.addCommand(command)
