-- People who log in with a password. The first user, made at the first start, has none.
alter table zerodb_users add column username text;
alter table zerodb_users add column password_hash text;
create unique index uix_zerodb_users_email on zerodb_users (lower(email));

-- One row per refresh token. Using one replaces it; using a replaced one means that it was stolen, and ends its whole family.
create table zerodb_refresh_tokens (
  hash bytea primary key,
  family_id uuid not null,
  user_id uuid not null references zerodb_users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  replaced_at timestamptz,
  revoked_at timestamptz
);
create index idx_zerodb_refresh_tokens_family on zerodb_refresh_tokens (family_id);
create index idx_zerodb_refresh_tokens_user on zerodb_refresh_tokens (user_id);
