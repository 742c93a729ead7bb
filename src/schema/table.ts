import { z } from 'zod'
import {
  createdAt,
  integer,
  limit,
  metadata,
  name,
  offset,
  ownProjectId,
  projectId,
  totalIsExact,
  updatedAt,
  uuid,
} from './common.ts'
import { jsonObject } from './json-object.ts'

export const table = z
  .object({
    table_id: z.string().describe('Id of the table'),
    id: z.string().describe('Same value as `table_id`'),
    project_id: ownProjectId,
    table_name: z.string().describe('Name of the table, unique in its project'),
    schema_definition: metadata
      .nullable()
      .describe('Description of the columns as it was sent, which is not enforced; null when there is none'),
    description: z.string().nullable().describe('What the table is for; null when there is no text'),
    created_at: createdAt,
  })
  .meta({ id: 'Table', description: 'A table of JSON rows' })
export type Table = z.infer<typeof table>

export const row = z
  .object({
    row_id: z.string().describe('Id of the row'),
    id: z.string().describe('Same value as `row_id`'),
    project_id: ownProjectId,
    table_id: z.string().describe('Id of the table that the row is in'),
    table_name: z.string().describe('Name of the table that the row is in'),
    row_data: metadata.describe('Fields of the row'),
    created_at: createdAt,
    updated_at: updatedAt,
  })
  .meta({ id: 'Row', description: 'A row of a table' })
export type Row = z.infer<typeof row>

export const tableCreate = z.object({
  project_id: projectId,
  table_name: name.describe('Name of the table, unique in its project'),
  schema_definition: metadata.nullish().meta({
    description: 'Description of the columns, which is stored and not enforced',
    examples: [{ total: 'number' }],
  }),
  description: z.string().nullish().describe('What the table is for'),
})
export const tableList = z.object({ project_id: projectId, limit: limit(100), offset })
export const tableKey = z.object({ project_id: projectId, table: name.describe('Name or id of the table') })

export const MAX_ROWS = 10_000
const MAX_SORT_FIELDS = 20

export const rowInsert = tableKey.extend({
  row_data: metadata.optional().meta({
    description: 'Fields of one row. Either this or `rows` is required',
    examples: [{ customer: 'acme', total: 120 }],
  }),
  rows: z
    .array(metadata)
    .min(1)
    .max(MAX_ROWS)
    .optional()
    .describe('Fields of many rows, which are stored together or not at all. Either this or `row_data` is required'),
})
export const rowKey = tableKey.extend({ row_id: uuid.describe('Id of the row') })
export const rowList = tableKey.extend({ limit: limit(100), offset })
export const rowQuery = rowList.extend({
  limit: integer(0, 1000).default(100).describe('Maximum number of rows; 0 returns only the total'),
  filters: metadata.default({}).meta({
    description: 'Conditions by field: a value, or operators such as `$gt`, `$in` or `$exists`. Empty: all rows',
    examples: [{ total: { $gt: 100 } }],
  }),
  sort: jsonObject(z.union([z.literal(1), z.literal(-1)]))
    .refine((fields) => Object.keys(fields).length <= MAX_SORT_FIELDS, `Sort by at most ${MAX_SORT_FIELDS} fields`)
    .nullish()
    .meta({
      description: 'Direction by field: 1 ascending, -1 descending. Null or absent: in the order of insertion',
      examples: [{ total: -1 }],
    }),
})
export const rowPage = z
  .object({
    total: z.number().describe('Number of all rows that match'),
    total_is_exact: totalIsExact,
    skip: z.number().describe('Number of rows that were skipped'),
    limit: z.number().describe('Maximum number of rows that was asked for'),
    has_more: z.boolean().describe('Whether there are rows after this page'),
    data: z.array(row).describe('The rows of this page'),
  })
  .meta({ id: 'RowPage', description: 'A page of rows' })
export const rowQueryResult = rowPage
  .extend({ execution_time_ms: z.number().describe('Time that the query took, in milliseconds') })
  .meta({ id: 'RowQueryResult', description: 'A page of the rows that meet the conditions' })
export const rowsInserted = z
  .object({
    rows: z.array(row).describe('The rows, in the order of the request'),
    row_ids: z.array(z.string()).describe('Ids of the rows, in the order of the request'),
    inserted_count: z.number().describe('Number of rows that were stored'),
  })
  .meta({ id: 'RowsInserted', description: 'Result of inserting many rows' })
/** Result of an insert: a single row, or the rows of a batch. */
export const rowInserted = z.union([row, rowsInserted]).describe('The row, or the rows when `rows` was sent')
