-- Relations that callers state, and the row of the events of relations.
alter table zerodb_edges add column is_stated boolean not null default false;
comment on column zerodb_edges.is_stated is 'Stated by a caller: forgetting the memories that support the relation does not delete it';

create or replace function zerodb_row(event text, ref text, project uuid) returns jsonb language plpgsql stable as $$
begin
  case event
    when 'zerodb.vector.stored' then
      return (
        select to_jsonb(r) from (
          select vector_id, namespace, document, metadata, source, dims as dimension, model, summary, created_at, updated_at
          from zerodb_vectors where id = ref::uuid and project_id is not distinct from project
        ) r
      );
    when 'zerodb.memory.stored', 'zeromemory.remembered' then
      return (
        select to_jsonb(r) from (
          select id as memory_id, content, agent_id, session_id, role, entity_id, memory_type, namespace, importance, tags, metadata, created_at
          from zerodb_memories where id = ref::uuid and project_id is not distinct from project
        ) r
      );
    when 'zerodb.file.uploaded' then
      return (
        select to_jsonb(r) from (
          select id as file_id, file_key, file_name, content_type, size_bytes, folder, metadata, summary, created_at
          from zerodb_files where id = ref::uuid and project_id is not distinct from project
        ) r
      );
    when 'zerodb.table.row_inserted' then
      return (select data from zerodb_rows where id = ref::uuid and project_id is not distinct from project);
    when 'zerodb.event.published' then
      return (
        select to_jsonb(r) from (
          select topic, payload as event_payload, source, correlation_id, published_at
          from zerodb_published_events where id = ref::uuid and project_id is not distinct from project
        ) r
      );
    when 'zeromemory.relation_added', 'zeromemory.relation_ended' then
      return (
        select to_jsonb(r) from (
          select
            e.id as relation_id, e.subject_id, s.name as subject, s.type as subject_type, e.predicate, e.object_id, o.name as object,
            o.type as object_type, e.confidence, e.created_at,
            case when event = 'zeromemory.relation_ended' then e.invalidated_at end as ended_at
          from zerodb_edges e
          join zerodb_entities s on s.id = e.subject_id
          join zerodb_entities o on o.id = e.object_id
          where e.id = ref::uuid and e.project_id is not distinct from project
        ) r
      );
    when 'zerodb.run.dead' then
      return (
        select to_jsonb(r) from (
          select
            id as run_id, trigger, handler, nullif(hook_id, function_id) as hook_id, function_id, function_version, schedule_id, status, attempts,
            created_at, started_at, finished_at
          from zerodb_runs where id = zerodb_row.ref::uuid and project_id is not distinct from project
        ) r
      );
    else
      return null;
  end case;
end
$$;
