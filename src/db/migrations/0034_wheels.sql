create table zerodb_wheels (
  project_id uuid not null references zerodb_projects (id) on delete cascade,
  blob text not null,
  file_name text not null,
  size_bytes bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (project_id, blob)
);
create index idx_zerodb_wheels_created on zerodb_wheels (created_at);

comment on table zerodb_wheels is 'Uploaded wheels of Python packages, which versions of functions use; a wheel that no version uses is deleted after a day';
comment on column zerodb_wheels.blob is 'SHA-256 of the content, which is its name in the blob driver';

alter table zerodb_function_versions add column packages jsonb not null default '[]';
comment on column zerodb_function_versions.packages is 'Python packages of the version, by name: {name, version, file_name, sha256, size_bytes}';
