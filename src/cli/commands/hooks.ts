import { Command } from 'commander'
import type { EventName, Hook, HooksUpdateInput } from '../../client/index.ts'
import { confirmed } from '../lib/confirm.ts'
import { UsageError } from '../lib/failure.ts'
import { findHook } from '../lib/find.ts'
import { fields, table, time } from '../lib/output.ts'
import { number, object } from '../lib/parse-options.ts'
import { ask, remote } from '../lib/remote.ts'
import { invokeHook, testFilter } from './hook-testing.ts'

const state = (hook: Hook) => (hook.is_active ? (hook.paused ? 'paused' : 'on') : 'off')

const one = (hook: Hook) => {
  const {
    id,
    hook_name,
    event_type,
    project_id,
    hook_config,
    filter,
    ordering_key,
    retry,
    concurrency,
    disabled_reason,
  } = hook
  const scope = project_id ?? 'all projects'
  return fields({
    ...{
      id,
      name: hook_name,
      event: event_type,
      project: scope,
      state: state(hook),
      why: disabled_reason,
      config: hook_config,
    },
    ...{ filter, order: ordering_key, retry, concurrency, created: time(hook.created_at) },
  })
}

interface Delivery {
  endpoint?: string
  config?: Record<string, unknown>
  filter?: Record<string, unknown>
  order?: string
  retry?: Record<string, unknown>
  concurrency?: number
}

function delivery(command: Command): Command {
  return command
    .option('--endpoint <url>', 'address of a webhook: sets url in its configuration')
    .option('--config <json>', 'configuration of the handler, @file or - for standard input', object)
    .option('--filter <json>', 'run only for matching events', object)
    .option('--order <path>', 'ordering key: runs with the same value execute in order, e.g. row.metadata.customer')
    .option('--retry <json>', 'retry policy', object)
    .option('--concurrency <n>', 'maximum number of runs at the same time', number)
}

/** Converts options to the input of the API. `before` is the configuration to which --endpoint is added if --config is not given. */
function inputOf({ endpoint, config, filter, order, retry, concurrency }: Delivery, before?: Hook['hook_config']) {
  const hook_config = endpoint === undefined ? config : { ...(config ?? before), url: endpoint }
  return { hook_config, filter, ordering_key: order, retry, concurrency }
}

const list = remote('list', 'list enabled hooks')
  .option('--event <type>', 'only for this event type')
  .option('--all', 'also list disabled hooks')
  .action(
    ask(async ({ zerodb, server, print }, { event, all }: { event?: string; all?: boolean }) => {
      const hooks = await zerodb.hooks.list({
        active_only: !all,
        event_type: event as EventName | undefined,
        project_id: server.projectId,
      })
      const rows = hooks.map((hook) => [
        hook.id,
        state(hook),
        hook.event_type,
        hook.project_id ?? 'all projects',
        hook.hook_name,
      ])
      print(hooks, () =>
        table(
          ['ID', 'STATE', 'EVENT', 'PROJECT', 'NAME'],
          rows,
          'No hooks. Create one: zerodb hooks create zeromemory.remembered auto_graph',
        ),
      )
    }),
  )

const create = delivery(remote('create', 'run a handler for each event of a type'))
  .argument('<event>', 'e.g. zerodb.vector.stored')
  .argument('<name>', 'auto_embed, auto_summarize, auto_graph, webhook:<label>, or a function')
  .option('--paused', 'create it paused: runs are queued and wait')
  .action(
    ask(async ({ zerodb, server, print }, event: string, name: string, options: Delivery & { paused?: boolean }) => {
      const hook = await zerodb.hooks.create({
        event_type: event as EventName,
        hook_name: name,
        project_id: server.projectId,
        ...inputOf(options),
        paused: options.paused,
      })
      const secret = hook.webhook_secret && `\nSecret, shown once: ${hook.webhook_secret}`
      print(hook, () => [one(hook), ...(hook.warnings ?? [])].join('\n') + (secret ?? ''))
    }),
  )

const get = remote('get', 'show a hook')
  .argument('<hook>', 'id or name')
  .action(
    ask(async ({ zerodb, print }, given: string) => {
      const hook = await findHook(zerodb, given)
      print(hook, () => one(hook))
    }),
  )

function changing(name: string, description: string, change: Omit<HooksUpdateInput, 'hook_id'>): Command {
  return remote(name, description)
    .argument('<hook>', 'id or name')
    .action(
      ask(async ({ zerodb, print }, given: string) => {
        const { id } = await findHook(zerodb, given)
        const hook = await zerodb.hooks.update({ hook_id: id, ...change })
        print(hook, () => `${hook.hook_name} on ${hook.event_type} is ${state(hook)}`)
      }),
    )
}

const update = delivery(remote('update', 'change a hook; --config replaces the whole configuration'))
  .argument('<hook>', 'id or name')
  .action(
    ask(async ({ zerodb, print }, given: string, options: Delivery) => {
      if (Object.values(inputOf(options)).every((value) => value === undefined))
        throw new UsageError(
          'Nothing to change: give --endpoint, --config, --filter, --order, --retry or --concurrency',
        )
      const { id, hook_config } = await findHook(zerodb, given)
      const hook = await zerodb.hooks.update({ hook_id: id, ...inputOf(options, hook_config) })
      print(hook, () => [one(hook), ...(hook.warnings ?? [])].join('\n'))
    }),
  )

const remove = remote('delete', 'delete a hook; its queued runs are cancelled')
  .argument('<hook>', 'id or name')
  .option('--yes', 'do not ask')
  .action(
    ask(async ({ zerodb, print }, given: string, { yes }: { yes?: boolean }) => {
      const hook = await findHook(zerodb, given)
      if (!(await confirmed(`Delete ${hook.hook_name} on ${hook.event_type}?`, yes))) return
      await zerodb.hooks.delete({ hook_id: hook.id })
      print({ hook_id: hook.id, deleted: true }, () => `Deleted ${hook.hook_name} on ${hook.event_type}`)
    }),
  )

const rotateSecret = remote('rotate-secret', 'give a webhook a new secret; the previous one also signs for a day')
  .argument('<hook>', 'id or name')
  .option('--keep-seconds <n>', 'how long the previous secret also signs', number)
  .action(
    ask(async ({ zerodb, print }, given: string, { keepSeconds }: { keepSeconds?: number }) => {
      const { id } = await findHook(zerodb, given)
      const rotated = await zerodb.hooks.rotate_secret({ hook_id: id, keep_seconds: keepSeconds })
      print(rotated, () => `Secret, shown once: ${rotated.webhook_secret}`)
    }),
  )

export const hooks = new Command('hooks').description('rules that run a handler for events of a type')
for (const command of [
  list,
  create,
  get,
  update,
  changing('enable', 'enable a hook', { is_active: true }),
  changing('disable', 'disable a hook; its queued runs are cancelled', { is_active: false }),
  changing('pause', 'pause a hook: new runs are queued and wait', { paused: true }),
  changing('resume', 'resume a paused hook: waiting runs execute', { paused: false }),
  testFilter,
  invokeHook,
  rotateSecret,
  remove,
])
  hooks.addCommand(command)
