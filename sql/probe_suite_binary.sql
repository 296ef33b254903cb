--
-- The binary form of probe suites
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all
\pset format unaligned
\pset tuples_only on

-- version, metric, weights, k, band, probes; each a label, an id, epochs, losses
SELECT probe_suite_send('{"probes":[{"label":"ab","curve":[1,null]},{"label":"c","id":"","curve":[-2]}]}');
SELECT probe_suite_send('{"metric":"dtw","band":5,"weights":"balanced","k":1,"probes":[{"label":"a","id":"b","curve":[1]}]}');
-- back again: all settings
SELECT receive('probe_suite', probe_suite_send(suite)) = suite::text AS same
	FROM unnest('{l2,l1,cosine,correlation,dtw}'::text[]) metric,
		unnest('{uniform,distance,balanced}'::text[]) weights,
		LATERAL (SELECT configure_probe_suite('{"probes":[{"label":"a","id":"é","curve":[1,null]},{"label":"日本","curve":[2]}]}',
			2, metric, weights, CASE metric WHEN 'dtw' THEN 3 END) AS suite) x;
SELECT probe_suite_send(NULL);
-- probes need not come in order, NaNs become the one there is, minus zero becomes zero
SELECT receive('probe_suite', '\x01 00 00 00000001 ffffffff 00000002'
	'00000001 62 ffffffff 00000001 40000000'
	'00000001 61 00000001 78 00000003 80000000 ffc00001 3f800000');

-- a suite of two probes, each part of which can be wrong
CREATE FUNCTION suite(
	version bytea DEFAULT '\x01', metric bytea DEFAULT '\x00', weights bytea DEFAULT '\x00',
	k bytea DEFAULT '\x00000002', band bytea DEFAULT '\xffffffff', probes bytea DEFAULT '\x00000002',
	label_length bytea DEFAULT '\x00000001', label bytea DEFAULT 'a', id_length bytea DEFAULT '\x00000001',
		id bytea DEFAULT 'x',
	epochs bytea DEFAULT '\x00000001', losses bytea DEFAULT '\x3f800000',
	rest bytea DEFAULT '\x00000001 62 ffffffff 00000001 40000000', junk bytea DEFAULT ''
) RETURNS text LANGUAGE sql AS $$
	SELECT receive('probe_suite', version || metric || weights || k || band || probes
		|| label_length || label || id_length || id || epochs || losses || rest || junk)
$$;
SELECT suite();
SELECT suite(version => '\x00');
SELECT suite(version => '\x02');
SELECT suite(version => '\xff');
-- version 3: a fitted part, which may be empty, and the limit of novelty
SELECT max_novelty, probe_suite_send(suite), receive('probe_suite', probe_suite_send(suite)) = suite::text AS same
	FROM unnest('{1.5,1e-300,1e300}'::float8[]) max_novelty,
	configure_probe_suite('{"k":1,"probes":[{"label":"a","curve":[1]},{"label":"b","curve":[2]}]}', max_novelty => max_novelty) suite;
SELECT limit_sent, suite(version => '\x03', junk => '\x00 0000000000000000 0000000000000000 0000000000000000 00000000' || limit_sent)
	FROM unnest('{"\\x3ff8000000000000","\\x0000000000000000","\\x8000000000000000","\\xbff8000000000000","\\x7ff0000000000000",
		"\\xfff0000000000000","\\x7ff8000000000000","\\xfff8000000000001","\\x","\\x3ff80000","\\x3ff800000000000000"}'::bytea[]) limit_sent;
SELECT suite(version => '\x03', junk => '\x3ff8000000000000');
SELECT suite(version => '\x02', junk => '\x00 0000000000000000 0000000000000000 0000000000000000 00000000 3ff8000000000000');
SELECT suite(version => '\x04', junk => '\x00 0000000000000000 0000000000000000 0000000000000000 00000000 3ff8000000000000');
SELECT suite(metric => '\x05');
SELECT suite(metric => '\xff');
SELECT suite(weights => '\x03');
SELECT suite(weights => '\xff');
SELECT suite(k => '\x00000000');
SELECT suite(k => '\x00000003');
SELECT suite(k => '\xffffffff');
SELECT suite(k => '\x7fffffff');
SELECT suite(k => '\x80000000');
SELECT suite(band => '\x00000001');
SELECT suite(band => '\xfffffffe');
SELECT suite(metric => '\x04', band => '\x00000000');
SELECT suite(metric => '\x04', band => '\x00003e81');
SELECT suite(metric => '\x04', band => '\xfffffffe');
SELECT suite(metric => '\x04', band => '\x80000000');
SELECT receive('probe_suite', '\x01 00 00 00000001 ffffffff 00000000');
SELECT suite(probes => '\x00000000');
SELECT suite(probes => '\x00000001');
SELECT suite(probes => '\x00000003');
SELECT suite(probes => '\xffffffff');
SELECT suite(probes => '\x7fffffff');
SELECT suite(probes => '\x80000000');
SELECT suite(label_length => '\xffffffff');
SELECT suite(label_length => '\x00000000');
SELECT suite(label_length => '\x00000002');
SELECT suite(label_length => '\x000000ff');
SELECT suite(label_length => '\x7fffffff');
SELECT suite(label_length => '\x80000000');
SELECT suite(label_length => '\xfffffffe');
SELECT suite(id_length => '\xffffffff', id => '');
SELECT suite(id_length => '\x00000000', id => '');
SELECT suite(id_length => '\xffffffff');
SELECT suite(id_length => '\x00000002');
SELECT suite(id_length => '\x7fffffff');
SELECT suite(id_length => '\xfffffffe');
SELECT suite(epochs => '\x00000000', losses => '');
SELECT suite(epochs => '\x00000002');
SELECT suite(epochs => '\x00003e80');
SELECT suite(epochs => '\x00003e81');
SELECT suite(epochs => '\x7fffffff');
SELECT suite(epochs => '\xffffffff');
SELECT suite(epochs => '\x80000000');
SELECT suite(losses => '\x7fc00000');
SELECT suite(losses => '\x7f800000');
SELECT suite(losses => '\xff800000');
SELECT suite(losses => '\x3f8000');
SELECT suite(label => '\x00');
SELECT suite(label => '\xff');
SELECT suite(id => '\xc3');
SELECT suite(junk => '\x00');
-- cut short after every byte: always an error
SELECT count(*), count(*) FILTER (WHERE result ~ '^(22P03|08P01): ') AS refused,
	min(result) FILTER (WHERE result !~ '^(22P03|08P01): ')
	FROM (SELECT receive('probe_suite', substr(bytes, 1, n)) AS result
		FROM (SELECT probe_suite_send('{"probes":[{"label":"ab","curve":[1,null]},{"label":"c","id":"","curve":[-2]}]}') AS bytes) b,
			generate_series(0, length(bytes) - 1) n) x;
-- with every bit turned: an error or another suite, and never a crash
SELECT count(*) AS bits, count(*) FILTER (WHERE result ~ '^\w{5}: ') > 100 AS many_refused,
		count(*) FILTER (WHERE result ~ '^{"version":1,') > 100 AS many_accepted,
		count(*) FILTER (WHERE result !~ '^\w{5}: ' AND result !~ '^{"version":1,') AS others,
		count(*) FILTER (WHERE result ~ '^XX') AS internal_errors
	FROM (SELECT receive('probe_suite', set_bit(bytes, n, 1 - get_bit(bytes, n))) AS result
		FROM (SELECT probe_suite_send('{"probes":[{"label":"ab","curve":[1,null]},{"label":"c","id":"","curve":[-2]}]}') AS bytes) b,
			generate_series(0, 8 * length(bytes) - 1) n) x;
SELECT forget_received();
DROP FUNCTION suite;
