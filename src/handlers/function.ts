import { z } from 'zod'
import { NeverRetry, RetryLater, ZeroError } from '../errors.ts'
import { executeFunction } from '../functions/execute.ts'
import { failureOf, resultValue } from '../functions/outcome.ts'
import { EVENT_NAMES } from '../schema/events.ts'
import { defineHandler } from './handler.ts'

/** Executes a user's function in the sandbox. */
export const functionHandler = defineHandler({
  name: 'function',
  on: EVENT_NAMES,
  config: z.looseObject({}),
  managesTimeout: true,

  async run(app, run, config) {
    const fn = await app.functions.byId(run.function_id!)
    if (fn === null) throw new NeverRetry('The function has been deleted')
    if (!fn.is_active) throw new NeverRetry('The function is disabled')
    run.setVersion(fn.version)
    const release = await app.concurrencyLimiter.acquireWhenFree(fn, run.signal)
    try {
      const { id, attempts, trigger, event, chain, trace, signal, synthetic } = run
      const outcome = await executeFunction(app, fn, {
        run_id: id,
        attempt: attempts,
        trigger,
        event: synthetic ? { ...event, synthetic } : event,
        row:
          trigger === 'event' ? { event: event.event, id: event.id, ref: run.ref, project_id: run.project_id } : null,
        config,
        chain,
        permissions: null,
        trace,
        signal,
        nested: false,
        onLog: run.logLine,
        onRequest: run.recordRequest,
      })
      signal.throwIfAborted()
      if (outcome.status !== 'ok') throw failureOf(outcome)
      return resultValue(outcome.result)
    } catch (error) {
      throw error instanceof ZeroError ? toRetryLater(error) : error
    } finally {
      release()
    }
  },
})

/** Converts an error that the function did not cause, such as a busy sandbox: the run is retried later. */
function toRetryLater(error: ZeroError): Error {
  return Object.assign(new RetryLater(error.retryAfter ?? 5, error.message, { cause: error }), { code: error.code })
}
