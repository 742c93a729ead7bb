import { z } from 'zod'
import {
  arrayCursor,
  createdAt,
  cursor,
  flag,
  integer,
  limit,
  metadata,
  name,
  nextCursor,
  offset,
  ownProjectId,
  projectId,
  queryObject,
  totalIsExact,
  updatedAt,
  uuid,
} from './common.ts'
import { jsonObject } from './json-object.ts'

/** A text, or a list of them: a list of at least one after validation. */
const oneOrMore = (item: z.ZodString, max: number) =>
  z.union([item.transform((text) => [text]), z.array(item).min(1).max(max)])

const MAX_INDEXES = 5
const MAX_INDEX_FIELDS = 4

const tableIndex = z
  .object({
    fields: z.array(z.string()).describe('The top-level fields, in the order of the index'),
    state: z
      .enum(['building', 'ready'])
      .describe(
        '`building`: rows that exist are still being added, and queries do not use the index yet. `ready`: queries use it',
      ),
  })
  .meta({ id: 'TableIndex', description: 'A declared index of a table' })

export const table = z
  .object({
    table_id: z.string().describe('Id of the table'),
    id: z.string().describe('Same value as `table_id`'),
    project_id: ownProjectId,
    table_name: z.string().describe('Name of the table, unique in its project'),
    schema_definition: metadata
      .nullable()
      .describe('Schema of the rows as it was sent, which `strict` enforces; null when there is none'),
    strict: z.boolean().describe('Whether each written row is checked against the schema'),
    unique_keys: z
      .array(z.array(z.string()))
      .describe('Lists of fields: two rows never have equal values in all fields of a list'),
    indexes: z.array(tableIndex).describe('Declared indexes'),
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
    version: z.number().describe('Number of the state of the row, from 1; each change increases it'),
    created_at: createdAt,
    updated_at: updatedAt,
  })
  .meta({ id: 'Row', description: 'A row of a table' })
export type Row = z.infer<typeof row>

/** A declared index: its fields, as an object, as a list, or as the name of the only field. */
const indexFields = z
  .union([
    oneOrMore(name, MAX_INDEX_FIELDS).transform((fields) => ({ fields })),
    z.strictObject({
      fields: oneOrMore(name, MAX_INDEX_FIELDS).describe(
        `Top-level field, or list of at most ${MAX_INDEX_FIELDS} fields`,
      ),
    }),
  ])
  .refine(({ fields }) => new Set(fields).size === fields.length, 'A field may be in an index only once')
const indexList = z
  .array(indexFields)
  .max(MAX_INDEXES)
  .refine(
    (indexes) => new Set(indexes.map(({ fields }) => JSON.stringify(fields))).size === indexes.length,
    'Two indexes may not have the same fields',
  )
const INDEXES = `At most ${MAX_INDEXES} indexes for ranges and orders: a top-level field, or a list of up to ${MAX_INDEX_FIELDS} fields, first those with an equality`

export const tableCreate = z.object({
  project_id: projectId,
  table_name: name.describe('Name of the table, unique in its project'),
  schema_definition: metadata.nullish().meta({
    description: 'Schema of the rows: a JSON Schema if `strict` is true, else any description of the columns',
    examples: [{ type: 'object', properties: { total: { type: 'number' } }, required: ['total'] }],
  }),
  strict: flag.default(false).describe('True: a row that the JSON Schema `schema_definition` refuses is 422'),
  unique_keys: z
    .array(oneOrMore(name, 10))
    .max(3)
    .default([])
    .meta({
      description:
        'At most 3 unique keys: a top-level field, or a list of fields. A row with the values of another row is 409 `row_exists`. Rows where a field is missing or null never conflict. Cannot be changed later',
      examples: [['email'], [['year', 'number']]],
    }),
  indexes: indexList.default([]).meta({
    description: `${INDEXES}. Can be changed later`,
    examples: [[{ fields: ['created_at'] }, { fields: ['status', 'total'] }]],
  }),
  description: z.string().nullish().describe('What the table is for'),
})
export const tableList = z.object({ project_id: projectId, limit: limit(100), offset, cursor: arrayCursor })
export const tableKey = z.object({ project_id: projectId, table: name.describe('Name or id of the table') })

export const tableUpdate = tableKey.extend({
  schema_definition: metadata
    .nullish()
    .describe('Schema of the rows, for later writes. Null: none. When absent, it stays'),
  strict: flag.optional().describe('Whether later writes are checked against the schema. When absent, it stays'),
  indexes: indexList.optional().meta({
    description: `${INDEXES}. Others are removed, new ones are built in the background. When absent, they stay`,
    examples: [[{ fields: ['created_at'] }]],
  }),
  description: z.string().nullish().describe('What the table is for. Null: no text. When absent, it stays'),
})

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

const ifMatch = integer(1, 2 ** 31 - 1)
  .optional()
  .describe('Version that the row must have; another version is 409 `version_conflict`. When absent: any version')
export const rowReplace = rowKey.extend({
  row_data: metadata.meta({
    description: 'All fields of the row. Fields that are not sent are removed',
    examples: [{ customer: 'acme', total: 150 }],
  }),
  if_match: ifMatch,
})
const UPDATE =
  'Operators by field: `$set`, `$unset`, `$inc`, `$push` and `$pull`, each with paths and values. Without operators: fields to set'
export const rowUpdate = rowKey.extend({
  row_data: metadata.optional().meta({
    description: 'Fields to set; other fields stay. Either this or `update` is required',
    examples: [{ status: 'paid' }],
  }),
  update: metadata.optional().meta({
    description: `${UPDATE}. Either this or \`row_data\` is required`,
    examples: [{ $inc: { total: 5 }, $push: { tags: 'late' } }],
  }),
  if_match: ifMatch,
})
export const rowDelete = rowKey.extend({ if_match: ifMatch })
export const rowDeleted = z
  .object({
    row_id: z.string().describe('Id of the row'),
    deleted: z.literal(true).describe('Always true: a row that does not exist is 404'),
    deleted_count: z.literal(1).describe('Always 1'),
  })
  .meta({ id: 'RowDeleted', description: 'Result of deleting a row' })

const changeLimit = integer(0, MAX_ROWS)
  .nullish()
  .describe(
    'Maximum number of rows to change, oldest first; 0, null or absent: all that match, of which there may be at most 10,000',
  )
const changeFilter = metadata.meta({
  description:
    'Conditions as in a query. An empty object selects all rows and needs `confirm_large_operation` or `limit`',
  examples: [{ status: 'draft' }],
})
const confirmLarge = flag.default(false).describe('True: `filter` may be empty')
export const rowsUpdateMany = tableKey.extend({
  filter: changeFilter,
  update: metadata.meta({ description: UPDATE, examples: [{ $set: { status: 'sent' } }] }),
  upsert: flag
    .default(false)
    .describe('True: when no row matches, insert one with the values that `filter` requires, and update it'),
  limit: changeLimit,
  confirm_large_operation: confirmLarge,
})
export const rowsDeleteMany = tableKey.extend({
  filter: queryObject.meta({
    description:
      'Conditions as in a query, in the body or as JSON text in the query. An empty object selects all rows and needs `confirm_large_operation` or `limit`',
    examples: [{ status: 'draft' }],
  }),
  limit: changeLimit,
  confirm_large_operation: confirmLarge,
})
const hasMoreRows = z.boolean().describe('True when `limit` left matching rows as they were: repeat the request')
export const rowsUpdated = z
  .object({
    matched_count: z.number().describe('Number of rows that matched, up to `limit`'),
    modified_count: z.number().describe('Number of rows with other fields than before; the others emit no event'),
    row_ids: z.array(z.string()).describe('Ids of the modified rows, oldest first'),
    upserted_id: z.string().nullable().describe('Id of the row that `upsert` inserted; null when it inserted none'),
    has_more: hasMoreRows,
  })
  .meta({ id: 'RowsUpdated', description: 'Result of updating the rows of a filter' })
export const rowsDeleted = z
  .object({
    deleted_count: z.number().describe('Number of rows that were deleted'),
    row_ids: z.array(z.string()).describe('Ids of the deleted rows, oldest first'),
    has_more: hasMoreRows,
  })
  .meta({ id: 'RowsDeleted', description: 'Result of deleting the rows of a filter' })

const fieldPath = z.string().min(1).max(500)
export const MAX_UPSERTED_ROWS = 1_000
export const rowsUpsert = tableKey.extend({
  row_data: rowInsert.shape.row_data,
  rows: z
    .array(metadata)
    .min(1)
    .max(MAX_UPSERTED_ROWS)
    .optional()
    .describe(
      'Fields of many rows, at most 1,000, which are stored together or not at all. Either this or `row_data` is required',
    ),
  upsert_key: oneOrMore(name, 10).meta({
    description: 'Top-level field, or list of fields, whose values find the row. Each item must have them',
    examples: ['email', ['year', 'number']],
  }),
})
export const rowsUpserted = z
  .object({
    rows: z.array(row).describe('The rows, in the order of the request'),
    row_ids: z.array(z.string()).describe('Ids of the rows, in the order of the request'),
    inserted_count: z.number().describe('Number of rows that were inserted'),
    modified_count: z.number().describe('Number of rows that exist and have other fields than before'),
  })
  .meta({ id: 'RowsUpserted', description: 'Result of upserting rows' })

const MAX_AGGREGATES = 20
export const AGGREGATES = ['count', 'sum', 'avg', 'min', 'max'] as const
export const rowsAggregate = tableKey.extend({
  filters: metadata.default({}).describe('Conditions as in a query. Empty: all rows'),
  group_by: z
    .union([fieldPath.transform((path) => [path]), z.array(fieldPath).max(5)])
    .default([])
    .meta({
      description: 'Paths whose values make a group, at most 5. Empty: one group of all rows',
      examples: [['status']],
    }),
  aggregates: jsonObject(jsonObject(z.union([fieldPath, z.literal(true)])))
    .refine((each) => Object.keys(each).length <= MAX_AGGREGATES, `At most ${MAX_AGGREGATES} aggregates`)
    .default({ count: { count: true } })
    .meta({
      description:
        'By name: a function with the path of its values: `count`, `sum`, `avg`, `min` or `max`. `{"count": true}` counts rows, `{"count": "path"}` those with a value there',
      examples: [{ orders: { count: true }, revenue: { sum: 'total' } }],
    }),
  limit: limit(100),
})
export const rowGroups = z
  .object({
    groups: z
      .array(
        z
          .object({
            key: metadata.describe('The values of the group, by path; null for rows without a value'),
            values: metadata.describe('The aggregates of the group, by name; null where no row has a value'),
          })
          .meta({ id: 'RowGroup', description: 'A group of rows' }),
      )
      .describe('The groups, in the order of their keys'),
    has_more: z.boolean().describe('Whether there are more groups than `limit`'),
  })
  .meta({ id: 'RowGroups', description: 'Aggregates of the rows of a table' })

export const rowHistory = rowKey.extend({ limit: limit(50), cursor })
export const rowState = z
  .object({
    event_id: z.string().nullable().describe('Id of the event of the change; null for the first state'),
    event: z.string().describe('Type of the event'),
    at: z.string().describe('When it was committed: ISO 8601 in UTC, with microseconds'),
    before: metadata.nullable().describe('Fields of the row before the change; null for the insertion'),
    after: metadata.nullable().describe('Fields of the row after the change; null for the deletion'),
    changed: z.array(z.string()).describe('Names of the top-level fields that differ'),
    caused_by: z.string().nullable().describe('Id of the run that made the change; null when a client did'),
  })
  .meta({ id: 'RowState', description: 'A change of a row' })
export type RowState = z.infer<typeof rowState>
export const rowHistoryPage = z
  .object({ items: z.array(rowState).describe('The changes, newest first'), next_cursor: nextCursor })
  .meta({ id: 'RowHistory', description: 'A page of the changes of a row' })
export const rowList = tableKey.extend({ limit: limit(100), offset, cursor })
export const rowQuery = rowList.extend({
  limit: integer(0, 1000).default(100).describe('Maximum number of rows; 0 returns only the total'),
  filters: metadata.default({}).meta({
    description: 'Conditions by field: a value, or operators such as `$gt`, `$in` or `$exists`. Empty: all rows',
    examples: [{ total: { $gt: 100 } }],
  }),
  projection: z
    .union([z.array(fieldPath).max(100), jsonObject(z.union([z.literal(0), z.literal(1), z.boolean()]))])
    .nullish()
    .meta({
      description:
        'Paths to return, as a list or as `{path: 1}`; or paths to leave out, as `{path: 0}`. Null or absent: all',
      examples: [['customer', 'address.city']],
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
    next_cursor: nextCursor,
    data: z.array(row).describe('The rows of this page'),
    rows: z.array(row).describe('Same value as `data`'),
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
