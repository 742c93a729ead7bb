-- Says in the database what each table is for, and what a column means that its name does not say.

comment on table zerodb_migrations is 'The migrations that have been applied to this database';
comment on column zerodb_migrations.checksum is 'SHA-256 of the file: a file that has changed after it was applied is refused';
comment on column zerodb_migrations.min_compatible is 'A program that knows only migrations below this number refuses to start; 0: any program may';

comment on table zerodb_users is 'Accounts; the first start makes the owner''s';
comment on column zerodb_users.password_hash is 'scrypt hash with its parameters; null for a user without a password, such as the owner';

comment on table zerodb_projects is 'Projects of a user: each stored row, function and secret belongs to one';
comment on column zerodb_projects.is_default is 'The project of requests that name none; at most one per user';

comment on table zerodb_api_keys is 'API keys; a key itself is shown once and not stored';
comment on column zerodb_api_keys.project_id is 'The only project that the key may touch; null: all projects of the user';
comment on column zerodb_api_keys.hash is 'SHA-256 of the key';
comment on column zerodb_api_keys.last4 is 'The last four characters of the key, by which users tell their keys apart';
comment on column zerodb_api_keys.scopes is 'The permissions of the key, such as vectors:read; * is all';

comment on table zerodb_refresh_tokens is 'One row per refresh token. Using a token replaces it; using a replaced one ends its family';
comment on column zerodb_refresh_tokens.hash is 'SHA-256 of the token';
comment on column zerodb_refresh_tokens.family_id is 'The login that the token descends from';
comment on column zerodb_refresh_tokens.replaced_at is 'When the token was used; a second use counts as theft';

comment on table zerodb_hooks is 'Hooks: on an event type, in one project or in all of a user''s, run a handler';
comment on column zerodb_hooks.project_id is 'Null: events of all projects of the user';
comment on column zerodb_hooks.hook_name is 'A built-in handler, webhook:<label>, or the name of a function';
comment on column zerodb_hooks.filter is 'The condition on event and row, as the API shows it';
comment on column zerodb_hooks.filter_path is 'filter as a jsonpath, which dispatch evaluates';
comment on column zerodb_hooks.ordering_key is 'The path of the key whose runs follow one another, and what a failure does to them: block or skip';
comment on column zerodb_hooks.retry is 'The fields that differ from the default retry policy';
comment on column zerodb_hooks.concurrency is 'How many runs of the hook may be running at once; null: any number';
comment on column zerodb_hooks.function_concurrency is 'How many runs of the hook''s function may be running at once, over all its triggers; null: any number';
comment on column zerodb_hooks.runtime is 'The runtime of the hook''s function: an instance needs it to execute the run';
comment on column zerodb_hooks.declared is 'True when the configuration of the function asks for the hook: a deploy without it deletes the hook';
comment on column zerodb_hooks.disabled_reason is 'Why the server has switched the hook off; null when a user did';
comment on column zerodb_hooks.failing_since is 'The first failure of the webhook after its last success';
comment on column zerodb_hooks.failures is 'Failures since failing_since, counted at most once in twelve hours';
comment on column zerodb_hooks.failed_at is 'When a failure was last counted';

comment on table zerodb_hook_secrets is 'Secrets that sign webhooks; of two live ones the newer signs first';
comment on column zerodb_hook_secrets.sealed is 'The secret, encrypted with ZERODB_ENCRYPTION_KEY';
comment on column zerodb_hook_secrets.retires_at is 'After this time the secret does not sign; null: the current one';

comment on table zerodb_events is 'The event log, append-only: one row per committed write that is an event';
comment on column zerodb_events.seq is 'The order of events; an event with a higher number may be committed first';
comment on column zerodb_events.id is 'The opaque id that users see, made from seq by zerodb_event_id()';
comment on column zerodb_events.ref is 'The private key of the stored row, by which handlers find it';
comment on column zerodb_events.chain_id is 'The id of the event with which the chain began; null where it begins here';
comment on column zerodb_events.depth is 'Runs between the beginning of the chain and this event';
comment on column zerodb_events.caused_by is 'The run that made the write; null when a user''s request did';
comment on column zerodb_events.trace is 'The traceparent of the request (W3C Trace Context)';
comment on column zerodb_events.xid is 'The transaction that wrote the event';

comment on table zerodb_event_key is 'One row: the secret from which the ids of events are made';
comment on column zerodb_event_key.one is 'Always true, so that there is one row at most';

comment on table zerodb_outbox is 'Events that no dispatcher has taken. A row is written with its event and deleted with the insertion of its runs';

comment on table zerodb_instances is 'One row per running process. A process that has not renewed its lease is deleted, and its runs are queued again';
comment on column zerodb_instances.epoch is 'The number under which the process owns runs; never used twice';
comment on column zerodb_instances.beat_at is 'When the process last renewed its lease';
comment on column zerodb_instances.handlers is 'The handlers that the process can execute, and function:<runtime> for runtimes';
comment on column zerodb_instances.slots is 'How many runs the process executes at once';
comment on column zerodb_instances.draining is 'True when the process stops and takes no further runs';

comment on table zerodb_runs is 'One execution each, and its record';
comment on column zerodb_runs.trigger is 'Why the run exists: event, cron, http, tool or invoke';
comment on column zerodb_runs.event_seq is 'The event of the run; null when there is none. Below zero: a place in the order of its key, of no stored event';
comment on column zerodb_runs.hook_id is 'The hook of the run, or its function when no hook asked for it: claims are fair between the values of this column';
comment on column zerodb_runs.handler is 'The handler or function that executes the run';
comment on column zerodb_runs.ref is 'zerodb_events.ref of the event';
comment on column zerodb_runs.attempts is 'Attempts so far. With owner the fence: the result of an older attempt is refused';
comment on column zerodb_runs.base_attempts is 'Attempts before the run was last queued by hand: they do not count against the retry policy';
comment on column zerodb_runs.deaths is 'How many owners have died while they executed the run; after three the run is dead';
comment on column zerodb_runs.at_most_once is 'True when a caller waits for the run: it is not tried again';
comment on column zerodb_runs.run_at is 'When the next attempt is due';
comment on column zerodb_runs.owner is 'zerodb_instances.epoch of the process that executes the run; null unless it is running';
comment on column zerodb_runs.ordering_key is 'The value of the hook''s ordering key: runs with the same one follow one another';
comment on column zerodb_runs.input is 'The envelope of a run that has no stored event';
comment on column zerodb_runs.dedupe_key is 'A hook or function has one run with this key at most';
comment on column zerodb_runs.replay_id is 'The replay or backfill that made the run';
comment on column zerodb_runs.chain_id is 'The chain of a run that has no stored event; of others, zerodb_events.chain_id counts';
comment on column zerodb_runs.depth is 'The depth of a run that has no stored event';

comment on table zerodb_replays is 'Jobs that hand stored events (replay) or rows (backfill) to hooks again';
comment on column zerodb_replays.criteria is 'Which events or rows, as the request gave them';
comment on column zerodb_replays.rate is 'Runs per second';
comment on column zerodb_replays.position is 'How far the job has come, in the order of its kind';
comment on column zerodb_replays.seen is 'Events or rows that the job has looked at, of total';
comment on column zerodb_replays.created is 'Runs that the job has made';
comment on column zerodb_replays.advanced_at is 'When the job last made runs, from which its rate is counted';

comment on table zerodb_replay_rows is 'The rows that a backfill has still to hand out, oldest first';
comment on column zerodb_replay_rows.turn is 'event_seq of the run that will be made for the row';
comment on column zerodb_replay_rows.row_id is 'The id of the row, or of a batch of vectors';

comment on table zerodb_functions is 'Users'' functions; runtime, retry and concurrency are copies of the current version''s';
comment on column zerodb_functions.version is 'The version that runs';

comment on table zerodb_function_versions is 'Versions of functions; a row is not changed after it is written';
comment on column zerodb_function_versions.hash is 'Hash of everything deployed: an equal deploy makes no version';
comment on column zerodb_function_versions.sources is 'The files as uploaded, by path';
comment on column zerodb_function_versions.files is 'The files that run, by path';
comment on column zerodb_function_versions.entry is 'The path in files of the module that has the handler';
comment on column zerodb_function_versions.source_map is 'The source map of the bundle; null when nothing was bundled';

comment on table zerodb_schedules is 'Cron schedules of functions';
comment on column zerodb_schedules.missed is 'How to handle ticks that passed while no server ran: skip, run_once or run_all';
comment on column zerodb_schedules.overlap is 'How to handle a tick while the last run is unfinished: skip or queue';
comment on column zerodb_schedules.next_at is 'The next tick; the process that moves it on makes the run of the tick';

comment on table zerodb_secrets is 'Secrets of a project, which its functions read';
comment on column zerodb_secrets.sealed is 'The value, encrypted with ZERODB_ENCRYPTION_KEY';

comment on table zerodb_once is 'Results of ctx.once: the first value stored for a key of a function';

comment on table zerodb_vectors is 'Vectors and documents, unique by project, namespace and vector_id';
comment on column zerodb_vectors.vector_id is 'The id that the application has chosen';
comment on column zerodb_vectors.dims is 'The number of dimensions of the embedding';
comment on column zerodb_vectors.model is 'The model that made the embedding; null when the application supplied it';
comment on column zerodb_vectors.requested_model is 'The model that the hook asked for; model is the one that served it';
comment on column zerodb_vectors.next_embedding is 'The embedding by the model that re-embed converts to, until all rows of the project have theirs';
comment on column zerodb_vectors.next_model is 'The model of next_embedding';
comment on column zerodb_vectors.batch_id is 'The batch that stored the vector; null when it was stored alone';

comment on table zerodb_memories is 'Memories: records of agents, and remembered texts';
comment on column zerodb_memories.event_seq is 'The event of the row, by which forgetting a memory finds its runs';
comment on column zerodb_memories.kind is 'record: stored by the memory operations; remembered: by remember';
comment on column zerodb_memories.entity_id is 'The subject of the memory, as the application names it';
comment on column zerodb_memories.words is 'The words of the content, for search by words';

comment on table zerodb_files is 'Files: what is known of each; the content is in the blob driver';
comment on column zerodb_files.blob is 'The name of the content in the blob driver; null when only metadata was stored';
comment on column zerodb_files.summary_model is 'The language model that made the summary';
comment on column zerodb_files.embedding is 'The embedding of the summary';

comment on table zerodb_tables is 'Users'' tables';
comment on column zerodb_tables.schema_definition is 'The schema as the user gave it; rows are not checked against it';

comment on table zerodb_rows is 'Rows of users'' tables';
comment on column zerodb_rows.position is 'The order of insertion';

comment on table zerodb_published_events is 'Events that applications have published';
comment on column zerodb_published_events.position is 'The order of publication';

comment on table zerodb_entities is 'Entities of the context graph';

comment on table zerodb_entity_aliases is 'The names by which an entity is known';
comment on column zerodb_entity_aliases.norm is 'The name as it is compared: without case, accents, punctuation and legal suffixes';

comment on table zerodb_mentions is 'Where a memory names an entity';
comment on column zerodb_mentions.span is 'Characters of the memory''s content, from 0, the end excluded';

comment on table zerodb_edges is 'Relations between entities; one that does not hold stays, with its invalidated_at';
comment on column zerodb_edges.valid_from is 'Since when the fact holds in the world; null: unknown';
comment on column zerodb_edges.valid_to is 'Until when the fact holds in the world; null: no known end';
comment on column zerodb_edges.invalidated_at is 'When the server learned that the fact does not hold; null: it holds';

comment on table zerodb_edge_sources is 'Which memory states a relation, and where in its content';
comment on column zerodb_edge_sources.extractor is 'The model that read the relation out of the content';

comment on table zerodb_idempotency_keys is 'One row per Idempotency-Key of a user, for 24 hours';
