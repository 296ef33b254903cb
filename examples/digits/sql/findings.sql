-- How well the wrong labels were found, among the images that were not probes.
INSERT INTO findings
SELECT %(seed)s, finder, count(*) FILTER (WHERE flagged),
       count(*) FILTER (WHERE flagged AND given_label <> true_label),
       count(*) FILTER (WHERE given_label <> true_label)
  FROM images JOIN truth USING (id) JOIN tags USING (id),
       LATERAL (VALUES ('tags', tags.label = 'random_outputs'),
                       ('cross-validation', held_out_label <> given_label)) AS f (finder, flagged)
 GROUP BY finder;
