import { type Statement, sql } from '../../db/sql.ts'
import {
  MAX_NAMESPACE_VECTORS,
  MAX_STATS_NAMESPACES,
  MAX_STATS_VECTORS,
  type VectorNamespace,
  type VectorStats,
} from '../../schema/vector.ts'
import { bounded, given, type Scope, type StoreContext, userProject } from '../context.ts'

export function vectorNamespaces({ db }: StoreContext) {
  const reads = bounded(db)
  return {
    /** Returns the namespaces that have vectors, sorted by name, after the name `after`. Counts the vectors of each up to a limit. */
    async list(scope: Scope, { after, limit }: { after: string | null; limit: number }): Promise<VectorNamespace[]> {
      return reads.query<VectorNamespace>(sql`
        with recursive owner as materialized (${userProject(scope)}),
        ${names(after)},
        page as (select name from names limit ${limit}::int)
        select
          name as namespace, least(count, ${MAX_NAMESPACE_VECTORS}::int) as vector_count, count <= ${MAX_NAMESPACE_VECTORS}::int as count_is_exact
        from page
        cross join lateral (
          select count(*)::int as count
          from (
            select from zerodb_vectors
            where project_id = (select project_id from owner) and namespace = page.name
            limit ${MAX_NAMESPACE_VECTORS + 1}::int
          ) found
        ) counted
        order by name`)
    },

    /** Returns numbers about the vectors of a namespace, or of the project if `namespace` is null, each up to a limit. */
    async stats(scope: Scope, namespace: string | null): Promise<VectorStats> {
      const [row] = await reads.query<VectorStats>(sql`
        with recursive owner as materialized (${userProject(scope)}),
        ${names(null)},
        vector as materialized (
          select dims, coalesce(pg_column_size(embedding), 0) + coalesce(pg_column_size(document), 0) + pg_column_size(metadata) as size
          from zerodb_vectors
          where project_id = (select project_id from owner) ${given(namespace, sql`and namespace = ${namespace}`)}
          limit ${MAX_STATS_VECTORS + 1}::int
        ),
        counted as (select * from vector limit ${MAX_STATS_VECTORS}::int),
        named as (
          select count(*)::int as count
          from (select from names ${given(namespace, sql`where name = ${namespace}`)} limit ${MAX_STATS_NAMESPACES + 1}::int) found
        )
        select
          (select count(*)::int from counted) as total_vectors,
          (select count(*) from vector) <= ${MAX_STATS_VECTORS}::int as total_is_exact,
          least(named.count, ${MAX_STATS_NAMESPACES}::int) as namespaces,
          named.count <= ${MAX_STATS_NAMESPACES}::int as namespaces_is_exact,
          (select round(avg(dims), 2)::float8 from counted) as avg_dimensions,
          (select round(coalesce(sum(size), 0) / 1e6, 3)::float8 from counted) as total_size_mb
        from named`)
      return row!
    },
  }
}

/**
 * Common table expression `names`: the namespaces of the project of `owner` after the name `after`. Reads one index entry per namespace, and none
 * beyond those that the statement takes.
 */
function names(after: string | null): Statement {
  const first = (condition: Statement) => sql`
    select namespace as name from zerodb_vectors
    where project_id = (select project_id from owner) ${condition}
    order by namespace
    limit 1`
  return sql`
    names as (
      (${first(given(after, sql`and namespace > ${after}`))})
      union all
      select next.name from names cross join lateral (${first(sql`and namespace > names.name`)}) next
    )`
}
