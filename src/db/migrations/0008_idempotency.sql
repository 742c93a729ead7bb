-- Answers to requests that had an Idempotency-Key, so that a repeated request is answered and not carried out again.
create table zerodb_idempotency_keys (
  user_id uuid not null references zerodb_users (id) on delete cascade,
  key text not null,
  fingerprint bytea not null,
  claimed_at timestamptz not null,
  status smallint,
  answer bytea,
  primary key (user_id, key)
);
create index idx_zerodb_idempotency_keys_claimed on zerodb_idempotency_keys (claimed_at);
comment on table zerodb_idempotency_keys is 'One row per Idempotency-Key of a user, for 24 hours';
comment on column zerodb_idempotency_keys.fingerprint is 'SHA-256 of the request that the key came with';
comment on column zerodb_idempotency_keys.status is 'The HTTP status of the answer; null while the request is carried out';
comment on column zerodb_idempotency_keys.answer is 'The body of the answer, encrypted with ZERODB_ENCRYPTION_KEY; null when it has none';
