-- Without any loss curve: the training set without the images that networks
-- which have not seen them take for something else.
SELECT id, given_label AS label, 1.0 AS weight
  FROM images
 WHERE held_out_label = given_label
 ORDER BY id;
