import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { filterTest, filterTested, hookInvoke } from '../schema/hook.ts'
import { type Run, run } from '../schema/run.ts'
import { active, checkEventType } from './hooks.ts'
import { secondsUntilDue } from './lib/due-time.ts'
import { defineJson } from './operation.ts'

/** Interval at which the run is polled, because another process may execute it. */
const ASK_MS = 250

export const hooksTestFilter = defineJson({
  name: 'hooks.test_filter',
  summary: 'Test a filter on the latest events',
  description:
    'Shows for the latest events of the type whether the filter matches and which ordering key they have. No handler runs.',
  route: 'POST /api/v1/hooks/test-filter',
  permission: 'hooks:read',
  idempotent: true,
  input: filterTest,
  output: filterTested,
  async run(app, caller, given) {
    checkEventType(given.event_type)
    if (given.project_id !== undefined) await app.store.projects.get(scopeOf(caller, given.project_id))
    const items = await app.store.hookExplain.testFilter(caller.user_id, { ...given, bound: caller.bound })
    return { tested: items.length, matched: items.filter(({ matches }) => matches).length, items }
  },
})

export const hooksInvoke = defineJson({
  name: 'hooks.invoke',
  summary: 'Run a hook by hand',
  description:
    'Makes a run with the payload as event data and waits for the end of its first attempt, at most `wait_seconds`. With `delay` or `run_at`, the run starts then, and the response does not wait. Filter and ordering key are ignored, and the event log gets no event.',
  route: 'POST /api/v1/hooks/:hook_id/invoke',
  permission: 'hooks:write',
  idempotent: false,
  input: hookInvoke,
  errors: ['function_disabled'],
  output: run,
  async run(app, caller, { hook_id, payload, project_id, wait_seconds, delay, run_at }) {
    const dueIn = secondsUntilDue(app, { delay, run_at })
    const hook = await active(app, caller, hook_id)
    if (hook.project_id !== null && project_id !== undefined && project_id !== hook.project_id)
      throw new ZeroError('invalid', `This hook is for project ${hook.project_id}, not for ${project_id}`)
    const scope = scopeOf(caller, hook.project_id ?? project_id)
    const id = await app.store.hookRuns.create(scope, hook, payload, dueIn)
    app.runs.queued()
    return settled(app, caller, id, wait_seconds)
  },
})

/** Returns the run when its first attempt has ended or cannot start, or at the timeout. */
async function settled(app: App, caller: Caller, id: string, seconds: number): Promise<Run> {
  const until = performance.now() + seconds * 1000
  for (;;) {
    const changed = app.runs.changed(ASK_MS)
    const now = await app.store.runs.get(caller.user_id, caller.bound, id)
    const waits = now.attempts > 0 || ['paused', 'delay', 'no_capable_instance'].includes(now.waiting_for?.reason ?? '')
    const open = now.status === 'running' || (now.status === 'queued' && !waits)
    if (!open || performance.now() >= until || app.runs.draining()) return now
    await changed
  }
}
