-- Hooks: which events they take, in which order, how often they try, and when they stop.
-- filter_path is filter as PostgreSQL evaluates it. ordering_key: {"path", "policy"}; retry: what differs from the usual policy.
alter table zerodb_hooks
  add column filter jsonb,
  add column filter_path jsonpath,
  add column ordering_key jsonb,
  add column retry jsonb,
  add column concurrency int,
  add column paused_at timestamptz,
  add column disabled_reason text,
  add column failing_since timestamptz;
create index idx_zerodb_hooks_match on zerodb_hooks (user_id, event_type) where is_active;
create index idx_zerodb_hooks_limited on zerodb_hooks (id) where concurrency is not null;

-- What signs a webhook: of two live ones the newer signs first. Sealed, never shown again.
create table zerodb_hook_secrets (
  id uuid primary key default gen_random_uuid(),
  hook_id uuid not null references zerodb_hooks (id) on delete cascade,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  retires_at timestamptz
);
create index idx_zerodb_hook_secrets_hook on zerodb_hook_secrets (hook_id);

-- Causes. chain_id: the id of the event with which a chain began, null where it begins here; caused_by: the run that wrote it.
alter table zerodb_events
  add column caused_by uuid,
  add column trace text;

-- event_seq below zero: of no event that is stored, and only a turn among others of its key; input then holds the envelope, as it does for
-- runs that were asked for by hand.
-- dedupe_key: a hook has one run of a name. base_attempts: those before the run was last queued by hand.
alter table zerodb_runs
  add column ordering_key text,
  add column input jsonb,
  add column dedupe_key text,
  add column base_attempts int not null default 0;
create unique index uix_zerodb_runs_dedupe on zerodb_runs (hook_id, dedupe_key) where dedupe_key is not null;
-- Of no event: what has ended is found here when it has been kept long enough.
create index idx_zerodb_runs_ended on zerodb_runs (finished_at) where event_seq is null and finished_at is not null;
-- By hand, for a row: what is forgotten is looked up here.
create index idx_zerodb_runs_invoked on zerodb_runs (ref) where trigger = 'invoke';
create index idx_zerodb_runs_user on zerodb_runs (user_id, created_at, id);
create index idx_zerodb_runs_replay on zerodb_runs (replay_id, status) where replay_id is not null;

-- Claims jump from lane to lane (a hook in a project), and from key to key where order matters.
drop index idx_zerodb_runs_queued;
create index idx_zerodb_runs_lane on zerodb_runs (hook_id, project_id, run_at, event_seq) where status = 'queued' and ordering_key is null;
create index idx_zerodb_runs_turn on zerodb_runs (hook_id, ordering_key, event_seq) where status = 'queued' and ordering_key is not null;
create unique index uix_zerodb_runs_turn on zerodb_runs (hook_id, ordering_key) where status = 'running' and ordering_key is not null;

-- What an instance can execute.
alter table zerodb_instances
  add column handlers text[] not null default '{}',
  add column slots int not null default 0,
  add column draining boolean not null default false;

-- Events or rows that are handed to hooks once more. position: how far it has come, in its own order.
create table zerodb_replays (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('replay', 'backfill')),
  user_id uuid not null,
  project_id uuid,
  hook_id uuid,
  criteria jsonb not null,
  rate int not null,
  status text not null default 'running' check (status in ('running', 'done', 'cancelled')),
  position jsonb,
  total bigint not null,
  seen bigint not null default 0,
  created bigint not null default 0,
  created_at timestamptz not null default now(),
  advanced_at timestamptz not null default now(),
  finished_at timestamptz
);
create index idx_zerodb_replays_user on zerodb_replays (user_id, created_at);
create index idx_zerodb_replays_running on zerodb_replays (advanced_at) where status = 'running';

-- The rows that a backfill has still to come to, oldest first. turn: the event_seq of its run; row_id: the row's id, or a batch's.
create table zerodb_replay_rows (
  replay_id uuid not null,
  turn bigint not null,
  row_id uuid not null,
  primary key (replay_id, turn)
);

-- The row that an event is about, as filters and ordering keys see it: what its owner has stored, without embeddings. Null when it is gone,
-- and for a batch. In plpgsql, so that a statement which needs none of these lookups does not plan them.
create function zerodb_row(event text, ref text) returns jsonb language plpgsql stable as $$
begin
  case event
    when 'zerodb.vector.stored' then
      return (
        select to_jsonb(r) from (
          select vector_id, namespace, document, metadata, source, dims as dimension, model, summary, created_at, updated_at
          from zerodb_vectors where id = ref::uuid
        ) r
      );
    when 'zerodb.memory.stored', 'zeromemory.remembered' then
      return (
        select to_jsonb(r) from (
          select id as memory_id, content, agent_id, session_id, role, entity_id, memory_type, namespace, importance, tags, metadata, created_at
          from zerodb_memories where id = ref::uuid
        ) r
      );
    when 'zerodb.file.uploaded' then
      return (
        select to_jsonb(r) from (
          select id as file_id, file_key, file_name, content_type, size_bytes, folder, metadata, summary, created_at
          from zerodb_files where id = ref::uuid
        ) r
      );
    when 'zerodb.table.row_inserted' then
      return (select data from zerodb_rows where id = ref::uuid);
    when 'zerodb.event.published' then
      return (
        select to_jsonb(r) from (
          select topic, payload as event_payload, source, correlation_id, published_at
          from zerodb_published_events where id = ref::uuid
        ) r
      );
    else
      return null;
  end case;
end
$$;
