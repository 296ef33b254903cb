-- The training set with the suspects counting less, the less the surer the tag.
SELECT id, given_label AS label,
       CASE WHEN tags.label = 'random_outputs' THEN 1 - tags.probability ELSE 1 END AS weight
  FROM images LEFT JOIN tags USING (id)
 ORDER BY id;
