\set id random(1, 8000)
SELECT n.label FROM vector_samples AS s, LATERAL (SELECT p.label, p.v <-> s.v AS d FROM vector_probes AS p ORDER BY p.v <-> s.v LIMIT 20) AS n WHERE s.id = :id GROUP BY n.label ORDER BY count(*) DESC, sum(d), n.label LIMIT 1;
