--
-- configure_probe_suite: k, metric, weights, band
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
	'SELECT concat_ws('' '', k, metric, weights, ''band '' || band) FROM probe_suite_info(suite)';
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

-- what cannot be
SELECT error_of(format('SELECT configure_probe_suite(suite, %s) FROM suites', arguments))
	FROM unnest(ARRAY['k => 0', 'k => -1', 'k => 31', 'k => 2147483647',
		'metric => ''L2''', 'metric => ''euclidean''', 'metric => ''''', 'metric => repeat(''x'', 1000)',
		'weights => ''none''', 'weights => ''Uniform''',
		'band => 1', 'metric => ''l1'', band => 1', 'metric => ''dtw'', band => -1',
		'metric => ''dtw'', band => 16001', 'metric => ''dtw'', band => 9223372036854775807']) arguments;
-- k is bounded by the probes there are
SELECT settings(configure_probe_suite(suite, k => 30)) FROM suites;

DROP FUNCTION settings;
DROP TABLE suites;
