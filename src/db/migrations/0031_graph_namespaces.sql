-- Each namespace has its own graph. Names keep the punctuation that distinguishes them, and are found by their initials.
alter table zerodb_entities add column namespace text not null default 'global';
comment on column zerodb_entities.namespace is 'The namespace of the memories that mention the entity';
update zerodb_entities e set namespace = used.namespace
from (
  select m.entity_id, min(r.namespace) as namespace
  from zerodb_mentions m
  join zerodb_memories r on r.id = m.memory_id
  group by m.entity_id
  having min(r.namespace) = max(r.namespace)
) used
where used.entity_id = e.id;

alter table zerodb_entity_aliases
  add column namespace text not null default 'global',
  add column acronym text;
comment on column zerodb_entity_aliases.acronym is 'Initials of a name of several words, by which the name is found too';
comment on column zerodb_entity_aliases.norm is
  'The name as it is compared: without case, accents, outer punctuation and legal suffixes; an identifier without case only';
update zerodb_entity_aliases a set namespace = e.namespace from zerodb_entities e where e.id = a.entity_id;
-- One earlier norm could stand for several names, but each has one row, so the more exact norms are unique too.
update zerodb_entity_aliases set norm = lower(alias)
where alias ~ '[+#@._:/-]' or alias ~* '^(the|a|an|mr|mrs|ms|miss|dr|prof|sir|madam) \S+$';
alter table zerodb_entity_aliases drop constraint zerodb_entity_aliases_pkey;
alter table zerodb_entity_aliases add primary key (project_id, namespace, norm);
create index idx_zerodb_entity_aliases_acronym on zerodb_entity_aliases (project_id, namespace, acronym)
  where acronym is not null;
