import type { App } from '../app.ts'
import { FIRST_LANE, type Lane } from '../store/queue/claims.ts'
import type { OwnedRun } from '../store/queue/owned-run.ts'

/** Number of lanes that a claim looks at first, and the maximum after claims without a result. */
const [FEW_LANES, MANY_LANES] = [8, 512]
/** Maximum number of times that a claim looks at further keys when no run is ready. */
const MAX_KEY_ROUNDS = 8

export interface Claimer {
  /** Claims queued runs while there are free slots, and starts them. Returns true if it claimed any. */
  claim(): Promise<boolean>
  /** Tells the claimer that runs with an ordering or a limit were queued. */
  expectConstrained(): void
  /** Checks in the database whether there are such runs. */
  look(): Promise<void>
}

export interface ClaimerOptions {
  app: App
  epoch: () => number
  handlers: readonly string[]
  /** Returns how many more runs can be claimed. */
  free(): number
  start(run: OwnedRun): void
}

/** Claims queued runs, fairly among lanes, and among hooks with and without ordering or limit. */
export function createClaimer({ app, epoch, handlers, free, start }: ClaimerOptions): Claimer {
  const { projectLimit } = app.config
  let openLane: Lane = FIRST_LANE
  let limitedLane: Lane = FIRST_LANE
  const keyCursors = new Map<string, string>()
  let constrained = true
  /** Alternates with every claim, so that neither kind starves. */
  let constrainedFirst = false

  /** Looks at all lanes once, starting where the last claim ended, until a claim returns runs. */
  async function roundOf(count: number, lane: Lane, claimFrom: typeof app.store.claims.claim) {
    let next = lane
    let ends = next === FIRST_LANE ? 1 : 0
    for (let breadth = Math.max(FEW_LANES, count); ; breadth = Math.min(MANY_LANES, breadth * 8)) {
      const claimed = await claimFrom({ epoch: epoch(), count, handlers, breadth }, next)
      next = claimed.next
      if (claimed.complete) ends++
      if (claimed.runs.length > 0 || ends === 2) return { runs: claimed.runs, next }
    }
  }

  async function claimOpen(count: number): Promise<number> {
    if (projectLimit !== null) return 0
    const { runs, next } = await roundOf(count, openLane, app.store.claims.claim)
    openLane = next
    for (const run of runs) start(run)
    return runs.length
  }

  async function claimConstrained(count: number): Promise<number> {
    if (!constrained && projectLimit === null) return 0
    const all = await app.store.transaction(async ({ claims }) => {
      await claims.lockConstrained()
      const limited = await roundOf(count, limitedLane, (claimer, after) =>
        claims.claimLimited(claimer, after, projectLimit),
      )
      limitedLane = limited.next
      const runs = limited.runs
      for (let round = 0; round < MAX_KEY_ROUNDS && runs.length < count; round++) {
        const claimer = { epoch: epoch(), count: count - runs.length, handlers }
        const ordered = await claims.claimOrdered(claimer, keyCursors, projectLimit)
        runs.push(...ordered.runs)
        if (ordered.runs.length > 0 || ordered.complete) break
      }
      return runs
    })
    for (const run of all) start(run)
    return all.length
  }

  return {
    async claim() {
      let any = false
      for (;;) {
        const slots = free()
        if (slots <= 0) return any
        constrainedFirst = !constrainedFirst
        const [first, second] = constrainedFirst ? [claimConstrained, claimOpen] : [claimOpen, claimConstrained]
        const some = await first(constrained ? Math.ceil(slots / 2) : slots)
        const rest = free() > 0 ? await second(free()) : 0
        if (some + rest === 0) return any
        any = true
      }
    },
    expectConstrained() {
      constrained = true
    },
    async look() {
      constrained = await app.store.claims.hasConstrained()
    },
  }
}
