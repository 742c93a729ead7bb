-- Whose memory it is, and in which run of an agent it arose, as the application names them.
alter table zerodb_memories
  add column end_user_id text,
  add column run_id text;
comment on column zerodb_memories.end_user_id is 'The person whose memory it is, as the application names them; user_id is the account';
comment on column zerodb_memories.run_id is 'The run of the agent in which it arose, as the application names it';
