-- How far the tags can be trusted: against probes that the suite has not seen,
-- and against the labels that were flipped on purpose.

CREATE TEMPORARY TABLE answers AS
SELECT label AS actual,
       classify_metadata(curve, (SELECT suite FROM suites WHERE name = 'mnist')) AS predicted
  FROM held_out;

\echo '== Held-out probes: actual kind (down) against predicted kind (across)'
\echo
SELECT actual, predicted, count(*),
       dense_rank() OVER (ORDER BY predicted)
  FROM answers GROUP BY actual, predicted ORDER BY actual
\crosstabview actual predicted count dense_rank
SELECT count(*) FILTER (WHERE actual = predicted) AS right, count(*) AS "of",
       round(avg((actual = predicted)::int), 4) AS accuracy,
       0.2 AS "by chance"
  FROM answers;

\echo '== Rows tagged random_outputs (like probes with a wrong label), against the truth'
\echo
SELECT hits AS "tagged and mislabelled", tagged, wrong AS mislabelled,
       round(hits::numeric / tagged, 3) AS "precision", round(hits::numeric / wrong, 3) AS recall
  FROM (SELECT count(*) FILTER (WHERE label = 'random_outputs' AND is_mislabelled) AS hits,
               count(*) FILTER (WHERE label = 'random_outputs') AS tagged,
               count(*) FILTER (WHERE is_mislabelled) AS wrong
          FROM dataset JOIN tags USING (example_id)) AS counts;

CREATE TEMPORARY TABLE suspicion AS
SELECT example_id, is_mislabelled,
       label_score(curve, 'random_outputs', (SELECT suite FROM suites WHERE name = 'mnist')) AS score
  FROM dataset;

\echo '== The same as a ranking: AUROC, the chance that a mislabelled row scores above a sound one'
\echo
-- The rank sum, with equal scores at the mean of their ranks.
SELECT round(((sum(midrank) FILTER (WHERE is_mislabelled) - m * (m + 1) / 2)
              / (m * n))::numeric, 5) AS "AUROC of label_score",
       m AS mislabelled, n AS sound
  FROM (SELECT is_mislabelled,
               rank() OVER (ORDER BY score) + (count(*) OVER (PARTITION BY score) - 1) / 2.0 AS midrank
          FROM suspicion) AS ranked,
       (SELECT count(*) FILTER (WHERE is_mislabelled) AS m,
               count(*) FILTER (WHERE NOT is_mislabelled) AS n
          FROM suspicion) AS counts
 GROUP BY m, n;
