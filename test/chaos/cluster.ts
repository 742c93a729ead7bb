import type { Instance } from './instance.ts'
import type { Report } from './report.ts'
import { type Environment, playRound } from './round.ts'

/** A PostgreSQL server that may be broken. */
export interface Breakable {
  /** Stops the server immediately, as a power failure would. */
  crash(): Promise<void>
  /** Starts the server again. */
  resume(): Promise<void>
}

export interface ClusterOptions {
  seed: number
  databaseUrl: string
  /** Server to break; null if other tests use it, so that only processes of the program are broken. */
  server: Breakable | null
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Longer than the lease: other instances take over before the frozen one continues. */
const FROZEN_MS = [5_500, 7_500] as const

/** Plays a round with two servers and a worker on one PostgreSQL. Any of them, and the database, may die at any time. */
export function clusterRound({ seed, databaseUrl, server }: ClusterOptions): Promise<Report> {
  const faults = (environment: Environment) => breakThings(environment, server)
  return playRound({ seed, kinds: ['start', 'start', 'worker'], databaseUrl, writers: 5, keys: 5, faults })
}

/** Causes faults. They overlap: a fault can start before the previous one has been repaired. */
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
      if (way === 'stop' && code !== 0) complain(`${instance.name} ended with code ${code} after SIGTERM`)
      await pause(ms)
      healing()
      ready(await instance.start())
    }
    busy.delete(instance)
  }

  const count = Math.round(random.between(3, 5))
  for (let n = 0; n < count; n++) {
    await pause(random.between(300, 2_000))
    // Draws all numbers for each fault, used or not, so that the sequence of faults depends only on the seed.
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
