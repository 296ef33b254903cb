\set id random(1, 8000)
SELECT classify_metadata(curve) FROM samples WHERE id = :id;
