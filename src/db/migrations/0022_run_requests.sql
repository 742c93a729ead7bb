alter table zerodb_runs add column requests jsonb, add column requests_omitted int;
comment on column zerodb_runs.requests is 'Connections of the last attempt of a function, a list; null for none.';
comment on column zerodb_runs.requests_omitted is 'Number of further connections of the last attempt, which are not in requests; null for none.';
