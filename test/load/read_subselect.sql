\set id random(1, 8000)
SELECT classify_metadata(curve, (SELECT suite FROM suites WHERE name = 'frozen')) FROM samples WHERE id = :id;
