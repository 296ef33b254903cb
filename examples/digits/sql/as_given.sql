-- The training set as it came.
SELECT id, given_label AS label, 1.0 AS weight
  FROM images
 ORDER BY id;
