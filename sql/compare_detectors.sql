--
-- compare_detectors: which score finds what is known to be true
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set seed 42
\getenv seed METAPROBE_SEED
\set ECHO all

CREATE TABLE probes (probe_id text, label text, curve loss_curve);
CREATE TABLE samples (example_id integer, true_label text, given_label text, is_mislabelled boolean, curve loss_curve);
CREATE TABLE hard_probes (LIKE probes);
CREATE TABLE hard_samples (LIKE samples);
\copy probes from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/probes.csv.gz' with (format csv, header)
\copy samples from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/dataset.csv.gz' with (format csv, header)
\copy hard_probes from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/probes.csv.gz' with (format csv, header)
\copy hard_samples from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/dataset.csv.gz' with (format csv, header)
ANALYZE probes, samples, hard_probes, hard_samples;

CREATE TABLE found AS
	SELECT 'mnist' AS run, * FROM compare_detectors('samples', 'is_mislabelled', 'probes')
	UNION ALL SELECT 'mnist_hard', * FROM compare_detectors('hard_samples', 'is_mislabelled', 'hard_probes');
SELECT run, detector, round(auroc::numeric, 5) AS auroc, round(average_precision::numeric, 4) AS average_precision,
	round(best_f1::numeric, 4) AS best_f1, round(precision_at_true_rate::numeric, 4) AS precision_at_true_rate, rows
	FROM found ORDER BY run, found.auroc DESC;
-- against NumPy (neighbours, scores, novelty by brute force) and scikit-learn 1.2 (GaussianMixture,
-- roc_auc_score, average_precision_score, precision_recall_curve)
CREATE TABLE wanted (run text, detector text, auroc float8, average_precision float8, best_f1 float8,
	precision_at_true_rate float8);
INSERT INTO wanted VALUES
	('mnist', 'label_score', 0.9999581597, 0.9996424684, 0.9931292942, 0.9925000000),
	('mnist', 'vote_share', 0.9931210069, 0.9875870733, 0.9918290383, 0.9862671660),
	('mnist', 'novelty', 0.1696626736, 0.0572681698, 0.1819215463, 0.0025000000),
	('mnist', 'mean_loss', 0.9999807292, 0.9998301989, 0.9956222639, 0.9950000000),
	('mnist', 'final_loss', 0.7913131944, 0.3762272198, 0.3500473037, 0.3275000000),
	('mnist', 'first_loss', 0.9773985243, 0.9032396184, 0.8271844660, 0.8200000000),
	('mnist', 'low_confidence', 0.9999022569, 0.9991061492, 0.9887640449, 0.9875000000),
	('mnist', 'mixture_posterior', 0.9999807292, 0.9998301989, 0.9956222639, 0.9950000000),
	('mnist_hard', 'label_score', 0.9994635417, 0.9951088085, 0.9690594059, 0.9662500000),
	('mnist_hard', 'vote_share', 0.9951897569, 0.9880655221, 0.9691358025, 0.9650000000),
	('mnist_hard', 'novelty', 0.2065902778, 0.0591205469, 0.1819422333, 0.0012500000),
	('mnist_hard', 'mean_loss', 0.9994746528, 0.9952978592, 0.9696594427, 0.9650000000),
	('mnist_hard', 'final_loss', 0.9604919271, 0.8577667863, 0.7871222076, 0.7725000000),
	('mnist_hard', 'first_loss', 0.9885262153, 0.9221811809, 0.8610421836, 0.8562500000),
	('mnist_hard', 'low_confidence', 0.9993605903, 0.9943862540, 0.9647798742, 0.9637500000),
	('mnist_hard', 'mixture_posterior', 0.9992197049, 0.9895423927, 0.9696594427, 0.9650000000);
SELECT run, count(*), count(*) FILTER (WHERE greatest(abs(f.auroc - w.auroc), abs(f.average_precision - w.average_precision),
		abs(f.best_f1 - w.best_f1), abs(f.precision_at_true_rate - w.precision_at_true_rate)) < 1e-9) AS same
	FROM found f JOIN wanted w USING (run, detector) GROUP BY run ORDER BY run;
-- the tag is a detector that says yes or no
SELECT run, abs(best_f1 - 2 * hits / (tagged + wrong)) < 1e-15 AS same_f1
	FROM (SELECT 'mnist' AS run, count(*) FILTER (WHERE is_mislabelled AND label = 'random_outputs')::float8 AS hits,
			count(*) FILTER (WHERE label = 'random_outputs') AS tagged, count(*) FILTER (WHERE is_mislabelled) AS wrong
		FROM (SELECT is_mislabelled, classify_metadata(curve, 'probes'::regclass) AS label FROM samples) x) y
		JOIN found USING (run) WHERE detector = 'tag';

-- each score is that of the function by its name
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve, probe_id) AS suite FROM probes;
CREATE TABLE scored AS
	SELECT is_mislabelled, curve, (s).* FROM (SELECT is_mislabelled, curve,
		detector_scores(curve, 'random_outputs', (SELECT suite FROM suites)) AS s FROM samples OFFSET 0) x;
SELECT detector, found.auroc = q.auroc AND found.average_precision = q.average_precision AS same
	FROM (SELECT detector, (detector_quality(score, is_mislabelled)).* FROM scored, LATERAL (VALUES ('tag', tag),
		('label_score', label_score(curve, 'random_outputs', (SELECT suite FROM suites))), ('vote_share', vote_share),
		('novelty', (tag_metadata(curve, (SELECT suite FROM suites))).novelty),
		('mean_loss', mean_loss), ('final_loss', curve[39]), ('first_loss', curve[0]), ('low_confidence', low_confidence),
		('mixture_posterior', noise_posterior(mean_loss, (SELECT small_loss_mixture(mean_loss) FROM scored))))
			v(detector, score) GROUP BY detector) q
	JOIN found USING (detector) WHERE run = 'mnist' ORDER BY detector;
SELECT bool_and(abs(mean_loss - (SELECT avg(l) FROM unnest(curve::float8[]) l)) < 1e-12) AS mean_loss,
	bool_and(mean_loss = (curve_statistics(curve)).mean AND final_loss = (curve_statistics(curve)).final) AS as_statistics,
	bool_and(abs(low_confidence - (SELECT avg(1 - exp(-l)) FROM unnest(curve::float8[]) l)) < 1e-12) AS low_confidence
	FROM scored;
-- random curves with gaps, prefixes and negative losses, under other settings
SELECT setseed(:seed % 1000000 / 1000000.0);
CREATE TABLE random_probes AS SELECT chr(97 + n % 4) AS label, random_curve(6) AS curve FROM generate_series(1, 60) n;
CREATE TABLE random_rows AS SELECT n, random_curve(n % 8, 0.2) AS curve FROM generate_series(1, 200) n;
SELECT :seed AS seed, setting, n, curve, l.label, s
	FROM random_rows, unnest('{a,c}'::text[]) l(label), (SELECT probe_suite_agg(label, curve) AS suite FROM random_probes) s1,
		LATERAL (VALUES ('plain', suite), ('k', configure_probe_suite(suite, k => 3)),
			('l1', configure_probe_suite(suite, metric => 'l1', weights => 'distance')),
			('dtw', configure_probe_suite(suite, metric => 'dtw', weights => 'balanced'))) v(setting, configured),
		LATERAL (SELECT (detector_scores(curve, l.label, configured)).* OFFSET 0) s
	WHERE s.label_score IS DISTINCT FROM label_score(curve, l.label, configured)
		OR s.vote_share IS DISTINCT FROM (SELECT probability FROM metadata_probabilities(curve, configured) p WHERE p.label = l.label)
		OR s.novelty IS DISTINCT FROM (tag_metadata(curve, configured)).novelty
		OR s.tag IS DISTINCT FROM (classify_metadata(curve, configured) = l.label)::integer
		OR s.final_loss IS DISTINCT FROM (SELECT l FROM unnest(curve::float8[]) WITH ORDINALITY u(l, e)
			WHERE l IS NOT NULL ORDER BY e DESC LIMIT 1)
		OR s.first_loss IS DISTINCT FROM (SELECT l FROM unnest(curve::float8[]) WITH ORDINALITY u(l, e)
			WHERE l IS NOT NULL ORDER BY e LIMIT 1);
SELECT detector_scores('[]', 'random_outputs', suite), detector_scores(NULL, 'random_outputs', suite) FROM suites;

-- by another label, column, suite, and from a view with domains; only rows whose truth is known count
CREATE DOMAIN verdict AS boolean;
CREATE SCHEMA "Odd ""Schema";
CREATE VIEW "Odd ""Schema"."My Rows" AS
	SELECT example_id, CASE WHEN example_id % 10 > 0 THEN is_mislabelled END::verdict AS "is it, ""really""?",
		CASE WHEN example_id % 7 > 0 THEN samples.curve END AS "The Curve", '[1]'::loss_curve AS another FROM samples;
CREATE TEMP TABLE partitioned (LIKE samples) PARTITION BY LIST (is_mislabelled);
CREATE TEMP TABLE a PARTITION OF partitioned FOR VALUES IN (true);
CREATE TEMP TABLE b PARTITION OF partitioned DEFAULT;
INSERT INTO partitioned SELECT * FROM samples;
INSERT INTO partitioned SELECT example_id, true_label, given_label, NULL, curve FROM samples LIMIT 100;
SELECT detector, round(auroc::numeric, 4) AS auroc, rows, rows = (SELECT count(*) FROM "Odd ""Schema"."My Rows"
		WHERE "is it, ""really""?" IS NOT NULL AND "The Curve" IS NOT NULL) AS all_rows
	FROM compare_detectors('"Odd ""Schema"."My Rows"', 'is it, "really"?', 'suites', 'typical', 'The Curve');
SELECT count(*) FROM compare_detectors(source => 'partitioned', truth_column => 'is_mislabelled', suite => 'suites',
	label => NULL) c JOIN found USING (detector, auroc, average_precision, best_f1, precision_at_true_rate, rows)
	WHERE run = 'mnist';
-- rows for which a score is not defined do not count for it; without rows there are no figures
CREATE TABLE few (curve loss_curve, truth boolean);
SELECT * FROM compare_detectors('few', 'truth', 'probes');
INSERT INTO few VALUES ('[1,2]', true), ('[null]', true), ('[]', false), (NULL, true), ('[-1,1]', false), ('[0.5,0.5]', false);
SELECT * FROM compare_detectors('few', 'truth', 'probes');
SELECT detector, auroc, rows FROM compare_detectors('few', 'truth', 'probes') WHERE rows > 3;

-- from workers, to the same bits; as a whole it is for the leader, which may use workers
SELECT plan_of('SELECT * FROM compare_detectors(''samples'', ''is_mislabelled'', ''probes'')');
SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM compare_detectors('samples', 'is_mislabelled', 'probes') c
	JOIN found USING (detector, auroc, average_precision, best_f1, precision_at_true_rate, rows) WHERE run = 'mnist';
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT count(*) FROM compare_detectors('samples', 'is_mislabelled', 'probes') c
	JOIN found USING (detector, auroc, average_precision, best_f1, precision_at_true_rate, rows) WHERE run = 'mnist';
RESET ALL;
SET client_min_messages = warning;
-- whatever the search_path holds
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.detector_quality(double precision, boolean) RETURNS text LANGUAGE sql AS 'SELECT 1 / 0 || ''''';
CREATE FUNCTION hostile.noise_posterior(double precision, public.loss_mixture) RETURNS text LANGUAGE sql AS 'SELECT 1 / 0 || ''''';
CREATE DOMAIN hostile.bool AS text CHECK (false);
CREATE DOMAIN hostile.text AS integer;
CREATE TABLE hostile.scored (nothing integer);
CREATE TABLE hostile.samples (LIKE public.samples);
SET search_path = hostile, pg_catalog, public;
SELECT count(*) FROM public.compare_detectors('public.samples', 'is_mislabelled', 'public.probes') c
	JOIN public.found USING (detector, auroc, average_precision, best_f1, precision_at_true_rate, rows) WHERE run = 'mnist';
SET search_path = public, test;
-- with the rights of the caller, row security included
CREATE ROLE detective;
GRANT USAGE ON SCHEMA test TO detective;
GRANT SELECT ON probes TO detective;
SET ROLE detective;
SELECT error_of($$SELECT * FROM compare_detectors('samples', 'is_mislabelled', 'probes')$$);
SELECT error_of($$SELECT * FROM compare_detectors('samples', 'is_mislabelled', 'suites')$$);
RESET ROLE;
GRANT SELECT (is_mislabelled, curve) ON samples TO detective;
ALTER TABLE samples ENABLE ROW LEVEL SECURITY;
CREATE POLICY third ON samples USING (true_label < '3');
SET ROLE detective;
SELECT detector, rows FROM compare_detectors('samples', 'is_mislabelled', 'probes') WHERE detector = 'tag';
RESET ROLE;
SELECT count(*) FROM samples WHERE true_label < '3';
-- its transaction's own changes are seen
BEGIN;
DELETE FROM samples WHERE example_id % 2 = 0;
SELECT rows = (SELECT count(*) FROM samples) AS same FROM compare_detectors('samples', 'is_mislabelled', 'probes')
	WHERE detector = 'tag';
ROLLBACK;

-- what cannot be
CREATE TABLE two (truth boolean, a loss_curve, b loss_curve);
SELECT arguments || ' -> ' || error_of(format('SELECT * FROM compare_detectors(%s)', arguments))
	FROM unnest(ARRAY[$$'samples', 'no_such', 'probes'$$, $$'samples', 'ctid', 'probes'$$, $$'samples', 'true_label', 'probes'$$,
		$$'samples', 'is_mislabelled', 'probes', 'mislabelled'$$,
		$$'samples', 'is_mislabelled', 'probes', curve_column => 'true_label'$$, $$'two', 'truth', 'probes'$$,
		$$'samples', 'is_mislabelled', 'samples'$$, $$'samples', 'is_mislabelled', 'random_probes'$$, $$'two', 'truth', 'probes', 'x', 'a'$$, $$'nowhere', 'truth', 'probes'$$,
		$$4294967295, 'truth', 'probes'$$, $$'pg_class_oid_index', 'truth', 'probes'$$, $$NULL, 'truth', 'probes'$$,
		$$'samples', NULL, 'probes'$$, $$'samples', 'is_mislabelled', NULL$$]) arguments;
SELECT error_of('SELECT detector_scores(''[1]'', ''mislabelled'', suite) FROM suites');

DROP VIEW "Odd ""Schema"."My Rows";
DROP SCHEMA "Odd ""Schema";
DROP SCHEMA hostile CASCADE;
DROP DOMAIN verdict;
REVOKE ALL ON probes, samples FROM detective;
REVOKE ALL ON SCHEMA test FROM detective;
DROP TABLE probes, samples, hard_probes, hard_samples, found, wanted, suites, scored, random_probes, random_rows,
	partitioned, few, two;
DROP ROLE detective;
