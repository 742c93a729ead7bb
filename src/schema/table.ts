import { z } from 'zod'
import { integer, limit, metadata, name, offset, projectId, timestamp, totalIsExact, uuid } from './common.ts'
import { jsonObject } from './json-object.ts'

export const table = z.object({
  table_id: z.string(),
  id: z.string(),
  project_id: z.string(),
  table_name: z.string(),
  schema_definition: metadata.nullable(),
  description: z.string().nullable(),
  created_at: timestamp,
})
export type Table = z.infer<typeof table>

export const row = z.object({
  row_id: z.string(),
  id: z.string(),
  project_id: z.string(),
  table_id: z.string(),
  table_name: z.string(),
  row_data: metadata,
  created_at: timestamp,
  updated_at: timestamp,
})
export type Row = z.infer<typeof row>

export const tableCreate = z.object({
  project_id: projectId,
  table_name: name,
  schema_definition: metadata.nullish(),
  description: z.string().nullish(),
})
export const tableList = z.object({ project_id: projectId, limit: limit.default(100), offset })
/** `table` is a table's name or id. */
export const tableKey = z.object({ project_id: projectId, table: name })

export const MAX_ROWS = 10_000
const MAX_SORT_FIELDS = 20

/** One row as `row_data`, or many as `rows`. */
export const rowInsert = tableKey.extend({
  row_data: metadata.optional(),
  rows: z.array(metadata).min(1).max(MAX_ROWS).optional(),
})
export const rowKey = tableKey.extend({ row_id: uuid })
export const rowList = tableKey.extend({ limit: limit.default(100), offset })
export const rowQuery = rowList.extend({
  /** 0: only the count. */
  limit: integer(0, 1000).default(100),
  filters: metadata.default({}),
  sort: jsonObject(z.union([z.literal(1), z.literal(-1)]))
    .refine((fields) => Object.keys(fields).length <= MAX_SORT_FIELDS, `Sort by at most ${MAX_SORT_FIELDS} fields`)
    .nullish(),
})
export const rowPage = z.object({
  total: z.number(),
  total_is_exact: totalIsExact,
  skip: z.number(),
  limit: z.number(),
  has_more: z.boolean(),
  data: z.array(row),
})
/** A single row, or what an insert of many answers. */
export const rowInserted = z.union([
  row,
  z.object({ rows: z.array(row), row_ids: z.array(z.string()), inserted_count: z.number() }),
])
