import { startReceiver } from '../support/receiver.ts'
import type { Random } from './random.ts'
import type { Acknowledged } from './report.ts'
import { ORDERED } from './writes.ts'

/** What the world outside has seen of the runs. */
export interface ChaosReceiver {
  /** `http://127.0.0.1:<port>` */
  url: string
  /** The runs, by id, whose message has been accepted, and how often. */
  accepted(): Map<string, number>
  /** Messages that were accepted although one of the same run had been. */
  duplicates(): number
  /** What did not come in the order in which it was written, in words. `dead`: what need never have come. */
  disorder(acknowledged: Acknowledged, dead: ReadonlySet<string>): string[]
  close(): Promise<void>
}

interface Delivery {
  run: string
  /** Of an ordered hook: `<key> <n>`. */
  name: string | null
  accepted: boolean
}

const REFUSED_SHARE = 0.03
const SLOWEST_MS = 10

/** Takes webhooks, slowly, and refuses one now and then. */
export async function startChaosReceiver(random: Random): Promise<ChaosReceiver> {
  const receiver = await startReceiver()
  /** In order of arrival, and of their answers. */
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
     * A message must not arrive before all that had been acknowledged to its writer earlier were accepted at least once. After a loss of
     * power what was done last is done again, in order: such repetitions are duplicates, not disorder.
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
        if (missing !== undefined) problems.push(`${name} came before ${key} ${missing}`)
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
