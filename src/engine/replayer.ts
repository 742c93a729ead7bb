import type { App } from '../app.ts'
import type { Step } from '../store/queue/replay-steps.ts'

/** Maximum number of jobs per round. */
const JOBS_AT_ONCE = 100

export interface Replayer {
  /** Advances all replays and backfills as far as their rates allow. Returns true if runs were created. */
  advance(): Promise<boolean>
}

/**
 * Creates the runs of replays and backfills step by step. Several processes can do so at the same time, because each step locks one job.
 * Calls `onQueued` after each step that created runs, with whether some of them are limited by ordering or concurrency.
 */
export function createReplayer(app: App, onQueued: (constrained: boolean) => void): Replayer {
  /** A job that fails must not block the others. */
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
      // One step per job, then the ready jobs are read again, so that no job delays the others.
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
