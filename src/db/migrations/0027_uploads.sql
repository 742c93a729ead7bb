create table zerodb_uploads (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references zerodb_projects (id) on delete cascade,
  file_key text,
  file_name text not null,
  content_type text,
  folder text,
  metadata jsonb not null,
  max_bytes bigint not null,
  expires_at timestamptz not null
);
create index idx_zerodb_uploads_project on zerodb_uploads (project_id);
create index idx_zerodb_uploads_expired on zerodb_uploads (expires_at);

comment on table zerodb_uploads is 'Presigned URLs for uploads that can still be used; the upload deletes the row and gives its id to the file';
comment on column zerodb_uploads.max_bytes is 'Maximum size of the content in bytes';
