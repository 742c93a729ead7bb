import type { EventName, Hook, Run } from '../../client/index.ts'
import { stringifyJson } from '../../exact-json.ts'
import { findHook } from '../lib/find.ts'
import { table, time } from '../lib/output.ts'
import { number, object } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { one } from './runs.ts'

interface Trial {
  filter?: Record<string, unknown>
  order?: string
  limit?: number
}

export const testFilter = remote('test', 'show which of the latest events a filter matches, without running anything')
  .argument('<hook or event>', 'id or name of a hook, whose filter is tested; or an event type')
  .option('--filter <json>', 'filter to test instead, @file or - for standard input', object)
  .option('--order <path>', 'ordering key to test instead, e.g. row.metadata.customer')
  .option('--limit <n>', 'maximum number of events', number)
  .action(
    ask(async ({ zerodb, server, print }: Session, given: string, { filter, order, limit }: Trial) => {
      const hook: Partial<Hook> = /^zero(db|memory)\./.test(given)
        ? { event_type: given as EventName }
        : await findHook(zerodb, given)
      const tried = await zerodb.hooks.test_filter({
        event_type: hook.event_type as EventName,
        filter: filter ?? hook.filter,
        ordering_key: order ?? hook.ordering_key,
        project_id: hook.project_id ?? server.projectId,
        limit,
      })
      const rows = tried.items.map(({ event, matches, ordering_key }) => [
        event.id,
        time(event.timestamp),
        matches ? 'yes' : 'no',
        ordering_key ?? '',
        stringifyJson(event.data),
      ])
      const head = `${tried.matched} of the latest ${tried.tested} ${hook.event_type} match`
      print(tried, () =>
        tried.tested === 0
          ? `No ${hook.event_type} yet`
          : `${head}\n\n${table(['ID', 'TIME', 'MATCHES', 'ORDER', 'DATA'], rows, '')}`,
      )
    }),
  )

export const invokeHook = remote('invoke', 'run a hook once by hand, ignoring its filter and ordering key')
  .argument('<hook>', 'id or name')
  .option('-d, --data <json>', 'data of the event, @file or - for standard input', object)
  .option('--wait <seconds>', 'how long to wait for the result, at most 60; 0 does not wait', number)
  .action(
    ask(
      async (
        { zerodb, server, print }: Session,
        given: string,
        { data, wait }: { data?: Record<string, unknown>; wait?: number },
      ) => {
        const hook = await findHook(zerodb, given)
        const run: Run = await zerodb.hooks.invoke({
          hook_id: hook.id,
          payload: data,
          project_id: hook.project_id === null ? server.projectId : undefined,
          wait_seconds: wait,
        })
        const open = run.status === 'queued' || run.status === 'running'
        print(run, () => (open ? `${run.id} is ${run.status}. Watch it: zerodb logs ${run.id} -f` : one(run)))
        if (run.status === 'dead') process.exitCode = 1
      },
    ),
  )
