-- The secret from which ids of events are made: 32 random bytes. The first start fills it, and not this migration: the embedded database's
-- template is made by running the migrations once, and would give every installation one key.
create table zerodb_event_key (
  one boolean primary key default true check (one),
  key bytea not null check (length(key) = 32)
);

-- The id of the event with a number: evt_, 10 digits of the number under a mask, 12 check digits. Check digits and mask are keyed hashes, so that
-- ids show neither the number of events nor their order, and cannot be forged. A statement reads the key once and passes it for each event: that
-- halves the time of a call. In plpgsql, because its plans stay cached between statements. The id of null is null.
create function zerodb_event_id(seq bigint, secret bytea) returns text language plpgsql immutable as $$
declare
  digest bytea := substr(sha256(secret || int8send(seq)), 1, 6);
begin
  if secret is null then
    raise exception 'zerodb_event_key is empty: the start of the server fills it';
  end if;
  return 'evt_'
    || lpad(to_hex(seq # ('x' || left(encode(sha256(secret || digest), 'hex'), 10))::bit(40)::bigint), 10, '0')
    || encode(digest, 'hex');
end
$$;

-- The number in an id; null for a text that is not an id of this database. Ids of 16 digits are from before this migration: they show their
-- number, and anybody can make one up, so that the id has to be compared too.
create function zerodb_event_seq(id text) returns bigint language plpgsql stable strict as $$
declare
  secret bytea := (select key from zerodb_event_key);
  seq bigint;
begin
  if secret is null then
    raise exception 'zerodb_event_key is empty: the start of the server fills it';
  end if;
  if id ~ '^evt_[0-9a-f]{16}$' then
    return ('x' || substr(id, 5, 10))::bit(40)::bigint;
  end if;
  if id !~ '^evt_[0-9a-f]{22}$' then
    return null;
  end if;
  seq := ('x' || substr(id, 5, 10))::bit(40)::bigint
    # ('x' || left(encode(sha256(secret || decode(right(id, 12), 'hex')), 'hex'), 10))::bit(40)::bigint;
  return case when zerodb_event_id(seq, secret) = id then seq end;
end
$$;
