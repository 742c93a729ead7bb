alter table zerodb_projects add column suspended_at timestamptz;

comment on column zerodb_projects.suspended_at is 'When the project was suspended: it then refuses writes of data, and its runs wait; null for an active project';
