-- The training set as it should have come, for comparison.
SELECT id, true_label AS label, 1.0 AS weight
  FROM truth
 ORDER BY id;
