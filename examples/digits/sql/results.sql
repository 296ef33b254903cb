-- What is measured, over all seeds.
DROP TABLE IF EXISTS accuracies, findings;
CREATE TABLE accuracies (seed integer, training_set text, images integer, accuracy float8,
                         PRIMARY KEY (seed, training_set));
CREATE TABLE findings (seed integer, finder text, flagged integer, hits integer, mislabelled integer,
                       PRIMARY KEY (seed, finder));
