import { type Statement, sql } from '../../db/sql.ts'

/** Cancels the queued runs `r` for which `where` holds. `from` names further tables that `where` reads. */
export function cancelQueued({ from, where }: { from?: Statement; where: Statement }): Statement {
  return sql`
    update zerodb_runs r set status = 'cancelled', finished_at = now()
    ${from ? sql`from ${from}` : sql``}
    where ${where} and r.status = 'queued'`
}
