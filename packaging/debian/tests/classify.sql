-- An ordinary user creates the extension and classifies real curves.
\set ON_ERROR_STOP on
CREATE ROLE researcher;
CREATE DATABASE research OWNER researcher TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
\connect research
SET SESSION AUTHORIZATION researcher;
CREATE SCHEMA lab;
SET search_path = lab;

CREATE EXTENSION metaprobe;
CREATE TABLE probes (id text PRIMARY KEY, label text, curve loss_curve);
CREATE TABLE samples (
	id integer PRIMARY KEY,
	true_label integer,
	given_label integer,
	is_mislabelled boolean,
	curve loss_curve
);
\copy probes FROM PROGRAM 'gzip -dc test/data/mnist/probes.csv.gz' (FORMAT csv, HEADER)
\copy samples FROM PROGRAM 'gzip -dc test/data/mnist/dataset.csv.gz' (FORMAT csv, HEADER)

-- rows tagged random_outputs, and how many of these are mislabelled
SELECT count(*), count(*) FILTER (WHERE is_mislabelled)
FROM samples WHERE classify_metadata(curve, 'probes'::regclass) = 'random_outputs';
