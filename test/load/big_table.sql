-- A large table of curves is tagged, 1 % of it changes, and the tags are brought
-- up to date.  :data is the folder of the compressed CSVs, :rows how many rows.
--
-- The curves are real ones drawn out to 90 epochs, again and again, each with a
-- last loss of its own, so that no two rows are the same.  Prints a line for
-- each check and, in lines with #, what took how long.

\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;

CREATE TEMPORARY TABLE recordings (id integer, true_label integer, given_label integer, is_mislabelled boolean,
	curve loss_curve);
CREATE TEMPORARY TABLE recorded_probes (id text, label text, curve loss_curve);
\cd :data
\copy recordings FROM PROGRAM 'gzip -dc dataset.csv.gz' (FORMAT csv, HEADER)
\copy recorded_probes FROM PROGRAM 'gzip -dc probes.csv.gz' (FORMAT csv, HEADER)

CREATE TABLE probes AS SELECT id, label, resample_curve(curve, 90) AS curve FROM recorded_probes;
CREATE TABLE shapes AS
	SELECT row_number() OVER (ORDER BY id) AS shape, resample_curve(curve, 90) AS curve FROM recordings;
ANALYZE probes, shapes;
CREATE UNLOGGED TABLE samples AS
	SELECT id, curve[0:88] || curve[89] + id * 1e-7 AS curve
	FROM generate_series(1::bigint, :rows) AS id JOIN shapes ON shape = id % 8000 + 1;
ALTER TABLE samples ADD PRIMARY KEY (id);
VACUUM ANALYZE samples;
SELECT '# ' || count(*) || ' curves, ' || pg_size_pretty(pg_table_size('samples')) FROM samples;

SELECT create_tag_table('tags', 'samples') \g /dev/null

-- Everything
SELECT clock_timestamp() AS start \gset
CALL refresh_tags('tags', 'samples', 'probes') \gset
SELECT extract(epoch FROM clock_timestamp() - :'start') AS whole \gset
SELECT CASE WHEN (:added, :changed, :removed, :unchanged) = (:rows, 0, 0, 0) THEN 'ok' ELSE 'not ok' END
	|| ' - a refresh of all rows';
VACUUM ANALYZE tags;

-- 1 % of the rows, all over the table
UPDATE samples SET curve[45] = curve[45] + 0.5 WHERE id % 100 = 7;
SELECT clock_timestamp() AS start \gset
CALL refresh_tags('tags', 'samples', 'probes') \gset
SELECT extract(epoch FROM clock_timestamp() - :'start') AS part \gset
SELECT CASE WHEN (:added, :changed, :removed, :unchanged) = (0, :rows / 100, 0, :rows - :rows / 100)
	THEN 'ok' ELSE 'not ok' END || ' - a refresh of 1 %';

-- Nothing
SELECT clock_timestamp() AS start \gset
CALL refresh_tags('tags', 'samples', 'probes') \gset
SELECT extract(epoch FROM clock_timestamp() - :'start') AS nothing \gset
SELECT CASE WHEN (:added, :changed, :removed, :unchanged) = (0, 0, 0, :rows) THEN 'ok' ELSE 'not ok' END
	|| ' - a refresh of nothing';

-- Are they true?  All by their hashes, one in a hundred by itself.
SELECT CASE WHEN count(*) = :rows
	AND count(*) FILTER (WHERE curve_hash = loss_curve_hash_extended(curve, 0)) = :rows THEN 'ok' ELSE 'not ok' END
	|| ' - every tag is by the curve that is there'
FROM samples JOIN tags USING (id);
SELECT CASE WHEN count(*) > 0 AND count(*) = count(*) FILTER (WHERE (label, score, distance)
	= ((tag).label, (tag).score, (tag).distance)) THEN 'ok' ELSE 'not ok' END
	|| ' - tags are what tag_metadata says of ' || count(*) || ' of the rows'
FROM (SELECT t.*, tag_metadata(curve, (SELECT probe_suite_agg(label, curve, id) FROM probes)) AS tag
	FROM samples JOIN tags AS t USING (id) WHERE id % 100 IN (7, 8) AND id % 7 = 0 OFFSET 0) AS t;

SELECT format(E'# all rows: %s s\n# 1 %% changed: %s s, %s of all (wanted: at most 0.2)\n# nothing changed: %s s, %s of all',
	round(:whole, 1), round(:part, 1), round(:part / :whole, 3), round(:nothing, 1), round(:nothing / :whole, 3));
