-- Due schedules of suspended projects are not in the index of due schedules: each look for due ones would read them all.
alter table zerodb_schedules add column is_suspended boolean not null default false;
comment on column zerodb_schedules.is_suspended is
  'True while the project is suspended, for the index of due schedules. A schedule that is created at that moment can miss it: the project decides';
update zerodb_schedules s set is_suspended = true
from zerodb_projects p
where p.suspended_at is not null
  and (s.project_id = p.id or s.function_id in (select id from zerodb_functions f where f.project_id = p.id));
create index idx_zerodb_schedules_ready on zerodb_schedules (next_at) where paused_at is null and not is_suspended;
drop index idx_zerodb_schedules_due;
