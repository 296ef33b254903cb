-- The training set with new labels for the suspects.
SELECT id, coalesce(new_label, given_label) AS label, 1.0 AS weight
  FROM images LEFT JOIN relabelled USING (id)
 ORDER BY id;
