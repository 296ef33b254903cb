-- Every other run of each kind is a probe; the others are to be classified.

CREATE TABLE labelled AS
SELECT run_uuid, value AS kind, logged, curve,
       row_number() OVER (PARTITION BY value ORDER BY run_uuid) % 2 = 1 AS is_probe
  FROM run_curves JOIN tags USING (run_uuid)
 WHERE tags.key = 'kind';

\echo '== The kinds of runs, and how the validation loss of one of each went'
\echo
SELECT kind, count(*) FILTER (WHERE is_probe) AS probes, count(*) FILTER (WHERE NOT is_probe) AS "held out",
       format('%s to %s', min(logged), max(logged)) AS "losses logged",
       sparkline((array_agg(curve ORDER BY run_uuid))[1]) AS "one of them"
  FROM labelled GROUP BY kind ORDER BY kind;

CREATE TABLE suites AS
SELECT 'runs' AS name, probe_suite_agg(kind, curve, run_uuid) AS suite FROM labelled WHERE is_probe;

\echo '== How many of the probes are classified right, each by all others, with k (down) and metric (across)'
\echo
CREATE TEMPORARY TABLE trials AS
SELECT metric, k, round(sum(count) FILTER (WHERE actual = predicted) / sum(count), 3) AS accuracy
  FROM suites, unnest(ARRAY[1, 3, 5, 7]) AS k, unnest(ARRAY['l2', 'l1', 'cosine', 'dtw']) AS metric,
       probe_suite_confusion(configure_probe_suite(suite, k => k, metric => metric))
 GROUP BY metric, k;
SELECT k, metric, accuracy FROM trials ORDER BY k, metric
\crosstabview k metric accuracy

-- The best of these, of equals that with most neighbours.
UPDATE suites
   SET suite = configure_probe_suite(suite, k => best.k, metric => best.metric)
  FROM (SELECT metric, k FROM trials ORDER BY accuracy DESC, k DESC, metric LIMIT 1) AS best
RETURNING (probe_suite_info(suite)).metric, (probe_suite_info(suite)).k, (probe_suite_info(suite)).probes;

CREATE TABLE answers AS
SELECT run_uuid, kind, classify_metadata(curve, (SELECT suite FROM suites WHERE name = 'runs')) AS predicted
  FROM labelled WHERE NOT is_probe;

\echo '== Held-out runs: actual kind (down) against predicted kind (across)'
\echo
SELECT kind, predicted, count(*), dense_rank() OVER (ORDER BY predicted)
  FROM answers GROUP BY kind, predicted ORDER BY kind
\crosstabview kind predicted count dense_rank
SELECT count(*) FILTER (WHERE kind = predicted) AS right, count(*) AS "of",
       round(avg((kind = predicted)::integer), 3) AS accuracy,
       round(1.0 / count(DISTINCT kind), 3) AS "by chance"
  FROM answers;

\echo '== The mistakes, with the settings of these runs'
\echo
SELECT kind, predicted, sparkline(curve, 30) AS "validation loss", settings
  FROM answers JOIN labelled USING (run_uuid, kind),
       LATERAL (SELECT string_agg(key || ' ' || value, ', ' ORDER BY key) AS settings
                  FROM params
                 WHERE params.run_uuid = answers.run_uuid
                   AND key IN ('examples', 'learning_rate', 'width', 'weight_decay')) AS p
 WHERE kind <> predicted
 ORDER BY kind, predicted, run_uuid;
