-- Declared indexes of tables. Each row of a table with indexes has one entry per index, so that a range or a sorted page reads only the rows
-- it returns. One table for the entries of all indexes: an index of PostgreSQL per user's table would slow down the planning of every
-- statement on zerodb_rows.
alter table zerodb_tables add column indexes jsonb;
comment on column zerodb_tables.indexes is 'Declared indexes: lists of top-level fields. Null: none';

create table zerodb_row_indexes (
  id bigint generated always as identity primary key,
  table_id uuid not null,
  fields text[] not null,
  state text not null check (state in ('building', 'ready', 'removing')),
  fence xid8,
  built_to bigint not null default 0
);
create unique index uix_zerodb_row_indexes on zerodb_row_indexes (table_id, fields) where state <> 'removing';
create index idx_zerodb_row_indexes_pending on zerodb_row_indexes (id) where state <> 'ready';
comment on table zerodb_row_indexes is 'State of the declared indexes of zerodb_tables.indexes; derived from it, and not exported';
comment on column zerodb_row_indexes.fields is 'Top-level fields, in the order of the sort key';
comment on column zerodb_row_indexes.state is 'building: entries of older rows are added in the background. removing: all entries are deleted in the background';
comment on column zerodb_row_indexes.fence is 'The work on older rows begins when all transactions before this one have ended: they may not have seen the state';
comment on column zerodb_row_indexes.built_to is 'Position of the last row whose entry was added in the background';

create table zerodb_row_index_entries (
  index_id bigint not null,
  key text collate "C" not null,
  position bigint not null,
  primary key (index_id, key, position)
);
comment on table zerodb_row_index_entries is 'Entries of declared indexes, one per row and index; derived from the rows, and not exported';
comment on column zerodb_row_index_entries.key is 'The values of the fields, as zerodb_row_sort_key gives them';
comment on column zerodb_row_index_entries.position is 'The position of the row';

-- The order of values in queries, as a text in the order of its bytes: null, texts by code points, numbers, false, true, lists, objects, and
-- last a missing value. Ends in * if values that differ may have the same key: lists, objects, and the rest after 150 characters or digits.
create function zerodb_sort_key(value jsonb) returns text language plpgsql immutable parallel safe as $$
declare
  content text;
  number numeric;
  whole text;
  digits text;
  exponent int;
begin
  case jsonb_typeof(value)
    when 'string' then
      content := value #>> '{}';
      if length(content) > 150 then
        return '2' || replace(left(content, 150), e'\x01', e'\x01\x02') || '*';
      end if;
      return '2' || replace(content, e'\x01', e'\x01\x02') || e'\x01\x01';
    when 'number' then
      number := (value #>> '{}')::numeric;
      if number = 0 then
        return '35 ';
      end if;
      whole := trunc(abs(number))::text;
      digits := replace(abs(number)::text, '.', '');
      exponent := case when whole = '0' then length(ltrim(digits, '0')) - length(digits) + 1 else length(whole) end;
      digits := trim('0' from digits);
      if number > 0 then
        return '36' || 5000 + exponent || left(digits, 150) || case when length(digits) > 150 then '*' else ' ' end;
      end if;
      return '34' || 5000 - exponent || translate(left(digits, 150), '0123456789', '9876543210')
        || case when length(digits) > 150 then '*' else '~' end;
    when 'boolean' then
      return case value when 'true' then '4t' else '4f' end;
    when 'null' then
      return '1';
    when 'array' then
      return '5*';
    when 'object' then
      return '6*';
    else
      return '9';
  end case;
end
$$;

-- The sort keys of several fields, one after the other. Nothing follows a key that is not exact.
create function zerodb_row_sort_key(document jsonb, fields text[]) returns text language plpgsql immutable parallel safe as $$
declare
  field text;
  key text := '';
begin
  foreach field in array fields loop
    key := key || zerodb_sort_key(document -> field);
    exit when right(key, 1) = '*';
  end loop;
  return key;
end
$$;

-- Statement-level: a batch costs one statement. A table without indexes costs one look into an index of few rows.
create function zerodb_index_inserted_rows() returns trigger language plpgsql as $$
begin
  insert into zerodb_row_index_entries (index_id, key, position)
  select i.id, zerodb_row_sort_key(r.data, i.fields), r.position
  from added r
  join zerodb_row_indexes i on i.table_id = r.table_id
  where i.state <> 'removing'
  on conflict do nothing;
  return null;
end
$$;
create function zerodb_index_updated_rows() returns trigger language plpgsql as $$
begin
  with changed as materialized (
    select * from (
      select
        i.id, a.position, zerodb_row_sort_key(r.data, i.fields) as old_key, zerodb_row_sort_key(a.data, i.fields) as new_key
      from removed r
      join added a on a.id = r.id
      join zerodb_row_indexes i on i.table_id = a.table_id
      where i.state <> 'removing'
    ) keys
    where old_key <> new_key
  ),
  gone as (
    delete from zerodb_row_index_entries e
    using changed c
    where e.index_id = c.id and e.key = c.old_key and e.position = c.position
  )
  insert into zerodb_row_index_entries (index_id, key, position)
  select id, new_key, position from changed
  on conflict do nothing;
  return null;
end
$$;
create function zerodb_index_deleted_rows() returns trigger language plpgsql as $$
begin
  delete from zerodb_row_index_entries e
  using removed r, zerodb_row_indexes i
  where i.table_id = r.table_id
    and i.state <> 'removing'
    and e.index_id = i.id
    and e.key = zerodb_row_sort_key(r.data, i.fields)
    and e.position = r.position;
  return null;
end
$$;
create trigger tr_zerodb_rows_insert after insert on zerodb_rows
  referencing new table as added
  for each statement execute function zerodb_index_inserted_rows();
create trigger tr_zerodb_rows_update after update on zerodb_rows
  referencing old table as removed new table as added
  for each statement execute function zerodb_index_updated_rows();
create trigger tr_zerodb_rows_delete after delete on zerodb_rows
  referencing old table as removed
  for each statement execute function zerodb_index_deleted_rows();

create function zerodb_declare_indexes() returns trigger language plpgsql as $$
begin
  update zerodb_row_indexes i set state = 'removing', fence = null
  where i.table_id = coalesce(new.id, old.id)
    and i.state <> 'removing'
    and (new.indexes is null or to_jsonb(i.fields) not in (select jsonb_array_elements(new.indexes)));
  insert into zerodb_row_indexes (table_id, fields, state)
  select
    new.id, array(select jsonb_array_elements_text(fields)),
    case when tg_op = 'INSERT' and not exists (select from zerodb_rows where table_id = new.id) then 'ready' else 'building' end
  from jsonb_array_elements(new.indexes) fields
  on conflict (table_id, fields) where state <> 'removing' do nothing;
  return null;
end
$$;
create trigger tr_zerodb_tables_insert after insert on zerodb_tables
  for each row when (new.indexes is not null) execute function zerodb_declare_indexes();
create trigger tr_zerodb_tables_update after update of indexes on zerodb_tables
  for each row when (new.indexes is distinct from old.indexes) execute function zerodb_declare_indexes();
create trigger tr_zerodb_tables_delete after delete on zerodb_tables
  for each row when (old.indexes is not null) execute function zerodb_declare_indexes();
