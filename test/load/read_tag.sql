\set id random(1, 8000)
SELECT (tag_metadata(curve, (SELECT suite FROM suites WHERE name = 'rolling'))).* FROM samples WHERE id = :id;
