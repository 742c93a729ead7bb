import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { sql } from '../../src/db/sql.ts'
import type { Scope } from '../../src/store/context.ts'
import type { Ending } from '../../src/store/runs.ts'
import type { TestDatabase } from '../contract/database.ts'
import { openHere } from '../contract/open.ts'
import { openWorld, type Process, type RunState, SLOTS, type World } from './processes.ts'

// Random schedules of what processes may do and of what may become of them. After each step: no run is lost, none has two owners, a result is
// taken from the present owner only, and orders and limits are kept. At the end every run becomes final.

const PUBLISHED = 'zerodb.event.published'
const PROCESSES = 3
const LIMIT = 2

let here: TestDatabase
beforeAll(async () => {
  here = await openHere()
  await migrate(here.database)
})
afterAll(() => here.remove())

const place = fc.nat({ max: PROCESSES - 1 })
/** Chooses among what there is. */
const which = fc.nat({ max: 50 })
/** A step of this name, with these details. */
function of<Name extends string, Rest extends object>(
  name: Name,
  rest: { [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> },
): fc.Arbitrary<{ do: Name } & Rest> {
  return fc.record({ do: fc.constant(name), ...rest }) as fc.Arbitrary<{ do: Name } & Rest>
}

const write = of('write', { key: fc.constantFrom('a', 'b', null) })
const dispatch = of('dispatch', { place, some: fc.option(which) })
const claim = of('claim', { place })
const end = of('end', { place, which, how: fc.constantFrom('succeeded' as const, 'queued' as const, 'dead' as const) })
const together = of('together', {
  steps: fc.uniqueArray(fc.oneof(dispatch, claim, claim, end), {
    minLength: 2,
    maxLength: PROCESSES,
    selector: (step) => step.place,
  }),
})
const step = fc.oneof(
  { weight: 8, arbitrary: write },
  { weight: 6, arbitrary: dispatch },
  { weight: 10, arbitrary: claim },
  { weight: 14, arbitrary: end },
  { weight: 5, arbitrary: together },
  { weight: 4, arbitrary: of('beat', { place }) },
  { weight: 3, arbitrary: of('silence', { place }) },
  { weight: 1, arbitrary: of('crash', { place }) },
  { weight: 1, arbitrary: of('drain', { place }) },
  { weight: 2, arbitrary: of('cancel', { which }) },
  { weight: 2, arbitrary: of('retry', { which }) },
  { weight: 1, arbitrary: of('pause', { which, on: fc.boolean() }) },
  { weight: 3, arbitrary: of('advance', { seconds: fc.constantFrom(1, 10) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Type> ? Type : never
type Concurrent = Extract<Step, { do: 'dispatch' | 'claim' | 'end' }>
type State = Awaited<ReturnType<World['look']>>

const FINAL = ['succeeded', 'dead', 'cancelled', 'skipped']
const isFinal = (run: RunState) => FINAL.includes(run.status)

interface Hooks {
  ordered: Set<string>
  limited: Set<string>
  paused: Set<string>
  all: string[]
}

/** Every event is for four hooks: one without rules, one with an order, one with a limit, one with both. */
async function makeHooks({ store }: World, { user_id }: Scope): Promise<Hooks> {
  const hooks: Hooks = { ordered: new Set(), limited: new Set(), paused: new Set(), all: [] }
  for (const [label, isOrdered, isLimited] of [
    ['open', 0, 0],
    ['ordered', 1, 0],
    ['limited', 0, 1],
    ['both', 1, 1],
  ] as const) {
    const hook = await store.hooks.create(user_id, {
      ...{
        project_id: null,
        event_type: PUBLISHED,
        hook_type: 'webhook',
        hook_name: `webhook:${label}`,
        hook_config: {},
      },
      ...(isOrdered ? { ordering_key: { path: 'row.correlation_id', policy: 'block' as const } } : {}),
      ...(isLimited ? { concurrency: LIMIT } : {}),
    })
    const { id } = hook!
    hooks.all.push(id)
    if (isOrdered) hooks.ordered.add(id)
    if (isLimited) hooks.limited.add(id)
  }
  return hooks
}

function endingOf(run: { id: string; attempts: number }, status: Ending['status']): Ending {
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
  const world = await openWorld(here.database, PROCESSES)
  const { store, processes } = world
  const scope = await store.users.create(null)
  const hooks = await makeHooks(world, scope)
  /** `id attempt` of every result that was taken. */
  const taken = new Set<string>()
  let refused = 0
  let events = 0

  async function finish(
    process: Process,
    choice: number,
    how: Ending['status'],
    before: State,
    alone: boolean,
  ): Promise<void> {
    const [run] = process.held.splice(choice % Math.max(1, process.held.length), 1)
    if (!run) return
    const { status, owner, attempts } = before.runs.get(run.id)!
    const isOwner = status === 'running' && owner === process.epoch && attempts === run.attempts
    const accepted = await store.runs.finish(process.epoch, [endingOf(run, how)])
    if (alone) expect(accepted, 'the results of the owner, and no other').toEqual(isOwner ? [run.id] : [])
    if (accepted.length === 0) refused++
    else expect(taken, 'one result of each attempt').not.toContain(`${run.id} ${run.attempts}`)
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
        return world.beat(processes[step.place]!)
      case 'silence':
        await here.database.query(sql`
          update zerodb_instances set beat_at = beat_at - interval '1 hour' where epoch = ${processes[step.place]!.epoch}::bigint`)
        return
      case 'crash':
        await here.database.query(sql`
          update zerodb_instances set beat_at = beat_at - interval '1 hour' where epoch = ${processes[step.place]!.epoch}::bigint`)
        return world.replace(step.place)
      case 'drain': {
        const { epoch } = processes[step.place]!
        await store.instances.drain(epoch)
        await store.runs.giveBack(epoch)
        await store.instances.remove(epoch)
        return world.replace(step.place)
      }
      case 'cancel': {
        const run = chosen(runs.filter((each) => !isFinal(each)))
        if (run) await store.runs.cancel(scope.user_id, null, run.id)
        return
      }
      case 'retry': {
        const run = chosen(runs.filter((each) => isFinal(each) && each.status !== 'succeeded'))
        if (run) await store.runs.retry(scope.user_id, null, run.id)
        return
      }
      case 'pause': {
        const id = hooks.all[step.which % hooks.all.length]!
        await store.hooks.update(scope.user_id, id, { paused: step.on })
        if (step.on) hooks.paused.add(id)
        else hooks.paused.delete(id)
        return
      }
      case 'advance':
        return world.advance(step.seconds)
    }
  }

  async function concurrent(step: Concurrent, before: State, alone: boolean): Promise<void> {
    const process = processes[step.place]!
    if (step.do === 'end') return finish(process, step.which, step.how, before, alone)
    if (step.do === 'claim') return world.claim(process)
    const some = step.some === null ? undefined : before.outbox.filter((_, n) => (n + step.some!) % 2 === 0)
    return world.dispatch(process, some)
  }

  /** What holds after every step. */
  function check(step: Step, before: State, after: State): void {
    const runs = [...after.runs.values()]
    for (const run of runs) {
      const earlier = before.runs.get(run.id)
      expect(run.status === 'running', 'only what runs has an owner').toBe(run.owner !== null)
      expect(isFinal(run), 'only what is final has ended').toBe(run.is_finished)
      if (earlier && isFinal(earlier) && step.do !== 'retry')
        expect(run, 'what is final stays so').toEqual({ ...earlier, is_due: run.is_due })
      if (run.status === 'running' && earlier?.owner !== run.owner) begun(run, runs, before)
    }
    expect(runs.length, 'no run is lost').toBeGreaterThanOrEqual(before.runs.size)
    expect(runs.length + after.outbox.length * hooks.all.length, 'a run for each event and hook').toBe(
      events * hooks.all.length,
    )
    for (const process of processes.filter(({ epoch }) => after.living.has(epoch))) {
      const mine = runs.filter(({ owner }) => owner === process.epoch).map(({ id }) => id)
      expect(
        process.held.map(({ id }) => id),
        'who lives knows what it owns',
      ).toEqual(expect.arrayContaining(mine))
    }
    for (const hook of hooks.limited) {
      const running = runs.filter(({ hook_id, status }) => hook_id === hook && status === 'running').length
      expect(running, 'no more at once than the limit').toBeLessThanOrEqual(LIMIT)
    }
    if (step.do === 'claim') checkClaim(step.place, before, after)
  }

  /** What holds for a run that has got an owner. */
  function begun(run: RunState, runs: RunState[], before: State): void {
    expect(run.attempts, 'each beginning counts').toBe((before.runs.get(run.id)?.attempts ?? 0) + 1)
    if (run.ordering_key === null) return
    const others = runs.filter(
      (other) => other !== run && other.hook_id === run.hook_id && other.ordering_key === run.ordering_key,
    )
    expect(
      others.filter(({ status }) => status === 'running'),
      'one of a key at a time',
    ).toEqual([])
    expect(
      others.filter((other) => other.event_seq < run.event_seq && !isFinal(other)),
      'the oldest of a key first',
    ).toEqual([])
  }

  /** Who has slots left has taken all that could be taken. */
  function checkClaim(place: number, before: State, after: State): void {
    if (processes[place]!.held.length >= SLOTS) return
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
      return !isBlocked && !after.outbox.some((seq) => seq < run.event_seq)
    })
    expect(left, 'nothing is left that could be executed').toEqual([])
  }

  let state = await world.look()
  async function take(step: Step): Promise<void> {
    await act(step, state)
    const after = await world.look()
    check(step, state, after)
    state = after
  }
  for (const each of steps) await take(each)

  // All live, and go on until nothing is left.
  for (const id of hooks.all.keys()) await take({ do: 'pause', which: id, on: false })
  for (let round = 0; state.outbox.length > 0 || [...state.runs.values()].some((run) => !isFinal(run)); round++) {
    expect(round, 'rounds until all is final').toBeLessThan(100)
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

test('whatever happens to whom: no run is lost or ends twice, and orders and limits are kept', async () => {
  const total = { runs: 0, refused: 0, deaths: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
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
