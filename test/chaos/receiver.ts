import { startReceiver } from '../support/receiver.ts'
import type { Random } from './random.ts'
import type { Acknowledged } from './report.ts'
import { ORDERED } from './writes.ts'

/** A receiver of webhooks that records the runs it has seen. */
export interface ChaosReceiver {
  /** `http://127.0.0.1:<port>` */
  url: string
  /** Returns how often a message of each run was accepted, by the run's id. */
  accepted(): Map<string, number>
  /** Counts accepted messages of runs that already had an accepted message. */
  duplicates(): number
  /** Describes messages that arrived out of the order of their writes. `dead`: names of events that need not have arrived. */
  disorder(acknowledged: Acknowledged, dead: ReadonlySet<string>): string[]
  close(): Promise<void>
}

interface Delivery {
  run: string
  /** Name of an event of the ordered hook: `<key> <n>`. Null for other events. */
  name: string | null
  accepted: boolean
}

const REFUSED_SHARE = 0.03
const SLOWEST_MS = 10

/** Starts a slow receiver that sometimes rejects a message. */
export async function startChaosReceiver(random: Random): Promise<ChaosReceiver> {
  const receiver = await startReceiver()
  /** Arrivals and responses in the order in which they happened. */
  const deliveries: ({ arrived: Delivery } | { answered: Delivery })[] = []
  receiver.answer = async ({ body }) => {
    const accepted = !random.chance(REFUSED_SHARE)
    const delivery = { run: body.run_id, name: body.event === ORDERED.event ? body.data.topic : null, accepted }
    deliveries.push({ arrived: delivery })
    await new Promise((resolve) => setTimeout(resolve, random.between(0, SLOWEST_MS)))
    deliveries.push({ answered: delivery })
    return { status: accepted ? 204 : 500 }
  }

  function accepted(): Map<string, number> {
    const times = new Map<string, number>()
    for (const each of deliveries) {
      if (!('answered' in each) || !each.answered.accepted) continue
      times.set(each.answered.run, (times.get(each.answered.run) ?? 0) + 1)
    }
    return times
  }

  return {
    url: receiver.url.replace('/hook', ''),
    accepted,
    duplicates: () => [...accepted().values()].reduce((sum, times) => sum + times - 1, 0),
    /**
     * A message must not arrive before all earlier acknowledged writes of its key were accepted at least once. After a power failure the
     * last messages are sent again, in order: these are duplicates, not disorder.
     */
    disorder(acknowledged, dead) {
      const written = new Map<string, number[]>()
      for (const name of acknowledged.get(ORDERED.event)!) {
        const [key, n] = partsOf(name)
        if (!dead.has(name)) written.set(key, [...(written.get(key) ?? []), n])
      }
      const done = new Map<string, Set<number>>()
      const problems: string[] = []
      for (const each of deliveries) {
        const { name, accepted } = 'arrived' in each ? each.arrived : each.answered
        if (name === null) continue
        const [key, n] = partsOf(name)
        if (!done.has(key)) done.set(key, new Set())
        if ('answered' in each) {
          if (accepted) done.get(key)!.add(n)
          continue
        }
        const missing = (written.get(key) ?? []).find((earlier) => earlier < n && !done.get(key)!.has(earlier))
        if (missing !== undefined) problems.push(`${name} arrived before ${key} ${missing}`)
      }
      return problems
    },
    close: receiver.close,
  }
}

function partsOf(name: string): [key: string, n: number] {
  const [key = '', n] = name.split(' ')
  return [key, Number(n)]
}
