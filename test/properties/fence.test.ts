import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { sql } from '../../src/db/sql.ts'
import type { AttemptResult } from '../../src/store/queue/runs.ts'
import type { TestDatabase } from '../contract/database.ts'
import { openHere } from '../contract/open.ts'
import { check, isFinal } from './invariants.ts'
import { makeHooks, openEnvironment, type Process, type RunState, type State } from './processes.ts'
import { type Concurrent, PROCESSES, type Step, step } from './steps.ts'

// Random schedules of the steps and failures of processes. After each step no run is lost or has two owners, results are accepted from the
// current owner only, and orders and limits are respected. At the end every run is final.

let here: TestDatabase
beforeAll(async () => {
  here = await openHere()
  await migrate(here.database)
})
afterAll(() => here.remove())

function endingOf(run: { id: string; attempts: number }, status: AttemptResult['status']): AttemptResult {
  const error = status === 'succeeded' ? null : { code: 'failed', message: 'it failed' }
  return {
    id: run.id,
    attempts: run.attempts,
    status,
    result: null,
    error,
    logs: [],
    retry_in: status === 'queued' ? 5 : null,
  }
}

async function play(steps: readonly Step[]): Promise<{ runs: number; refused: number; deaths: number }> {
  await here.database.exec('truncate zerodb_runs, zerodb_events, zerodb_outbox, zerodb_hooks, zerodb_instances cascade')
  const environment = await openEnvironment(here.database, PROCESSES)
  const { store, processes } = environment
  const scope = await store.users.create(null)
  const hooks = await makeHooks(environment, scope)
  /** `id attempt` of every accepted result. */
  const taken = new Set<string>()
  let refused = 0
  let events = 0

  async function finish(
    process: Process,
    choice: number,
    how: AttemptResult['status'],
    before: State,
    alone: boolean,
  ): Promise<void> {
    const [run] = process.held.splice(choice % Math.max(1, process.held.length), 1)
    if (!run) return
    const { status, owner, attempts } = before.runs.get(run.id)!
    const isOwner = status === 'running' && owner === process.epoch && attempts === run.attempts
    const accepted = await store.runs.finish(process.epoch, [endingOf(run, how)])
    if (alone) expect(accepted, 'results of the owner are accepted, and no others').toEqual(isOwner ? [run.id] : [])
    if (accepted.length === 0) refused++
    else expect(taken, 'each attempt has one result').not.toContain(`${run.id} ${run.attempts}`)
    if (accepted.length > 0) taken.add(`${run.id} ${run.attempts}`)
  }

  async function act(step: Step, before: State): Promise<void> {
    const runs = [...before.runs.values()]
    const chosen = (of: RunState[]) => ('which' in step ? of[step.which % Math.max(1, of.length)] : undefined)
    switch (step.do) {
      case 'write':
        events++
        await store.published.publish(scope, { topic: 't', event_payload: {}, correlation_id: step.key })
        return
      case 'dispatch':
      case 'claim':
      case 'end':
        return concurrent(step, before, true)
      case 'together':
        await Promise.all(step.steps.map((each) => concurrent(each, before, false)))
        return
      case 'beat':
        return environment.beat(processes[step.place]!)
      case 'silence':
        await here.database.query(sql`
          update zerodb_instances set beat_at = beat_at - interval '1 hour' where epoch = ${processes[step.place]!.epoch}::bigint`)
        return
      case 'crash':
        await here.database.query(sql`
          update zerodb_instances set beat_at = beat_at - interval '1 hour' where epoch = ${processes[step.place]!.epoch}::bigint`)
        return environment.replace(step.place)
      case 'drain': {
        const { epoch } = processes[step.place]!
        await store.instances.drain(epoch)
        await store.runs.giveBack(epoch)
        await store.instances.remove(epoch)
        return environment.replace(step.place)
      }
      case 'late': {
        const some = environment.gone.filter(({ held }) => held.length > 0)
        if (some.length > 0) await finish(some[step.which % some.length]!, step.which, step.how, before, true)
        return
      }
      case 'cancel': {
        const run = chosen(runs)
        if (!run) return
        const cancelling = store.runs.cancel(scope.user_id, null, run.id)
        return isFinal(run) ? expect(cancelling).rejects.toMatchObject({ code: 'run_final' }) : cancelling
      }
      case 'retry': {
        const run = chosen(runs)
        if (!run) return
        const retrying = store.runs.retry(scope.user_id, null, run.id)
        const refused = { code: 'run_not_final' }
        // A queued run that waits for its next attempt becomes due. It may also have become due on its own a moment ago.
        if (run.status === 'queued') return retrying.catch((error) => expect(error).toMatchObject(refused))
        const may = isFinal(run) && run.status !== 'succeeded'
        return may ? retrying : expect(retrying).rejects.toMatchObject(refused)
      }
      case 'pause': {
        const id = hooks.all[step.which % hooks.all.length]!
        await store.hooks.update(scope.user_id, id, { paused: step.on })
        if (step.on) hooks.paused.add(id)
        else hooks.paused.delete(id)
        return
      }
      case 'advance':
        return environment.advance(step.seconds)
    }
  }

  async function concurrent(step: Concurrent, before: State, alone: boolean): Promise<void> {
    const process = processes[step.place]!
    if (step.do === 'end') return finish(process, step.which, step.how, before, alone)
    if (step.do === 'claim') return environment.claim(process)
    const some = step.some === null ? undefined : before.outbox.filter((_, n) => (n + step.some!) % 2 === 0)
    return environment.dispatch(process, some)
  }

  let state = await environment.look()
  async function take(step: Step): Promise<void> {
    await act(step, state)
    const after = await environment.look()
    check({ step, processes, hooks, events, before: state, after })
    state = after
  }
  for (const each of steps) await take(each)

  // All processes live, and continue until no run is left.
  for (const id of hooks.all.keys()) await take({ do: 'pause', which: id, on: false })
  for (let round = 0; state.outbox.length > 0 || [...state.runs.values()].some((run) => !isFinal(run)); round++) {
    expect(round, 'rounds until all runs are final').toBeLessThan(100)
    await take({ do: 'advance', seconds: 10 })
    for (let place = 0; place < PROCESSES; place++) {
      await take({ do: 'beat', place })
      await take({ do: 'dispatch', place, some: null })
      await take({ do: 'claim', place })
      while (processes[place]!.held.length > 0) await take({ do: 'end', place, which: 0, how: 'succeeded' })
    }
  }
  const runs = [...state.runs.values()]
  return { runs: runs.length, refused, deaths: runs.reduce((sum, run) => sum + run.deaths, 0) }
}

test('whatever happens to processes, no run is lost or ends twice, and orders and limits are respected', async () => {
  const total = { runs: 0, refused: 0, deaths: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 100 }), async (steps) => {
      const { runs, refused, deaths } = await play(steps)
      total.runs += runs
      total.refused += refused
      total.deaths += deaths
    }),
    { numRuns: 25 },
  )
  console.log(`${total.runs} runs, ${total.deaths} deaths of their owners, ${total.refused} late results refused`)
  expect(Math.min(total.runs, total.refused, total.deaths)).toBeGreaterThan(0)
}, 300_000)
