import { hammer, median, milliseconds, perSecond, quantile } from './support.ts'

/** How long calls took, in milliseconds, and how many ended in a second. */
export interface Load {
  p50: number
  p99: number
  rate: number
}

export const ROUNDS = 5

/** `calls` calls of `one`, by so many callers at once. */
export async function measure(callers: number, calls: number, one: () => Promise<unknown>): Promise<Load> {
  const times: number[] = []
  const total = await hammer(callers, calls, async () => {
    const begin = performance.now()
    await one()
    times.push(performance.now() - begin)
  })
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), rate: (times.length * 1000) / total }
}

/** The medians of each, in turn, so that a machine that is busy for a while is so for all; the first round warms up. */
export async function inTurn<Name extends string>(
  works: Record<Name, () => Promise<Load>>,
  rounds = ROUNDS,
): Promise<Record<Name, Load>> {
  const loads = Object.fromEntries(Object.keys(works).map((name) => [name, []])) as unknown as Record<Name, Load[]>
  for (let round = 0; round <= rounds; round++)
    for (const name of Object.keys(works) as Name[]) {
      const load = await works[name]()
      if (round > 0) loads[name].push(load)
    }
  const middle = (of: Load[], key: keyof Load) => median(of.map((load) => load[key]))
  return Object.fromEntries(
    Object.entries<Load[]>(loads).map(([name, of]) => [
      name,
      { p50: middle(of, 'p50'), p99: middle(of, 'p99'), rate: middle(of, 'rate') },
    ]),
  ) as Record<Name, Load>
}

export const words = ({ p50, p99, rate }: Load): string =>
  `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}, ${perSecond(rate)}`
