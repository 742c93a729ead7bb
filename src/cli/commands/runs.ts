import { Command } from 'commander'
import type { EventName, Run } from '../../client/index.ts'
import { stringifyJson } from '../../exact-json.ts'
import { confirmed } from '../lib/confirm.ts'
import { findEvent, findFunction, findHook, findRun } from '../lib/find.ts'
import { fields, oneLine, status, table, time } from '../lib/output.ts'
import { number, timestamp } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { linesByTime } from './logs.ts'

/** Summarizes the state of a run in one line. */
function summarize({ error, waiting_for, result }: Run): string {
  if (error) return oneLine(`${error.code}: ${error.message}`)
  if (waiting_for)
    return `waiting: ${waiting_for.reason}${waiting_for.until ? ` until ${time(waiting_for.until)}` : ''}`
  return result === null ? '' : stringifyJson(result)
}

/** Formats a run with all its fields and its log. */
export const one = (run: Run) => {
  const { id, handler, status, attempts, event_id, hook_id, result, error, waiting_for } = run
  const [started, finished] = [run.started_at, run.finished_at].map((at) => at && time(at))
  const head = fields({
    ...{ id, status, handler, trigger: run.trigger, event: event_id, hook: hook_id, attempts },
    ...{
      created: time(run.created_at),
      started,
      finished,
      'waiting for': waiting_for,
      result,
      error: error && `${error.code}: ${error.message}`,
    },
  })
  const stack = error?.stack === undefined ? [] : [error.stack]
  return [head, ...stack, ...linesByTime(run).map(({ at, message }) => `${time(at)}  ${message}`)].join('\n')
}

interface Filter {
  status?: string
  hook?: string
  function?: string
  trigger?: string
  event?: string
  limit?: number
}

const list = remote('list', 'list runs, newest first')
  .option('--status <status>', 'only with this status: queued, running, succeeded, dead, cancelled or skipped')
  .option('--hook <hook>', 'only of this hook')
  .option('--function <name>', 'only of this function')
  .option('--trigger <trigger>', 'only with this trigger: event, cron, http, tool or invoke')
  .option('--event <id>', 'only for this event')
  .option('--limit <n>', 'maximum number of runs', number, 20)
  .action(
    ask(async ({ zerodb, server, print }: Session, options: Filter) => {
      const { items } = await zerodb.runs.list({
        limit: options.limit,
        status: options.status as Run['status'] | undefined,
        hook_id: options.hook && (await findHook(zerodb, options.hook)).id,
        function_id:
          options.function &&
          (
            await zerodb.functions.get({
              name: await findFunction(zerodb, server.projectId, options.function),
              project_id: server.projectId,
            })
          ).id,
        trigger: options.trigger as Run['trigger'] | undefined,
        event_id: options.event && (await findEvent(zerodb, options.event)),
        project_id: server.projectId,
      })
      const rows = items.map((run) => [
        run.id,
        time(run.created_at),
        run.status,
        String(run.attempts),
        run.handler,
        summarize(run),
      ])
      print(items, () =>
        table(['ID', 'CREATED', 'STATUS', 'ATTEMPTS', 'HANDLER', ''], rows, 'No runs').replace(
          /\b(succeeded|dead|running|queued)\b/g,
          status,
        ),
      )
    }),
  )

const get = remote('get', 'show a run with its log')
  .argument('<id>')
  .action(
    ask(async ({ zerodb, print }: Session, id: string) => {
      const run = await zerodb.runs.get({ run_id: await findRun(zerodb, id) })
      print(run, () => one(run))
    }),
  )

const retry = remote(
  'retry',
  'retry a run that is dead, cancelled or skipped; a run that waits for its next attempt executes now',
)
  .argument('<id>')
  .action(
    ask(async ({ zerodb, print }: Session, id: string) => {
      const run = await zerodb.runs.retry({ run_id: await findRun(zerodb, id) })
      print(run, () => `${run.id} is ${run.status}. Watch it: zerodb logs ${run.id} -f`)
    }),
  )

const cancel = remote('cancel', 'cancel a run that is queued or running')
  .argument('<id>')
  .action(
    ask(async ({ zerodb, print }: Session, id: string) => {
      const run = await zerodb.runs.cancel({ run_id: await findRun(zerodb, id) })
      print(run, () => `${run.id} is ${run.status}`)
    }),
  )

interface Redrive {
  hook?: string
  handler?: string
  type?: string
  code?: string
  since?: string
  until?: string
  yes?: boolean
}

const redrive = remote('redrive', 'retry dead runs, oldest first')
  .option('--hook <hook>', 'only of this hook')
  .option('--handler <name>', 'only of this handler')
  .option('--type <event>', 'only for events of this type')
  .option('--code <code>', 'only with this error code')
  .option('--since <time>', 'only dead since this time: 2026-06-10T08:00:00Z, 90m, 2d', timestamp)
  .option('--until <time>', 'only dead before this time', timestamp)
  .option('--yes', 'do not ask')
  .action(
    ask(async ({ zerodb, server, print }: Session, options: Redrive) => {
      const { hook, handler, type, code, since, yes } = options
      // Without an end, runs that fail again would be retried for ever.
      const until = options.until ?? new Date().toISOString()
      const filter = {
        hook_id: hook && (await findHook(zerodb, hook)).id,
        handler,
        project_id: server.projectId,
        event_type: type as EventName | undefined,
        error_code: code,
        since,
      }
      const isAll = [options.until, ...Object.values(filter)].every((value) => value === undefined)
      if (isAll && !(await confirmed('Retry all dead runs?', yes))) return
      let redriven = 0
      for (let more = true; more; ) {
        const step = await zerodb.runs.redrive({ ...filter, until })
        redriven += step.redriven
        more = step.more
      }
      print({ redriven }, () => `${redriven} runs are queued again`)
    }),
  )

export const runs = new Command('runs').description('executions of handlers, with their logs')
for (const command of [list, get, retry, cancel, redrive]) runs.addCommand(command)
