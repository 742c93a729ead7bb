import type { Instance } from './instance.ts'
import type { Report } from './report.ts'
import { type Environment, playRound } from './round.ts'

/** A PostgreSQL server that may be broken. */
export interface Breakable {
  /** Ends it as a loss of power would. */
  crash(): Promise<void>
  /** Starts it again. */
  resume(): Promise<void>
}

export interface ClusterOptions {
  seed: number
  databaseUrl: string
  /** Null: it is others' too, and only our own processes are broken. */
  server: Breakable | null
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Longer than the lease: the others take over, and it wakes up among them. */
const FROZEN_MS = [5_500, 7_500] as const

/** Two servers and a worker on one PostgreSQL, any of which may die at any time, and the database too. */
export function clusterRound({ seed, databaseUrl, server }: ClusterOptions): Promise<Report> {
  const faults = (environment: Environment) => breakThings(environment, server)
  return playRound({ seed, kinds: ['start', 'start', 'worker'], databaseUrl, writers: 5, keys: 5, faults })
}

/** Faults overlap: one is not waited for before the next. */
async function breakThings(
  { instances, random, note, healing, ready, complain }: Environment,
  server: Breakable | null,
): Promise<void> {
  let isDatabaseUp = true
  const mending: Promise<void>[] = []
  const busy = new Set<Instance>()

  async function breakDatabase(seconds: number): Promise<void> {
    isDatabaseUp = false
    note(`PostgreSQL stopped at once, for ${seconds.toFixed(1)} s`)
    await server!.crash()
    await pause(seconds * 1000)
    healing()
    await server!.resume()
    isDatabaseUp = true
  }
  async function breakInstance(instance: Instance, way: 'kill' | 'stop' | 'freeze', ms: number): Promise<void> {
    busy.add(instance)
    if (way === 'freeze') {
      note(`${instance.name} frozen for ${Math.round(ms)} ms`)
      await instance.freeze(ms)
      healing()
    } else {
      note(`${instance.name} ${way === 'kill' ? 'killed' : 'stopped'}`)
      const code = await instance.end(way === 'kill' ? 'SIGKILL' : 'SIGTERM')
      if (way === 'stop' && code !== 0) complain(`${instance.name} ended with ${code} when it was asked to stop`)
      await pause(ms)
      healing()
      ready(await instance.start())
    }
    busy.delete(instance)
  }

  const count = Math.round(random.between(3, 5))
  for (let n = 0; n < count; n++) {
    await pause(random.between(300, 2_000))
    // All numbers are drawn, whatever they are used for: what comes later is then the same.
    const [kind, seconds, target] = [random.between(0, 1), random.between(0.1, 3), random.oneOf(instances)]
    const frozenMs = random.between(...FROZEN_MS)
    if (kind < 0.3 && server && isDatabaseUp) mending.push(breakDatabase(seconds))
    else if (busy.has(target)) continue
    else if (kind < 0.75) mending.push(breakInstance(target, 'kill', seconds * 300))
    else if (kind < 0.9) mending.push(breakInstance(target, 'stop', seconds * 300))
    else mending.push(breakInstance(target, 'freeze', frozenMs))
  }
  await Promise.all(mending)
}
