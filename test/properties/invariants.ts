import { expect } from 'vitest'
import { type Hooks, LIMIT, type Process, type RunState, SLOTS, type State } from './processes.ts'
import type { Step } from './steps.ts'

/** One step with the states before and after it. */
interface Taken {
  step: Step
  processes: readonly Process[]
  hooks: Hooks
  /** Number of events written so far. */
  events: number
  before: State
  after: State
}

const FINAL = ['succeeded', 'dead', 'cancelled', 'skipped']
export const isFinal = (run: RunState): boolean => FINAL.includes(run.status)

/** Checks the invariants that hold after every step. */
export function check({ step, processes, hooks, events, before, after }: Taken): void {
  const runs = [...after.runs.values()]
  for (const run of runs) {
    const earlier = before.runs.get(run.id)
    expect(run.status === 'running', 'only running runs have an owner').toBe(run.owner !== null)
    expect(isFinal(run), 'only final runs have an end time').toBe(run.is_finished)
    if (earlier && isFinal(earlier) && step.do !== 'retry')
      expect(run, 'final runs stay final').toEqual({ ...earlier, is_due: run.is_due })
    if (run.status === 'dead') expect(after.reported.has(run.id), 'a dead run has emitted its event').toBe(true)
    if (run.status === 'running' && earlier?.owner !== run.owner) begun(run, before, after)
  }
  expect(runs.length, 'no run is lost').toBeGreaterThanOrEqual(before.runs.size)
  expect(runs.length + after.outbox.length * hooks.all.length, 'a run for each event and hook').toBe(
    events * hooks.all.length,
  )
  for (const process of processes.filter(({ epoch }) => after.living.has(epoch))) {
    const mine = runs.filter(({ owner }) => owner === process.epoch).map(({ id }) => id)
    expect(
      process.held.map(({ id }) => id),
      'a live process knows its runs',
    ).toEqual(expect.arrayContaining(mine))
  }
  for (const hook of hooks.limited) {
    const running = runs.filter(({ hook_id, status }) => hook_id === hook && status === 'running').length
    expect(running, 'concurrent runs within the limit').toBeLessThanOrEqual(LIMIT)
  }
  if (step.do === 'claim' && processes[step.place]!.held.length < SLOTS) checkClaim(hooks, before, after)
}

/** Checks the invariants of a run that has got an owner. */
function begun(run: RunState, before: State, after: State): void {
  expect(run.attempts, 'each start counts').toBe((before.runs.get(run.id)?.attempts ?? 0) + 1)
  if (run.ordering_key === null) return
  const others = [...after.runs.values()].filter(
    (other) => other !== run && other.hook_id === run.hook_id && other.ordering_key === run.ordering_key,
  )
  expect(
    others.filter(({ status }) => status === 'running'),
    'one run of a key at a time',
  ).toEqual([])
  expect(
    others.filter((other) => other.event_seq < run.event_seq && !isFinal(other)),
    'the oldest run of a key first',
  ).toEqual([])
  expect(
    after.outbox.filter((seq) => seq < run.event_seq),
    'no earlier event waits for its dispatch',
  ).toEqual([])
}

/** Checks that a process with free slots has claimed all runs that it could. */
function checkClaim(hooks: Hooks, before: State, after: State): void {
  const runs = [...after.runs.values()]
  const left = runs.filter((run) => {
    if (run.status !== 'queued' || !before.runs.get(run.id)?.is_due || hooks.paused.has(run.hook_id)) return false
    if (hooks.limited.has(run.hook_id)) {
      const running = runs.filter(({ hook_id, status }) => hook_id === run.hook_id && status === 'running').length
      if (running >= LIMIT) return false
    }
    if (run.ordering_key === null) return true
    const isBlocked = runs.some((other) => {
      return (
        other.hook_id === run.hook_id &&
        other.ordering_key === run.ordering_key &&
        (other.status === 'running' || (other.status === 'queued' && other.event_seq < run.event_seq))
      )
    })
    return !isBlocked && !after.undispatched.some((seq) => seq < run.event_seq)
  })
  expect(left, 'no executable run is left').toEqual([])
}
