-- What came out.

SET search_path = digits, public;
\pset footer off
\pset border 2
\pset linestyle unicode

\echo
\echo '== The last seed: what the images that were no probes are tagged as'
\echo
SELECT tags.label AS tag, count(*) AS images,
       count(*) FILTER (WHERE given_label <> true_label) AS mislabelled,
       round(avg(probability)::numeric, 2) AS "mean share of votes"
  FROM tags JOIN images USING (id) JOIN truth USING (id)
 GROUP BY tags.label ORDER BY count(*) DESC;

\echo '== Its most suspicious images'
\echo
SELECT id, given_label AS given, true_label AS truth, new_label AS "new label",
       round(score::numeric, 3) AS score, sparkline(curve) AS "loss, epoch by epoch"
  FROM tags JOIN samples USING (id) JOIN images USING (id) JOIN truth USING (id)
       JOIN relabelled USING (id)
 ORDER BY score DESC, id
 LIMIT 5;

\echo '== Wrong labels found among these images, over all seeds: mean and standard deviation'
\echo
SELECT finder AS "found by", count(*) AS seeds,
       round(avg(precision), 3) AS precision, round(stddev(precision), 3) AS "(deviation)",
       round(avg(recall), 3) AS recall, round(stddev(recall), 3) AS "(deviation)"
  FROM (SELECT finder, hits::numeric / flagged AS precision, hits::numeric / mislabelled AS recall
          FROM findings) AS ratios
 GROUP BY finder ORDER BY finder DESC;

\echo '== Accuracy on the test set, in percent, and what is gained over the labels as given'
\echo
SELECT training_set AS "trained on", round(avg(images)) AS images,
       string_agg(round(accuracy, 1)::text, ' ' ORDER BY seed) AS "seed by seed",
       round(avg(accuracy), 2) AS mean, round(stddev(accuracy), 2) AS "(deviation)",
       round(avg(gain), 2) AS gain, round(stddev(gain), 2) AS "(deviation)"
  FROM (SELECT seed, training_set, images, 100 * a.accuracy::numeric AS accuracy,
               100 * (a.accuracy - given.accuracy)::numeric AS gain
          FROM accuracies AS a
               JOIN (SELECT seed, accuracy FROM accuracies WHERE training_set = 'as_given') AS given
               USING (seed)) AS percent
 GROUP BY training_set
 ORDER BY array_position(ARRAY['as_given', 'down_weighted', 'relabelled', 'dropped', 'cross_validated',
                               'perfect'], training_set);
