-- concurrently
-- Equality in table queries. The table's id is part of each key, so that a query reads nothing of other tables. jsonb_path_ops: a fifth of the
-- size of the default operator class.
create index concurrently if not exists idx_zerodb_rows_data on zerodb_rows using gin (jsonb_set('{}', array[table_id::text], data) jsonb_path_ops);
