import type { Quota } from '../../config.ts'
import { type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import type { StoreContext } from '../context.ts'

/** The user and project whose resources are counted. */
export interface Owner {
  user_id: string
  project_id: string
}

interface Counted {
  of: 'user' | 'project'
  from(owner: Owner): Statement
}

const COUNTED: Readonly<Record<Quota, Counted>> = {
  projects: { of: 'user', from: ({ user_id }) => sql`zerodb_projects where user_id = ${user_id}::uuid` },
  keys: {
    of: 'user',
    from: ({ user_id }) => sql`
      zerodb_api_keys
      where user_id = ${user_id}::uuid and revoked_at is null and (expires_at is null or expires_at > now())`,
  },
  hooks: { of: 'user', from: ({ user_id }) => sql`zerodb_hooks where user_id = ${user_id}::uuid` },
  functions: { of: 'project', from: ({ project_id }) => sql`zerodb_functions where project_id = ${project_id}::uuid` },
  schedules: {
    of: 'project',
    from: ({ project_id }) => sql`
      (
        select s.id from zerodb_schedules s join zerodb_functions f on f.id = s.function_id where f.project_id = ${project_id}::uuid
        union all
        select id from zerodb_schedules where project_id = ${project_id}::uuid and cron is not null
      ) s`,
  },
  tables: { of: 'project', from: ({ project_id }) => sql`zerodb_tables where project_id = ${project_id}::uuid` },
}

export function quotas({ db, quotas: limits }: StoreContext) {
  return {
    /**
     * Throws `quota_exceeded` if there are too many resources. Must run in the transaction that created them, which is then rolled back.
     * Locks the user until the transaction ends, so that concurrent transactions cannot exceed the limit together.
     */
    async check(owner: Owner, ...created: readonly Quota[]): Promise<void> {
      if (limits === null) return
      // This lock does not conflict with the locks of foreign keys.
      await db.query(sql`select from zerodb_users where id = ${owner.user_id}::uuid for no key update`)
      for (const quota of created) {
        const limit = limits[quota]
        const { of, from } = COUNTED[quota]
        const [row] = await db.query<{ exceeded: boolean }>(sql`
          select count(*) > ${limit}::int as exceeded
          from (select from ${from(owner)} limit ${limit + 1}::int) counted`)
        if (row!.exceeded)
          throw new ZeroError(
            'quota_exceeded',
            `This ${of} has as many ${quota} as it may, ${limit}: delete some, or ask the operator to raise ZERODB_QUOTA_${quota.toUpperCase()}`,
          )
      }
    },
  }
}
