import { setTimeout } from 'node:timers/promises'
import type { App, Caller } from '../app.ts'
import { type Run, runLogMessages, runLogs } from '../schema/run.ts'
import { defineStream, type StreamMessage } from './operation.ts'

/** Interval at which the database is polled for changes by other processes. */
const [LATEST_MS, SOONEST_MS] = [1_000, 100]

export const runsLogs = defineStream({
  name: 'runs.logs',
  summary: 'Stream the log of a run',
  description:
    'Sends the log as server-sent events as it is written, over all attempts, until the run ends. To continue a stream, send the id of the last message in the header Last-Event-ID.',
  route: 'GET /api/v1/runs/:run_id/logs',
  permission: 'hooks:read',
  idempotent: true,
  input: runLogs,
  messages: runLogMessages,
  async run(app, caller, { run_id, after = '0.0' }, signal) {
    const [attempts, lines, requests = 0] = after.split('.').map(Number) as [number, number, number?]
    const run = await app.store.runs.get(caller.user_id, caller.bound, run_id)
    return follow(app, caller, run, { attempts, lines, requests }, signal)
  },
})

/**
 * Follows the log of a run. `sent` is the attempt and the numbers of its lines and connections that the client has; message ids carry it for
 * reconnects.
 */
async function* follow(
  app: App,
  caller: Caller,
  first: Run,
  sent: { attempts: number; lines: number; requests: number },
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  let run = first
  let asked = performance.now()
  let said = ''
  while (!signal.aborted) {
    const live = app.runs.logOf(run.id)
    const { attempts, lines, requests } = live ?? { attempts: run.attempts, lines: run.logs, requests: run.requests }
    const status = live ? 'running' : run.status
    if (sent.attempts !== attempts) Object.assign(sent, { attempts, lines: 0, requests: 0 })
    const state = { status, attempts, run_at: run.run_at, error: status === 'running' ? null : run.error }
    // The start of an attempt is sent before its lines, its end after them.
    const begins = status === 'running' && said !== JSON.stringify(state)
    if (begins) yield { event: 'status', data: state }
    for (const line of lines.slice(sent.lines)) {
      sent.lines++
      yield { event: 'log', id: positionOf(sent), data: { attempts, ...line } }
    }
    for (const request of requests.slice(sent.requests)) {
      sent.requests++
      yield { event: 'request', id: positionOf(sent), data: { attempts, ...request } }
    }
    if (!begins && said !== JSON.stringify(state)) yield { event: 'status', data: state }
    said = JSON.stringify(state)
    if (status !== 'queued' && status !== 'running') {
      yield { event: 'end', data: { status } }
      return
    }
    await app.runs.changed(LATEST_MS, signal)
    if (app.runs.logOf(run.id)) continue
    const early = SOONEST_MS - (performance.now() - asked)
    if (early > 0) await setTimeout(early)
    run = await app.store.runs.get(caller.user_id, caller.bound, run.id)
    asked = performance.now()
  }
}

function positionOf({ attempts, lines, requests }: { attempts: number; lines: number; requests: number }): string {
  return requests === 0 ? `${attempts}.${lines}` : `${attempts}.${lines}.${requests}`
}
