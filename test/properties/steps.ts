import fc from 'fast-check'

/** Number of processes at a time. */
export const PROCESSES = 3

const place = fc.nat({ max: PROCESSES - 1 })
/** Chooses among the existing objects. */
const which = fc.nat({ max: 50 })
/** Returns a generator of steps with this name and these fields. */
function of<Name extends string, Rest extends object>(
  name: Name,
  rest: { [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> },
): fc.Arbitrary<{ do: Name } & Rest> {
  return fc.record({ do: fc.constant(name), ...rest }) as fc.Arbitrary<{ do: Name } & Rest>
}

const write = of('write', { key: fc.constantFrom('a', 'a', 'b', null) })
const dispatch = of('dispatch', { place, some: fc.option(which) })
const claim = of('claim', { place })
const end = of('end', { place, which, how: fc.constantFrom('succeeded' as const, 'queued' as const, 'dead' as const) })
/** A result of a process that has ended or counts as dead. */
const late = of('late', { which, how: fc.constantFrom('succeeded' as const, 'queued' as const, 'dead' as const) })
const together = of('together', {
  steps: fc.uniqueArray(fc.oneof(dispatch, claim, claim, end), {
    minLength: 2,
    maxLength: PROCESSES,
    selector: (step) => step.place,
  }),
})
/** One step of a schedule. */
export const step = fc.oneof(
  { weight: 5, arbitrary: write },
  { weight: 6, arbitrary: dispatch },
  { weight: 10, arbitrary: claim },
  { weight: 14, arbitrary: end },
  { weight: 5, arbitrary: together },
  { weight: 3, arbitrary: late },
  { weight: 4, arbitrary: of('beat', { place }) },
  { weight: 3, arbitrary: of('silence', { place }) },
  { weight: 1, arbitrary: of('crash', { place }) },
  { weight: 2, arbitrary: of('drain', { place }) },
  { weight: 4, arbitrary: of('cancel', { which }) },
  { weight: 4, arbitrary: of('retry', { which }) },
  { weight: 1, arbitrary: of('pause', { which, on: fc.boolean() }) },
  { weight: 3, arbitrary: of('advance', { seconds: fc.constantFrom(1, 10) }) },
)
export type Step = typeof step extends fc.Arbitrary<infer Type> ? Type : never
/** Steps that several processes can take at the same time. */
export type Concurrent = Extract<Step, { do: 'dispatch' | 'claim' | 'end' }>
