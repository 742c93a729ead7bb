-- Published events of one topic, and from a time on, without reading the others.
create index idx_zerodb_published_events_topic on zerodb_published_events (project_id, topic, position);
create index idx_zerodb_published_events_time on zerodb_published_events (project_id, published_at);
