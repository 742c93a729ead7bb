import type { App } from '../app.ts'
import type { ForgetReceipt } from '../schema/memory.ts'
import type { Scope } from '../store/context.ts'
import type { RecallFilter } from '../store/data/memories.ts'

/** Number of memories that one transaction forgets, so that other work on the embedded database waits for a short time only. */
const FORGET_BATCH = 200

/** Forgets memories that the filter selects, oldest first, in transactions of `FORGET_BATCH`. An error leaves the later ones. */
export async function forgetSelected(
  app: App,
  scope: Scope,
  filter: RecallFilter,
  limit: number,
): Promise<{ receipt: ForgetReceipt; has_more: boolean }> {
  const selected = await app.store.forgetting.select(scope, filter, limit + 1)
  const ids = selected.slice(0, limit)
  const receipt: ForgetReceipt = { memories: 0, mentions: 0, edges: 0, entities: 0, runs: 0 }
  for (let from = 0; from < ids.length; from += FORGET_BATCH) {
    const batch = ids.slice(from, from + FORGET_BATCH)
    const deleted = await app.store.transaction((tx) => tx.forgetting.forget(scope, batch))
    for (const kind of Object.keys(receipt) as (keyof ForgetReceipt)[]) receipt[kind] += deleted[kind]
  }
  return { receipt, has_more: selected.length > limit }
}
