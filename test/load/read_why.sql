\set id random(1, 8000)
SELECT label, count(*) FROM samples AS s, nearest_probes(s.curve, (SELECT suite FROM suites WHERE name = 'frozen')) WHERE s.id = :id GROUP BY label;
