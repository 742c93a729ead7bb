create table zerodb_instant_databases (
  user_id uuid primary key references zerodb_users (id) on delete cascade,
  claim_hash bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index idx_zerodb_instant_databases_expired on zerodb_instant_databases (expires_at);

comment on table zerodb_instant_databases is 'Temporary databases without an account, until they are claimed';
comment on column zerodb_instant_databases.user_id is 'The temporary user, whose only project is the database; the user is deleted with the claim or at the expiry';
comment on column zerodb_instant_databases.claim_hash is 'SHA-256 of the token that claims the database';
comment on column zerodb_instant_databases.expires_at is 'When the key of the database expires, and its data can be deleted';
