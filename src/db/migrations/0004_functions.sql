-- Functions: users' code, its versions, what sets it off, and what it may know.

-- version: the one that runs. runtime, retry and concurrency are that version's, kept here for those who claim runs.
create table zerodb_functions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  project_id uuid not null,
  name varchar(64) not null,
  runtime text not null,
  version int not null,
  is_active boolean not null default true,
  retry jsonb,
  concurrency int,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint uix_zerodb_functions unique (project_id, name)
);
create index idx_zerodb_functions_limited on zerodb_functions (id) where concurrency is not null;

-- Never changed once written. hash: of all that was deployed. files: what runs, by path; sources: what was uploaded; source_map: of a bundle.
create table zerodb_function_versions (
  function_id uuid not null references zerodb_functions (id) on delete cascade,
  version int not null,
  runtime text not null,
  hash text not null,
  sources jsonb not null,
  files jsonb not null,
  entry text not null,
  source_map text,
  config jsonb not null,
  created_at timestamptz not null default now(),
  primary key (function_id, version)
);

-- next_at: the tick that comes next; whoever moves it on makes that tick's run.
create table zerodb_schedules (
  id uuid primary key default gen_random_uuid(),
  function_id uuid not null references zerodb_functions (id) on delete cascade,
  cron text not null,
  timezone text not null,
  missed text not null check (missed in ('skip', 'run_once', 'run_all')),
  overlap text not null check (overlap in ('skip', 'queue')),
  next_at timestamptz,
  last_at timestamptz,
  paused_at timestamptz,
  created_at timestamptz not null default now(),
  constraint uix_zerodb_schedules unique (function_id, cron, timezone)
);
create index idx_zerodb_schedules_due on zerodb_schedules (next_at) where paused_at is null;

-- Sealed.
create table zerodb_secrets (
  project_id uuid not null,
  name varchar(64) not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, name)
);

-- What a function does once for a key: the value of the first time.
create table zerodb_once (
  function_id uuid not null references zerodb_functions (id) on delete cascade,
  key text not null,
  value jsonb not null,
  created_at timestamptz not null default now(),
  primary key (function_id, key)
);

-- runtime: what an instance must be able to execute for the hook's function. function_concurrency: how many runs the function may have at once,
-- of all its triggers. declared: the function's configuration asks for the hook.
alter table zerodb_hooks
  add column function_id uuid,
  add column runtime text,
  add column function_concurrency int,
  add column declared boolean;
create index idx_zerodb_hooks_function on zerodb_hooks (function_id) where function_id is not null;

-- A run of a function that no hook has made has the function's id as its hook_id: claims are fair between what stands there.
-- chain_id and depth: of a run without an event, when something has caused it. at_most_once: somebody waits for it, so that it is not tried again.
alter table zerodb_runs
  add column function_id uuid,
  add column function_version int,
  add column runtime text,
  add column schedule_id uuid,
  add column at_most_once boolean not null default false,
  add column chain_id text,
  add column depth int;
create index idx_zerodb_runs_function on zerodb_runs (function_id, created_at) where function_id is not null;
create index idx_zerodb_runs_schedule on zerodb_runs (schedule_id) where schedule_id is not null and status in ('queued', 'running');
