-- One analysis of texts for every search by words: memories, records, files and documents of vectors.

create function zerodb_words(content text) returns tsvector language plpgsql immutable parallel safe as $$
declare
  -- A longer text could have more words than a tsvector can hold (1 MB).
  plain text := left(content, 100000);
  unspaced constant text := '\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff';
  characters tsvector := '';
begin
  if octet_length(plain) > length(plain) then
    plain := normalize(plain, nfkd);
    -- Accents of Latin letters only: in other scripts they make another letter.
    plain := normalize(regexp_replace(plain, '([A-Za-z])[\u0300-\u036f]+', '\1', 'g'), nfkc);
    plain := translate(replace(replace(plain, 'ß', 'ss'), 'æ', 'ae'), 'øØłŁđĐıёЁ’', 'oOlLdDiеЕ''');
    if plain ~ ('[' || unspaced || ']') then
      characters := (
        select coalesce(array_to_tsvector(array_agg(distinct part)), '')
        from (
          select c, lead(c, 1, ' ') over (order by n) as next
          from string_to_table(regexp_replace(plain, '[^' || unspaced || ']+', ' ', 'g'), null) with ordinality as t (c, n)
        ) pair
        cross join lateral unnest(array[c, case when next <> ' ' then c || next end]) as part
        where c <> ' ' and part is not null
      );
      plain := regexp_replace(plain, '[' || unspaced || ']+', ' ', 'g');
    end if;
  end if;
  return to_tsvector('russian', regexp_replace(
      regexp_replace(plain, '([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])', '\1\3 \2\4', 'g'), '[!-&(-/:-@[-`{-~]+', ' ', 'g'
    ))
    || setweight(to_tsvector('simple', plain), 'C')
    || characters;
end
$$;
comment on function zerodb_words is
  'The words of a text as search compares them: stems without accents, also of the parts of identifiers (with positions of weight D); words as they are written (weight C); pairs of characters and characters of scripts without blanks (without positions)';

create function zerodb_word_keys(project uuid, kind text, words tsvector) returns text[] language plpgsql immutable parallel safe as $$
begin
  return array(select left(project::text, 8) || left(kind, 3) || word from unnest(tsvector_to_array(words)) as word);
end
$$;
comment on function zerodb_word_keys is
  'The words of a text with the beginning of its project''s id and its kind: an index on them reads only the texts of one project';

drop index idx_zerodb_memories_words;
alter table zerodb_memories drop column words;
alter table zerodb_memories
  add column words tsvector generated always as (zerodb_words(content)) stored,
  add column event_at timestamptz;
comment on column zerodb_memories.words is 'The words of the text, for searches (zerodb_words)';
comment on column zerodb_memories.event_at is 'When it happened, as the application says; null: at created_at';
-- Each search reads the whole list of pending entries, and a recall makes about fifteen: the default of 4 MB costs it 5 ms each.
create index idx_zerodb_memories_word_keys on zerodb_memories using gin (zerodb_word_keys(project_id, kind, words))
  with (gin_pending_list_limit = 128);
create index idx_zerodb_memories_happened on zerodb_memories (project_id, (coalesce(event_at, created_at)), id) where kind = 'remembered';

drop index idx_zerodb_files_words;
alter table zerodb_files drop column words;
alter table zerodb_files
  add column words tsvector generated always as (zerodb_words(file_name || ' ' || coalesce(summary, ''))) stored;
comment on column zerodb_files.words is 'The words of the name and the summary, for searches (zerodb_words)';
create index idx_zerodb_files_words on zerodb_files using gin (words);

alter table zerodb_memories add column not_embedded_by text;
comment on column zerodb_memories.not_embedded_by is
  'The model that cannot embed the text, because it does not know the language or refuses it; null: an embedding is there, or will be';
create index idx_zerodb_memories_missing on zerodb_memories (not_embedded_by, created_at)
  where kind = 'remembered' and embedding is null;
