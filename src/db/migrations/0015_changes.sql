-- Before-images: the row that an event updated, replaced or deleted, as it was before.
create table zerodb_changes (
  seq bigint not null,
  n int not null,
  row_id uuid not null,
  before jsonb not null,
  before_vectors vector[],
  primary key (seq, n)
);
create index idx_zerodb_changes_row on zerodb_changes (row_id, seq);

create index idx_zerodb_changes_blob on zerodb_changes ((before ->> 'blob')) where before ->> 'blob' is not null;

comment on table zerodb_changes is 'Before-images: one row per row that an event updated, replaced or deleted';
comment on column zerodb_changes.seq is 'The event of the change';
comment on column zerodb_changes.n is 'Distinguishes the rows of one event, from 0';
comment on column zerodb_changes.row_id is 'The id of the row, which may be deleted';
comment on column zerodb_changes.before is 'The stored columns of the row before the change, without vectors and generated columns';
comment on column zerodb_changes.before_vectors is 'The embedding and the next embedding of the row before the change; null for rows without such columns';

alter table zerodb_rows add column version int not null default 1;
comment on column zerodb_rows.version is 'Number of the row''s state, from 1; each update increases it';

alter table zerodb_files add column updated_at timestamptz;
comment on column zerodb_files.updated_at is 'When the metadata last changed; null: never';

-- The top-level fields in which two objects differ, sorted.
create function zerodb_changed(before jsonb, after jsonb) returns jsonb language plpgsql immutable as $$
begin
  return (
    select coalesce(jsonb_agg(key order by key), '[]')
    from (
      select key from jsonb_each(after) a where before -> a.key is distinct from a.value
      union all
      select key from jsonb_object_keys(before) key where not after ? key
    ) differing
  );
end
$$;

-- The row of an event in the form that filters and functions see, from its stored columns.
create function zerodb_row_image(event text, stored jsonb, vectors vector[]) returns jsonb language plpgsql immutable as $$
begin
  case
    when event like 'zerodb.table.row\_%' then
      return stored -> 'data';
    when event like 'zerodb.vector.%' then
      return jsonb_build_object(
        'vector_id', stored -> 'vector_id', 'namespace', stored -> 'namespace', 'document', stored -> 'document',
        'metadata', stored -> 'metadata', 'source', stored -> 'source', 'dimension', vector_dims(vectors[1]), 'model', stored -> 'model',
        'summary', stored -> 'summary', 'created_at', stored -> 'created_at', 'updated_at', stored -> 'updated_at'
      );
    when event like 'zerodb.memory.%' or event like 'zeromemory.%' then
      return jsonb_build_object(
        'memory_id', stored -> 'id', 'content', stored -> 'content', 'agent_id', stored -> 'agent_id', 'session_id', stored -> 'session_id',
        'role', stored -> 'role', 'entity_id', stored -> 'entity_id', 'memory_type', stored -> 'memory_type',
        'namespace', stored -> 'namespace', 'importance', stored -> 'importance', 'tags', stored -> 'tags',
        'metadata', stored -> 'metadata', 'created_at', stored -> 'created_at'
      );
    when event like 'zerodb.file.%' then
      return jsonb_build_object(
        'file_id', stored -> 'id', 'file_key', stored -> 'file_key', 'file_name', stored -> 'file_name',
        'content_type', stored -> 'content_type', 'size_bytes', stored -> 'size_bytes', 'folder', stored -> 'folder',
        'metadata', stored -> 'metadata', 'summary', stored -> 'summary', 'created_at', stored -> 'created_at'
      );
    else
      return null;
  end case;
end
$$;

-- The row before the event: what it updated, replaced or deleted. Null when it did none of these, and for a batch.
create function zerodb_previous(event text, project uuid, event_seq bigint) returns jsonb language plpgsql stable as $$
begin
  if event in ('zerodb.vector.batch_stored', 'zerodb.table.row_inserted', 'zerodb.memory.stored', 'zerodb.file.uploaded',
      'zerodb.event.published', 'zeromemory.remembered') then
    return null;
  end if;
  return (
    select zerodb_row_image(event, c.before, c.before_vectors)
    from zerodb_changes c
    where c.seq = event_seq and c.n = 0 and (c.before ->> 'project_id')::uuid is not distinct from project
  );
end
$$;

-- The row after the event: as it was before the next event that changed it, else as it is now. Null when the event deleted it, and when it
-- was deleted without a before-image. Without a number of the event, the row as it is now.
create function zerodb_row(event text, ref text, project uuid, event_seq bigint) returns jsonb language plpgsql stable as $$
declare
  next_change zerodb_changes;
begin
  if event like '%deleted' or event = 'zeromemory.forgotten' then
    return null;
  end if;
  if event_seq is not null and event <> 'zerodb.event.published' then
    select * into next_change from zerodb_changes c where c.row_id = ref::uuid and c.seq > event_seq order by c.row_id, c.seq limit 1;
    if found then
      if (next_change.before ->> 'project_id')::uuid is distinct from project then
        return null;
      end if;
      return zerodb_row_image(event, next_change.before, next_change.before_vectors);
    end if;
  end if;
  return case
    when event like 'zerodb.table.row\_%' then zerodb_row('zerodb.table.row_inserted', ref, project)
    when event in ('zerodb.vector.stored', 'zerodb.vector.updated') then zerodb_row('zerodb.vector.stored', ref, project)
    when event like 'zerodb.memory.%' then zerodb_row('zerodb.memory.stored', ref, project)
    when event like 'zerodb.file.%' then zerodb_row('zerodb.file.uploaded', ref, project)
    else zerodb_row(event, ref, project)
  end;
end
$$;

-- A document with a value at a path, whose missing objects are created. A number in the path is an index where there is a list. Error ZD001
-- for a path through another value, and past the end of a list.
create function zerodb_set_path(document jsonb, path text[], value jsonb) returns jsonb language plpgsql immutable as $$
declare
  key text := path[1];
  rest text[] := path[2:];
begin
  if key is null then
    return value;
  end if;
  case coalesce(jsonb_typeof(document), 'null')
    when 'object' then
      return document || jsonb_build_object(key, zerodb_set_path(document -> key, rest, value));
    when 'null' then
      return jsonb_build_object(key, zerodb_set_path(null, rest, value));
    when 'array' then
      if key !~ '^[0-9]{1,9}$' or key::int > jsonb_array_length(document) then
        raise exception using errcode = 'ZD001', message = format('update: "%s" is not an index of the list, which has %s items', left(key, 100), jsonb_array_length(document));
      end if;
      return case
        when key::int = jsonb_array_length(document) then document || jsonb_build_array(zerodb_set_path(null, rest, value))
        else jsonb_set(document, array[key], zerodb_set_path(document -> key::int, rest, value))
      end;
    else
      raise exception using errcode = 'ZD001', message = format('update: "%s" leads through a value of type %s', left(key, 100), jsonb_typeof(document));
  end case;
end
$$;

-- A document after the operators of an update: a list of [operator, path, value], executed in order. Error ZD001 for an operator that the
-- value at its path does not allow.
create function zerodb_update_document(document jsonb, operators jsonb) returns jsonb language plpgsql immutable as $$
declare
  step jsonb;
  path text[];
  present jsonb;
  value jsonb;
  kind text;
begin
  for step in select * from jsonb_array_elements(operators) loop
    path := array(select jsonb_array_elements_text(step -> 1));
    present := document #> path;
    kind := coalesce(jsonb_typeof(present), 'null');
    value := step -> 2;
    case step ->> 0
      when '$set' then
        document := zerodb_set_path(document, path, value);
      when '$unset' then
        document := document #- path;
      when '$inc' then
        if present is not null and kind <> 'number' then
          raise exception using errcode = 'ZD001', message = format('update: $inc needs a number at "%s", which has a value of type %s', left(array_to_string(path, '.'), 100), kind);
        end if;
        document := zerodb_set_path(document, path, to_jsonb(coalesce((present #>> '{}')::numeric, 0) + (value #>> '{}')::numeric));
      when '$push' then
        if present is not null and kind <> 'array' then
          raise exception using errcode = 'ZD001', message = format('update: $push needs a list at "%s", which has a value of type %s', left(array_to_string(path, '.'), 100), kind);
        end if;
        document := zerodb_set_path(document, path, coalesce(present, '[]') || value);
      when '$pull' then
        if present is not null then
          if kind <> 'array' then
            raise exception using errcode = 'ZD001', message = format('update: $pull needs a list at "%s", which has a value of type %s', left(array_to_string(path, '.'), 100), kind);
          end if;
          document := zerodb_set_path(document, path, (
            select coalesce(jsonb_agg(item order by n) filter (where item <> all (array(select jsonb_array_elements(value)))), '[]')
            from jsonb_array_elements(present) with ordinality as items (item, n)
          ));
        end if;
    end case;
  end loop;
  return document;
end
$$;

-- Raises ZD002, after which the statement is executed again: it replaced a row that it did not see when it began.
create function zerodb_raise_race() returns jsonb language plpgsql volatile as $$
begin
  raise exception using errcode = 'ZD002', message = 'The row was inserted by another statement at the same time';
end
$$;
