import { hammer, median, milliseconds, perSecond, quantile } from './support.ts'

/** Durations of calls in milliseconds, and calls per second. */
export interface Load {
  p50: number
  p99: number
  rate: number
}

export const ROUNDS = 5

/** Measures `calls` calls of `one` by `callers` concurrent callers. */
export async function measure(callers: number, calls: number, one: () => Promise<unknown>): Promise<Load> {
  const times: number[] = []
  const total = await hammer(callers, calls, async () => {
    const begin = performance.now()
    await one()
    times.push(performance.now() - begin)
  })
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), rate: (times.length * 1000) / total }
}

/**
 * Measures several loads in alternation and returns the medians of each. Alternation spreads the effect of a temporarily busy machine over
 * all loads. The first round is a warm-up.
 */
export async function measureAlternately<Name extends string>(
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
