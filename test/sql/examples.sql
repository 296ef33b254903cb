-- What the examples left in the database, as lines of TAP for script/test: the
-- digits with one seed, and curves of a few runs.  The bars lie well below what
-- was measured over many seeds; the networks differ a little from one version of
-- PyTorch to the next.

CREATE TEMPORARY TABLE accuracy AS
SELECT max(accuracy) FILTER (WHERE training_set = 'as_given') AS as_given,
       max(accuracy) FILTER (WHERE training_set = 'relabelled') AS relabelled,
       max(accuracy) FILTER (WHERE training_set = 'dropped') AS dropped,
       max(accuracy) FILTER (WHERE training_set = 'perfect') AS perfect
  FROM digits.accuracies;

CREATE TEMPORARY TABLE checks AS
SELECT 'digits: a loss was recorded of each image at each epoch' AS name,
       count(*) = 1200 * 40 AND count(DISTINCT (id, epoch)) = count(*) AS passed, count(*)::text AS found
  FROM digits.loss_log, unnest(ids) AS id
UNION ALL
SELECT 'digits: every image but the probes is tagged once',
       count(*) = 1000 AND count(DISTINCT id) = 1000 AND bool_and(label IS NOT NULL)
       AND bool_and(id NOT IN (SELECT id FROM digits.probes)), count(*)::text
  FROM digits.tags
UNION ALL
SELECT 'digits: the suite is of the 200 probes', probes = 200 AND cardinality(labels) = 4, probes::text
  FROM digits.suites, probe_suite_info(suite)
UNION ALL
SELECT 'digits: precision by tags is at least 0.85', hits >= 0.85 * flagged, format('%s of %s', hits, flagged)
  FROM digits.findings WHERE finder = 'tags'
UNION ALL
SELECT 'digits: recall by tags is at least 0.7', hits >= 0.7 * mislabelled, format('%s of %s', hits, mislabelled)
  FROM digits.findings WHERE finder = 'tags'
UNION ALL
SELECT 'digits: perfect labels give an accuracy of at least 0.95', perfect >= 0.95, perfect::text FROM accuracy
UNION ALL
SELECT 'digits: wrong labels cost accuracy', perfect - as_given >= 0.02, (perfect - as_given)::text FROM accuracy
UNION ALL
SELECT 'digits: dropping the suspects wins some of it back', dropped - as_given >= 0.015, (dropped - as_given)::text
  FROM accuracy
UNION ALL
SELECT 'digits: so do new labels for them', relabelled - as_given >= 0.015, (relabelled - as_given)::text
  FROM accuracy
UNION ALL
SELECT 'runs: a curve for each run, without a gap',
       count(*) = 6 AND bool_and(observed_epochs(curve) = 50), count(*)::text
  FROM run_curves
UNION ALL
SELECT 'runs: a diverged run ends above where it began', bool_and(curve[49] > curve[0]), max(curve[49])::text
  FROM run_curves JOIN tags USING (run_uuid) WHERE tags.value = 'diverged'
UNION ALL
SELECT 'runs: a good run ends well below where it began', bool_and(curve[49] < 0.5 * curve[0]), max(curve[49])::text
  FROM run_curves JOIN tags USING (run_uuid) WHERE tags.value = 'good';

SELECT format('%s %s - %s (%s)', CASE WHEN passed THEN 'ok' ELSE 'not ok' END, row_number() OVER (), name, found)
  FROM checks;
