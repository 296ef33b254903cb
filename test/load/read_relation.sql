\set id random(1, 8000)
SELECT classify_metadata(curve, 'probes'::regclass) FROM samples WHERE id = :id;
