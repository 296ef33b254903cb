\set n random(1, 1250)
DELETE FROM probes WHERE id = 'spare ' || :n::integer;
