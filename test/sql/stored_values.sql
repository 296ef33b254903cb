--
-- Values of all kinds in the places where a database keeps them, for tests of
-- what comes after them: a newer library, a newer server, a dump.
--
--   psql -v data=test/data/mnist -f stored_values.sql
--
-- It runs with every released version, so it says only what 0.1.0 understands.
--
\set ON_ERROR_STOP on
\setenv DATA :data
SET client_min_messages = warning;

CREATE TABLE samples (id bigint PRIMARY KEY, true_label integer, given_label integer, is_mislabelled boolean,
	curve loss_curve);
CREATE TABLE probes (id text PRIMARY KEY, label text NOT NULL, curve loss_curve(40) NOT NULL);
\copy samples from program 'gzip -dc "$DATA"/dataset.csv.gz | head -n 401' with (format csv, header)
\copy probes from program 'gzip -dc "$DATA"/probes.csv.gz' with (format csv, header)
DELETE FROM probes WHERE id NOT IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY label ORDER BY id)
	FROM probes) AS p WHERE row_number <= 30);
-- what is special, beside the real curves: missing epochs, few of them, extremes, nothing
UPDATE samples SET curve[id % 40] = NULL WHERE id % 3 = 0;
UPDATE samples SET curve = curve[0:id % 40] WHERE id % 7 = 0;
INSERT INTO samples (id, is_mislabelled, curve) VALUES (100001, false, '[]'), (100002, false, '[null,null]'),
	(100003, false, '[1e-45,3.4028235e38,-3.4028235e38,1.1754942e-38,-0,0.1,null]'), (100004, false, NULL);
INSERT INTO samples (id, is_mislabelled, curve)
	SELECT 100005, false, array_agg((n % 100) / 8.0)::loss_curve FROM generate_series(1, 16000) AS n;

CREATE INDEX samples_btree ON samples (curve) WHERE epochs(curve) <= 40;
CREATE INDEX samples_hash ON samples USING hash (curve);
CREATE UNIQUE INDEX samples_expression ON samples ((curve[0]), (epochs(curve)), id);
CREATE INDEX probes_distance ON probes ((curve <-> array_fill(1.5::real, ARRAY[40])::loss_curve));

CREATE TABLE suites (name text PRIMARY KEY, suite probe_suite NOT NULL);
INSERT INTO suites SELECT 'plain', probe_suite_agg(label, curve, id) FROM probes;
INSERT INTO suites SELECT metric || ' ' || weights, configure_probe_suite(suite, k => 7, metric => metric,
		weights => weights, band => CASE metric WHEN 'dtw' THEN 3 END)
	FROM suites, unnest('{l1,cosine,correlation,dtw}'::text[], '{distance,balanced,uniform,distance}'::text[])
		AS setting(metric, weights);
INSERT INTO suites SELECT 'fitted', fit_probe_suite(suite) FROM suites WHERE name = 'plain';
INSERT INTO suites SELECT 'quoted', probe_suite_agg(E'a "label"\nof \\ two lines é', curve) FROM probes;
CREATE VIEW plain_suite AS SELECT suite FROM suites WHERE name = 'plain';
CREATE VIEW fitted_suite AS SELECT suite FROM suites WHERE name = 'fitted';
CREATE VIEW live_suite AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;
CREATE VIEW suspects AS
	SELECT id, label_score(curve, 'random_outputs', (SELECT suite FROM fitted_suite)) AS score FROM samples;
CREATE MATERIALIZED VIEW kept_tags AS SELECT id, tag_metadata(curve, 'plain_suite'::regclass) AS tag FROM samples;
CREATE FUNCTION worst() RETURNS bigint LANGUAGE sql STABLE
	BEGIN ATOMIC SELECT id FROM samples WHERE epochs(curve) = 40 ORDER BY curve[39] DESC NULLS LAST, id LIMIT 1; END;

SELECT create_tag_table('sample_tags', 'samples');
ALTER TABLE sample_tags ADD reviewed boolean DEFAULT false;
CALL refresh_tags('sample_tags', 'samples', 'plain_suite');
SELECT create_tag_table('fitted_tags', 'samples');
CALL refresh_tags('fitted_tags', 'samples', 'fitted_suite');
SELECT create_loss_log('loss_log');
INSERT INTO loss_log (run, epoch, ids, losses, recorded_at)
	SELECT 'run', epoch, array_agg(id ORDER BY id), array_agg(curve[epoch]::real ORDER BY id), '2026-01-01'
	FROM samples, generate_series(0, 39) AS epoch WHERE curve[epoch] IS NOT NULL AND id < 100000 GROUP BY epoch;
CREATE TABLE mixtures AS SELECT small_loss_mixture(curve[5]) AS mixture FROM samples WHERE id < 100000;
CREATE TABLE statistics AS SELECT id, curve_statistics(curve) AS statistics FROM samples WHERE id < 50;
CREATE TABLE pieces (id integer, curve loss_curve, suite probe_suite) PARTITION BY RANGE (curve);
CREATE TABLE pieces_low PARTITION OF pieces FOR VALUES FROM (MINVALUE) TO ('[1.5]');
CREATE TABLE pieces_high PARTITION OF pieces FOR VALUES FROM ('[1.5]') TO (MAXVALUE);
INSERT INTO pieces SELECT id, curve, NULL FROM samples WHERE epochs(curve) > 0;
ANALYZE;
