import type { Store } from '../../src/store/index.ts'
import type { Dispatched } from '../../src/store/queue/dispatch.ts'

/** Runs `body`. Its events are not dispatched before it has ended. */
export async function undispatched<R>({ dispatch, writePipeline }: Store, body: () => Promise<R>): Promise<R> {
  const { events, oldest } = dispatch
  const { pipelinedDispatch } = writePipeline
  const nothing = async (): Promise<Dispatched> => ({ owned: [], queued: 0, constrained: false, events: 0 })
  Object.assign(dispatch, { events: nothing, oldest: nothing })
  writePipeline.pipelinedDispatch = null
  try {
    return await body()
  } finally {
    Object.assign(dispatch, { events, oldest })
    writePipeline.pipelinedDispatch = pipelinedDispatch
  }
}
