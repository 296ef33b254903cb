SET search_path = digits, public;
\pset footer off
\pset border 2
\pset linestyle unicode

\echo
\echo '== The last seed: what its 1,000 images that were no probes were tagged as'
\echo
SELECT tags.label AS tag, count(*) AS images,
       count(*) FILTER (WHERE given_label <> true_label) AS "mislabelled",
       round(avg(probability)::numeric, 2) AS "mean share of votes"
  FROM tags JOIN images USING (id) JOIN truth USING (id)
 GROUP BY tags.label ORDER BY count(*) DESC;

\echo '== Its most suspicious images'
\echo
SELECT id, given_label AS given, true_label AS truth, new_label AS "new label",
       round(score::numeric, 3) AS score, sparkline(curve) AS "loss, epoch by epoch"
  FROM tags JOIN samples USING (id) JOIN images USING (id) JOIN truth USING (id) JOIN relabelled USING (id)
 WHERE label = 'random_outputs'
 ORDER BY score DESC, id
 LIMIT 5;

\echo '== Wrong labels found, among the images that were no probes: mean over the seeds (standard deviation)'
\echo
SELECT finder AS "found by", count(*) AS seeds,
       format('%s (%s)', round(avg(hits::numeric / flagged), 3), round(stddev(hits::numeric / flagged), 3)) AS "precision",
       format('%s (%s)', round(avg(hits::numeric / mislabelled), 3), round(stddev(hits::numeric / mislabelled), 3)) AS recall
  FROM findings GROUP BY finder ORDER BY finder DESC;

\echo '== Accuracy on the test set, which is clean and was used for nothing else, in percent'
\echo
SELECT training_set AS "trained on", round(avg(images)) AS images,
       string_agg(round(100 * accuracy::numeric, 1)::text, '  ' ORDER BY seed) AS "seed by seed",
       round(100 * avg(accuracy)::numeric, 2) AS mean,
       round(100 * stddev(accuracy)::numeric, 2) AS "standard deviation",
       round(100 * avg(gain)::numeric, 2) AS "mean gain",
       round(100 * stddev(gain)::numeric, 2) AS "its deviation"
  FROM (SELECT *, accuracy - (SELECT accuracy FROM accuracies AS a
                               WHERE a.seed = b.seed AND a.training_set = 'as_given') AS gain
          FROM accuracies AS b) AS gains
 GROUP BY training_set ORDER BY mean;
