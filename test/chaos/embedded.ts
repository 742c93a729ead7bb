import type { Report } from './report.ts'
import { type Environment, playRound } from './round.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Plays a round with one process on the embedded database, which is killed repeatedly under load and sometimes while it starts. */
export function embeddedRound(seed: number): Promise<Report> {
  return playRound({ seed, kinds: ['start'], databaseUrl: null, writers: 6, keys: 3, faults })
}

async function faults({ instances, random, note, healing, ready }: Environment): Promise<void> {
  const [server] = instances
  const kills = Math.round(random.between(1, 2))
  for (let n = 0; n < kills; n++) {
    await pause(random.between(500, 4_000))
    note('kill -9')
    await server!.end('SIGKILL')
    if (random.chance(0.3)) {
      note('kill -9 while it starts')
      const starting = server!.start().catch(() => undefined)
      await pause(random.between(50, 1_200))
      await server!.end('SIGKILL')
      await starting
    }
    healing()
    ready(await server!.start())
  }
}
