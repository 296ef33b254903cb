-- A schema of the story's own, and what is measured there over all seeds.
DROP SCHEMA IF EXISTS digits CASCADE;
CREATE SCHEMA digits;
SELECT set_config('search_path', 'digits, ' || current_setting('search_path'), false);

CREATE TABLE accuracies (
	seed integer,
	training_set text,
	images integer NOT NULL,
	accuracy double precision NOT NULL,
	PRIMARY KEY (seed, training_set)
);
CREATE TABLE findings (
	seed integer,
	finder text,
	flagged integer NOT NULL,
	hits integer NOT NULL,
	mislabelled integer NOT NULL,
	PRIMARY KEY (seed, finder)
);
