-- concurrently
-- The events of a relation, whose runs forgetting a memory clears.

create index concurrently if not exists idx_zerodb_events_relation on zerodb_events (ref)
  where event in ('zeromemory.relation_added', 'zeromemory.relation_ended');
