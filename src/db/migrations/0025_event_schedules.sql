alter table zerodb_schedules
  alter column function_id drop not null,
  alter column cron drop not null,
  alter column timezone drop not null,
  alter column missed drop not null,
  alter column overlap drop not null,
  add column project_id uuid references zerodb_projects (id) on delete cascade,
  add column name text,
  add column run_at timestamptz,
  add column topic text,
  add column payload jsonb,
  add column source text,
  add column correlation_id text,
  add column origin jsonb,
  add constraint ck_zerodb_schedules_target check ((function_id is null) = (project_id is not null) and (function_id is null) = (topic is not null)),
  add constraint ck_zerodb_schedules_time check ((cron is null) = (run_at is not null));

create unique index uix_zerodb_schedules_name on zerodb_schedules (project_id, name);
create index idx_zerodb_schedules_project on zerodb_schedules (project_id, created_at, id) where project_id is not null;

comment on table zerodb_schedules is 'Schedules: each runs a function or publishes an event, by a cron expression or once. The row of a schedule that fires once is deleted with that';
comment on column zerodb_schedules.function_id is 'The function that runs; null for a schedule that publishes an event';
comment on column zerodb_schedules.project_id is 'The project of the published events; null for a schedule of a function, which has the project';
comment on column zerodb_schedules.name is 'Name by which users know a schedule that publishes; null without one';
comment on column zerodb_schedules.run_at is 'When a schedule without a cron expression fires';
comment on column zerodb_schedules.topic is 'Topic of the published events; null for a schedule of a function';
comment on column zerodb_schedules.origin is 'Cause of an event that is published once: chain_id, depth and run_id of the run that asked for it, and the traceparent as trace';
