-- Times of relations: when a fact holds in the world, and what ended it.
alter table zerodb_edges
  add column lemma text,
  add column tense text,
  add column functional text,
  add column ended_by uuid references zerodb_memories (id) on delete set null;
comment on column zerodb_edges.lemma is 'The predicate in its base form; null for relations of before this column';
comment on column zerodb_edges.tense is 'past, present or future; null for a predicate without a verb, and for stated relations';
comment on column zerodb_edges.functional is 'What the object is to the subject, if it is one at a time, such as employer; null: any number';
comment on column zerodb_edges.ended_by is 'The memory that says that the fact does not hold any more, so that the fact holds again when it is forgotten';
update zerodb_edges set valid_to = invalidated_at where invalidated_at is not null and valid_to is null;
create index idx_zerodb_edges_subject on zerodb_edges (subject_id, predicate);
create index idx_zerodb_edges_ended_by on zerodb_edges (ended_by) where ended_by is not null;
