import type { App } from '../app.ts'
import type { Step } from '../store/queue/replay-steps.ts'

/** Jobs that one round goes on with. */
const JOBS_AT_ONCE = 100

export interface Replayer {
  /** Goes on with every replay and backfill as far as its rate allows. True when it has made runs. */
  advance(): Promise<boolean>
}

/**
 * Makes the runs of replays and backfills, bit by bit. Any number of processes may do so at the same time: each step takes one job, unless
 * another has it in hand. `onQueued` is told of every step that has made runs, and whether some of them wait for their turn.
 */
export function createReplayer(app: App, onQueued: (constrained: boolean) => void): Replayer {
  /** One job that cannot go on must not keep the others from it. */
  async function step(id: string): Promise<Step> {
    try {
      return await app.store.transaction(({ replaySteps }) => replaySteps.step(id))
    } catch (error) {
      app.log.error({ error, replay_id: id }, 'a replay cannot go on; it is tried again')
      return { queued: 0, constrained: false, more: false }
    }
  }

  async function round(): Promise<boolean> {
    let any = false
    let goOn = true
    while (goOn && !app.runs.draining()) {
      goOn = false
      // A step each in turn, and a new look at who is ready: neither a fast job nor one that has begun keeps another waiting.
      for (const id of await app.store.replays.ready(JOBS_AT_ONCE)) {
        const { queued, constrained, more } = await step(id)
        if (more) goOn = true
        if (queued === 0) continue
        any = true
        onQueued(constrained)
      }
    }
    return any
  }

  let last: Promise<boolean> = Promise.resolve(false)
  return {
    advance() {
      last = last.catch(() => false).then(round)
      return last
    },
  }
}
