-- concurrently
-- Equality in filters of metadata. The project's id is part of each key, so that a query reads nothing of other projects.
create index concurrently if not exists idx_zerodb_vectors_metadata on zerodb_vectors
  using gin (jsonb_set('{}', array[project_id::text], metadata) jsonb_path_ops);
