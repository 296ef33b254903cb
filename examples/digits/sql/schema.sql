-- What one run leaves in the database.  The truth is there for the check alone:
-- no query that chooses anything reads it.

DROP TABLE IF EXISTS digits.images, digits.truth, digits.probes, digits.samples,
	digits.loss_log, digits.suites, digits.tags, digits.relabelled;

-- the training set, and what networks that have not seen an image take it for
CREATE TABLE images (
	id bigint PRIMARY KEY,
	given_label integer NOT NULL,
	held_out_label integer NOT NULL
);
CREATE TABLE truth (id bigint PRIMARY KEY, true_label integer NOT NULL);

-- the images that were made probes, and of which kind
CREATE TABLE probes (id bigint PRIMARY KEY, label text NOT NULL);

-- every other image, with its loss after each epoch
CREATE TABLE samples (id bigint PRIMARY KEY, curve loss_curve NOT NULL);

SELECT create_loss_log('loss_log');

-- what a network that was trained without the suspects takes them for
CREATE TABLE relabelled (id bigint PRIMARY KEY, new_label integer NOT NULL);
