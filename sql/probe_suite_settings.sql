--
-- configure_probe_suite: k, metric, weights, band, max_novelty
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE TABLE suites AS
	SELECT probe_suite_agg('label ' || n % 2, array_fill(n, ARRAY[3])::loss_curve) AS suite
		FROM generate_series(1, 30) n;
CREATE FUNCTION settings(suite probe_suite) RETURNS text LANGUAGE sql AS
	'SELECT concat_ws('' '', k, metric, weights, ''band '' || band, ''up to '' || max_novelty) FROM probe_suite_info(suite)';
-- the defaults, with k as large as the probes allow
SELECT settings(suite), settings((SELECT probe_suite_agg('a', '[1]'))) FROM suites;
-- each alone, and all at once; the others stay
SELECT settings(configure_probe_suite(suite, k => 5)), settings(configure_probe_suite(suite, metric => 'l1')),
	settings(configure_probe_suite(suite, weights => 'balanced')), settings(configure_probe_suite(suite)) FROM suites;
SELECT settings(configure_probe_suite(suite, 7, 'dtw', 'distance', 4)) FROM suites;
SELECT settings(configure_probe_suite(configure_probe_suite(suite, 7, 'dtw', 'distance', 4), k => 30)) FROM suites;
SELECT metric, settings(configure_probe_suite(suite, metric => metric))
	FROM suites, unnest('{l2,l1,cosine,correlation,dtw}'::text[]) metric;
SELECT weights, settings(configure_probe_suite(suite, weights => weights))
	FROM suites, unnest('{uniform,distance,balanced}'::text[]) weights;
-- NULL leaves a setting as it is
SELECT settings(configure_probe_suite(configure_probe_suite(suite, 7, 'dtw', 'distance', 4), NULL, NULL, NULL, NULL))
	FROM suites;
SELECT configure_probe_suite(NULL, k => 3);
-- naming the metric drops the band, unless one is given with it
SELECT settings(configure_probe_suite(configure_probe_suite(suite, metric => 'dtw', band => 4), metric => 'dtw')),
	settings(configure_probe_suite(configure_probe_suite(suite, metric => 'dtw', band => 4), metric => 'l2')),
	settings(configure_probe_suite(configure_probe_suite(suite, metric => 'dtw'), band => 0)),
	settings(configure_probe_suite(suite, metric => 'dtw', band => 16000)) FROM suites;
-- the probes are the same, and the suite that was given is not changed
SELECT (SELECT array_agg(p) FROM probe_suite_probes(configure_probe_suite(suite, 7, 'dtw', 'distance', 4)) p)
	= (SELECT array_agg(p) FROM probe_suite_probes(suite) p) AS same_probes, settings(suite) FROM suites;

-- the limit of novelty: NULL leaves it, Infinity removes it, and so does another metric or a fit
CREATE VIEW limited AS SELECT suite AS free, configure_probe_suite(suite, max_novelty => 1.5) AS suite FROM suites;
SELECT settings(suite), settings(configure_probe_suite(suite, k => 3, weights => 'distance')),
	settings(configure_probe_suite(suite, metric => 'l2')), settings(configure_probe_suite(suite, metric => 'l1')) FROM limited;
SELECT settings(configure_probe_suite(suite, metric => 'l1', max_novelty => 3)),
	settings(configure_probe_suite(suite, 3, 'dtw', 'distance', 2, 1e-300)), settings(fit_probe_suite(suite)) FROM limited;
-- without one a suite is what it always was, to the byte
SELECT (probe_suite_info(suite)).hash <> (probe_suite_info(free)).hash AS another,
	probe_suite_send(suite) <> probe_suite_send(free) AS another_value,
	probe_suite_send(configure_probe_suite(suite, max_novelty => 'Infinity')) = probe_suite_send(free) AS same,
	configure_probe_suite(suite, max_novelty => 'Infinity')::text = free::text AS same_text,
	(probe_suite_info(configure_probe_suite(suite, max_novelty => 'Infinity'))).hash = (probe_suite_info(free)).hash AS same_hash,
	pg_column_size(configure_probe_suite(suite, max_novelty => 'Infinity')) = pg_column_size(free) AS same_size,
	(probe_suite_info(free)).hash FROM limited;
-- the calibration of a fitted suite stays
SELECT f::text ~ '"calibration"' AS calibrated, settings(configure_probe_suite(f, max_novelty => 2)) = settings(f) || ' up to 2' AS limited,
	replace(configure_probe_suite(f, max_novelty => 2)::text, ',"max_novelty":2,', ',') = f::text AS else_the_same,
	configure_probe_suite(f, k => 2, max_novelty => 2)::text ~ '"calibration"' AS kept_with_k
	FROM (SELECT fit_probe_suite(suite) AS f FROM limited OFFSET 0) x;
-- as version 0.1.0 declared it
CREATE FUNCTION first_configure(probe_suite, integer, text, text, bigint) RETURNS probe_suite
	AS '$libdir/metaprobe', 'metaprobe_configure_probe_suite' LANGUAGE C IMMUTABLE;
CREATE FUNCTION first_info(probe_suite, OUT probes integer, OUT labels text[], OUT epochs integer, OUT k integer, OUT metric text,
	OUT weights text, OUT band integer, OUT hash text, OUT scale text, OUT shrinkage double precision)
	AS '$libdir/metaprobe', 'metaprobe_probe_suite_info' LANGUAGE C IMMUTABLE STRICT;
SELECT settings(first_configure(suite, 7, NULL, NULL, NULL)), (first_info(suite)).hash = (probe_suite_info(suite)).hash AS same,
	(first_info(free)).* FROM limited;
DROP FUNCTION first_configure, first_info;
DROP VIEW limited;

-- what cannot be
SELECT error_of(format('SELECT configure_probe_suite(suite, %s) FROM suites', arguments))
	FROM unnest(ARRAY['k => 0', 'k => -1', 'k => 31', 'k => 2147483647',
		'metric => ''L2''', 'metric => ''euclidean''', 'metric => ''''', 'metric => repeat(''x'', 1000)',
		'weights => ''none''', 'weights => ''Uniform''',
		'band => 1', 'metric => ''l1'', band => 1', 'metric => ''dtw'', band => -1',
		'max_novelty => 0', 'max_novelty => -1', 'max_novelty => ''-Infinity''', 'max_novelty => ''NaN''',
		'metric => ''dtw'', band => 16001', 'metric => ''dtw'', band => 9223372036854775807']) arguments;
-- k is bounded by the probes there are
SELECT settings(configure_probe_suite(suite, k => 30)) FROM suites;

DROP FUNCTION settings;
DROP TABLE suites;
