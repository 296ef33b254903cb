-- The rows to look at first, and why.

\echo '== The ten most suspicious rows: highest label_score for random_outputs'
\echo
SELECT example_id AS example, given_label AS given, true_label AS truth, t.label AS tag,
       round(s.score::numeric, 4) AS score, sparkline(d.curve, 40) AS "loss, epochs 0 to 39"
  FROM suspicion AS s JOIN dataset AS d USING (example_id) JOIN tags AS t USING (example_id)
 ORDER BY s.score DESC, example_id
 LIMIT 10;

SELECT example_id AS suspect FROM suspicion ORDER BY score DESC, example_id LIMIT 1 \gset

\echo '== Why: the five probes that behave most like the first of them, example' :suspect
\echo
SELECT p.rank, p.id AS probe, p.label, round(p.distance::numeric, 3) AS distance,
       sparkline(p.curve, 40) AS "loss, epochs 0 to 39"
  FROM dataset AS d,
       nearest_probes(d.curve, (SELECT suite FROM suites WHERE name = 'mnist'), 5) AS p
 WHERE d.example_id = :suspect
 ORDER BY p.rank;
