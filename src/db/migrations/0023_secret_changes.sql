create table zerodb_secret_changes (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  name varchar(64) not null,
  change text not null check (change in ('created', 'replaced', 'deleted')),
  run_id uuid,
  created_at timestamptz not null default clock_timestamp()
);
create index idx_zerodb_secret_changes on zerodb_secret_changes (project_id, created_at, id);
comment on table zerodb_secret_changes is 'History of the secrets of a project, without values. The latest changes of each project are kept.';
comment on column zerodb_secret_changes.run_id is 'Run of the function that made the change; null for a request of a user.';
