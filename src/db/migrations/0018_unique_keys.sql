-- Rules of tables: rows are checked against the schema, and rows with equal values of a unique key are refused.
alter table zerodb_tables
  add column strict boolean not null default false,
  add column unique_keys jsonb;
comment on column zerodb_tables.schema_definition is 'The schema as the user gave it: a JSON Schema if rows are checked against it';
comment on column zerodb_tables.strict is 'Whether each written row is checked against the schema';
comment on column zerodb_tables.unique_keys is 'Lists of top-level fields, at most three; fixed when the table is created. Null: none';

alter table zerodb_rows
  add column key_1 text,
  add column key_2 text,
  add column key_3 text;
comment on column zerodb_rows.key_1 is 'The values of the first unique key, as zerodb_row_key gives them; null when the row has none';
comment on column zerodb_rows.key_2 is 'The values of the second unique key';
comment on column zerodb_rows.key_3 is 'The values of the third unique key';
create unique index uix_zerodb_rows_key_1 on zerodb_rows (table_id, key_1) where key_1 is not null;
create unique index uix_zerodb_rows_key_2 on zerodb_rows (table_id, key_2) where key_2 is not null;
create unique index uix_zerodb_rows_key_3 on zerodb_rows (table_id, key_3) where key_3 is not null;

-- The values of a unique key as one text: equal for values that jsonb compares as equal, such as 1 and 1.0 at the top level. Null when one of
-- the fields is missing or null, so that such rows never conflict.
create function zerodb_row_key(document jsonb, fields jsonb) returns text language plpgsql immutable as $$
declare
  field text;
  value jsonb;
  parts text := '';
begin
  if fields is null then
    return null;
  end if;
  for field in select jsonb_array_elements_text(fields) loop
    value := document -> field;
    case coalesce(jsonb_typeof(value), 'null')
      when 'null' then
        return null;
      when 'number' then
        parts := parts || 'n' || trim_scale((value #>> '{}')::numeric) || ' ';
      else
        parts := parts || value || ' ';
    end case;
  end loop;
  return case when length(parts) > 200 then encode(sha256(convert_to(parts, 'UTF8')), 'hex') else parts end;
end
$$;
