-- concurrently
-- Indexes in the order of the lists: a page costs the same in a large table as in a small one.

create index concurrently if not exists idx_zerodb_events_type on zerodb_events (user_id, event, seq);
create index concurrently if not exists idx_zerodb_events_project on zerodb_events (project_id, event, seq);

-- Partial where a run has the state or field for a short time or seldom: successful runs do not pay for these indexes.
create index concurrently if not exists idx_zerodb_runs_project on zerodb_runs (project_id, created_at, id);
create index concurrently if not exists idx_zerodb_runs_user_status on zerodb_runs (user_id, status, created_at, id)
  where status in ('queued', 'dead', 'cancelled', 'skipped');
create index concurrently if not exists idx_zerodb_runs_project_status on zerodb_runs (project_id, status, created_at, id)
  where status in ('queued', 'dead', 'cancelled', 'skipped');
create index concurrently if not exists idx_zerodb_runs_hook_status on zerodb_runs (hook_id, status, created_at, id)
  where status in ('queued', 'dead', 'cancelled', 'skipped');
create index concurrently if not exists idx_zerodb_runs_trigger on zerodb_runs (user_id, trigger, created_at, id) where trigger <> 'event';

create index concurrently if not exists idx_zerodb_memories_session on zerodb_memories (project_id, session_id, created_at, id)
  where session_id is not null;
create index concurrently if not exists idx_zerodb_memories_agent on zerodb_memories (project_id, agent_id, created_at, id)
  where agent_id is not null;
create index concurrently if not exists idx_zerodb_memories_entity on zerodb_memories (project_id, entity_id, created_at, id)
  where entity_id is not null;
create index concurrently if not exists idx_zerodb_memories_namespace on zerodb_memories (project_id, namespace, created_at, id)
  where kind = 'remembered';
create index concurrently if not exists idx_zerodb_memories_tags on zerodb_memories using gin (tags) where kind = 'remembered';

create index concurrently if not exists idx_zerodb_files_folder on zerodb_files (project_id, folder, created_at, id) where folder is not null;

create index concurrently if not exists idx_zerodb_vectors_created on zerodb_vectors (project_id, created_at, id);
create index concurrently if not exists idx_zerodb_vectors_namespace on zerodb_vectors (project_id, namespace, created_at, id);
