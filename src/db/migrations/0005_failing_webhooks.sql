-- Of a webhook that fails. failures: how often, counted at most once in twelve hours; failed_at: when last counted. Both of the time since failing_since.
alter table zerodb_hooks
  add column failures int,
  add column failed_at timestamptz;
