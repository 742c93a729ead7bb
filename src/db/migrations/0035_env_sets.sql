create table zerodb_env_sets (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  name varchar(64) not null,
  env jsonb not null,
  secrets jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint uix_zerodb_env_sets unique (project_id, name)
);
comment on table zerodb_env_sets is 'Environment variables that several functions of a project share. Functions refer to a set by its name in env_from.';
comment on column zerodb_env_sets.env is 'Variables with their values, which are not secret.';
comment on column zerodb_env_sets.secrets is 'Names of secrets of the project, which become variables too.';

create table zerodb_env_set_changes (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  name varchar(64) not null,
  change text not null check (change in ('created', 'replaced', 'deleted')),
  variables jsonb not null,
  run_id uuid,
  created_at timestamptz not null default clock_timestamp()
);
create index idx_zerodb_env_set_changes on zerodb_env_set_changes (project_id, created_at, id);
comment on table zerodb_env_set_changes is 'History of the env sets of a project, without values. The latest changes of each project are kept.';
comment on column zerodb_env_set_changes.variables is 'Names of the variables that were added, changed or removed.';
comment on column zerodb_env_set_changes.run_id is 'Run of the function that made the change; null for a request of a user.';
