import { z } from 'zod'
import { NeverRetry, RetryLater, ZeroError } from '../errors.ts'
import { executeFunction } from '../functions/execute.ts'
import { failureOf, resultValue } from '../functions/outcome.ts'
import { EVENT_NAMES } from '../schema/events.ts'
import { defineHandler } from './handler.ts'

/** Executes a function of the user's, in the sandbox. */
export const functionHandler = defineHandler({
  name: 'function',
  on: EVENT_NAMES,
  config: z.looseObject({}),
  managesTimeout: true,

  async run(app, run, config) {
    const fn = await app.functions.byId(run.function_id!)
    if (fn === null) throw new NeverRetry('The function has been deleted')
    if (!fn.is_active) throw new NeverRetry('The function is switched off')
    run.setVersion(fn.version)
    const leave = await app.concurrencyLimiter.acquireWhenFree(fn, run.signal)
    try {
      const { id, attempts, trigger, event, chain, trace, signal, synthetic } = run
      const outcome = await executeFunction(app, fn, {
        run_id: id,
        attempt: attempts,
        trigger,
        event: synthetic ? { ...event, synthetic } : event,
        row: trigger === 'event' ? { event: event.event, ref: run.ref, project_id: run.project_id } : null,
        config,
        chain,
        permissions: null,
        trace,
        signal,
        nested: false,
        say: run.logLine,
      })
      signal.throwIfAborted()
      if (outcome.status !== 'ok') throw failureOf(outcome)
      return resultValue(outcome.result)
    } catch (error) {
      throw error instanceof ZeroError ? laterOf(error) : error
    } finally {
      leave()
    }
  },
})

/** What is not the function's doing, such as a sandbox that is full, is no fault of the run. */
function laterOf(error: ZeroError): Error {
  return Object.assign(new RetryLater(error.retryAfter ?? 5, error.message, { cause: error }), { code: error.code })
}
