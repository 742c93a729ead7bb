-- concurrently
-- The words of the documents of vectors, for hybrid search. The words of a longer text could exceed what a tsvector can hold (1 MB).
create index concurrently if not exists idx_zerodb_vectors_words on zerodb_vectors using gin (to_tsvector('english', left(document, 100000)))
  where document is not null;
