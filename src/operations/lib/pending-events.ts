import { ZeroError } from '../../errors.ts'
import { MAX_PENDING_EVENTS } from '../../schema/schedule.ts'
import type { Scope } from '../../store/context.ts'
import type { Tables } from '../../store/index.ts'

/** Throws `quota_exceeded` if `count` more events may not wait for their time in the project. */
export async function checkPendingEvents(tables: Tables, scope: Scope, count: number): Promise<void> {
  if (await tables.schedules.hasRoom(scope, count, MAX_PENDING_EVENTS)) return
  throw new ZeroError(
    'quota_exceeded',
    `At most ${MAX_PENDING_EVENTS} events of a project can wait for their time: cancel some (schedules.delete), or publish later`,
  )
}
