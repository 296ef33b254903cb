-- The training set without the suspects.  (Images that were probes have no tag.)
SELECT id, given_label AS label, 1.0 AS weight
  FROM images LEFT JOIN tags USING (id)
 WHERE tags.label IS DISTINCT FROM 'random_outputs'
 ORDER BY id;
