-- concurrently
-- The memories of a person, and of a run of an agent: selected without reading those of others.

create index concurrently if not exists idx_zerodb_memories_person on zerodb_memories (project_id, end_user_id, created_at, id)
  where end_user_id is not null;
create index concurrently if not exists idx_zerodb_memories_run on zerodb_memories (project_id, run_id, created_at, id)
  where run_id is not null;
