import { setTimeout } from 'node:timers/promises'
import type { App } from '../app.ts'
import type { Expired, Keep } from '../store/retention.ts'

const DAY_SECONDS = 86_400
/** Then the rest waits for the next round. */
const ROUND_MS = 20_000

export interface Retention {
  /** Deletes what has been kept long enough, step by step, and pauses after each for as long as it took: others have work too. */
  expire(): Promise<Expired>
}

export function createRetention(app: App): Retention {
  const { retentionDays, deadRetentionDays } = app.config
  const keep: Keep = { seconds: secondsOf(retentionDays), deadSeconds: secondsOf(deadRetentionDays) }
  /** The event behind which the next round goes on. */
  let after = 0

  return {
    async expire() {
      const expired: Expired = { runs: 0, events: 0 }
      if (keep.seconds === null && keep.deadSeconds === null) return expired
      const began = performance.now()
      const left = () => !app.runs.draining() && performance.now() - began < ROUND_MS

      async function step<Done extends Expired>(work: () => Promise<Done>): Promise<Done> {
        const started = performance.now()
        const done = await work()
        expired.runs += done.runs
        expired.events += done.events
        await setTimeout(performance.now() - started)
        return done
      }

      while (left() && (await step(() => app.store.retention.expireOthers(keep))).more);
      while (left()) {
        const { through } = await step(() => app.store.retention.expireEvents(after, keep))
        after = through ?? 0
        if (through === null) break
      }
      if (expired.runs + expired.events > 0) app.log.info(expired, 'deleted what was kept long enough')
      return expired
    },
  }
}

function secondsOf(days: number): number | null {
  return days === 0 ? null : days * DAY_SECONDS
}
