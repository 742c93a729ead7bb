import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { type Database, sql } from '../../src/db/sql.ts'
import type { TestDatabase } from './database.ts'
import { openHere } from './open.ts'

// The table exactly as the specification defines it, because existing tools read it.

let opened: TestDatabase
let database: Database
beforeAll(async () => {
  opened = await openHere()
  database = opened.database
  await migrate(database)
})
afterAll(() => opened?.remove())

test('zerodb_hooks begins with the ten specified columns, in order, with their types, defaults and nullability', async () => {
  const columns = await database.query(sql`
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required, pg_get_expr(d.adbin, d.adrelid) as default
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = 'zerodb_hooks'::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum`)
  const column = (name: string, type: string, required: boolean, value: string | null = null) => ({
    name,
    type,
    required,
    default: value,
  })
  expect(columns.slice(0, 10)).toEqual([
    column('id', 'uuid', true, 'gen_random_uuid()'),
    column('user_id', 'uuid', true),
    column('project_id', 'uuid', false),
    column('event_type', 'character varying(100)', true),
    column('hook_type', 'character varying(50)', true, `'first_party'::character varying`),
    column('hook_name', 'character varying(100)', true),
    column('hook_config', 'jsonb', true, `'{}'::jsonb`),
    column('is_active', 'boolean', true, 'true'),
    column('created_at', 'timestamp with time zone', true, 'now()'),
    column('updated_at', 'timestamp with time zone', true, 'now()'),
  ])
  // Our columns come after them; a program that knows only the ten can insert a row.
  for (const ours of columns.slice(10)) expect(ours).toMatchObject({ required: false })
})

test('its primary key is the id, and a hook is unique per user, project, event type and name, global ones too', async () => {
  const constraints = await database.query(sql`
    select conname as name, contype::text as type, pg_get_constraintdef(oid) as definition
    from pg_constraint
    where conrelid = 'zerodb_hooks'::regclass and contype in ('p', 'u', 'f', 'c')
    order by conname`)
  expect(constraints).toEqual([
    {
      name: 'uix_zerodb_hooks_user_event_name',
      type: 'u',
      definition: 'UNIQUE NULLS NOT DISTINCT (user_id, project_id, event_type, hook_name)',
    },
    { name: 'zerodb_hooks_pkey', type: 'p', definition: 'PRIMARY KEY (id)' },
  ])
})

test('it has the three specified indexes', async () => {
  const indexes = await database.query<{ name: string; definition: string }>(sql`
    select indexname as name, indexdef as definition
    from pg_indexes
    where schemaname = 'public' and tablename = 'zerodb_hooks' and indexname like 'idx%'
    order by indexname`)
  const specified = {
    idx_zerodb_hooks_active: '(is_active) WHERE (is_active = true)',
    idx_zerodb_hooks_event_type: '(event_type)',
    idx_zerodb_hooks_user_id: '(user_id)',
  }
  expect(Object.fromEntries(indexes.map(({ name, definition }) => [name, definition]))).toMatchObject(
    Object.fromEntries(
      Object.entries(specified).map(([name, on]) => [
        name,
        `CREATE INDEX ${name} ON public.zerodb_hooks USING btree ${on}`,
      ]),
    ),
  )
})

test('a row with only the required columns gets the specified defaults', async () => {
  const user = '8e4b0d1c-6e6c-4a3f-8a7d-0f6a3e1c9b11'
  const insert = sql`
    insert into zerodb_hooks (user_id, event_type, hook_name) values (${user}::uuid, 'zerodb.vector.stored', 'auto_embed')
    returning id::text ~ '^[0-9a-f-]{36}$' as has_id, project_id, hook_type, hook_config, is_active, created_at = updated_at as is_new`
  expect(await database.query(insert)).toEqual([
    { has_id: true, project_id: null, hook_type: 'first_party', hook_config: {}, is_active: true, is_new: true },
  ])
  await expect(database.query(insert)).rejects.toMatchObject({
    code: '23505',
    constraint: 'uix_zerodb_hooks_user_event_name',
  })
})
