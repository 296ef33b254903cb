--
-- Bad input: SQLSTATE, message, detail and hint of every kind of it.
-- (That of suite JSON is in probe_suite_text, of binary suites in
-- probe_suite_binary, of relations in suite_source.)
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all
\pset format unaligned
\pset tuples_only on

CREATE TABLE suites AS
	SELECT probe_suite_agg(label, curve) AS suite
		FROM (VALUES ('a', '[1,2]'::loss_curve), ('b', '[3,4]'), ('b', '[5]')) v(label, curve);

-- malformed text
SELECT input || ' -> ' || error_of(format('SELECT %L::loss_curve', input)) FROM unnest(ARRAY[
	'', '  ', '[', ']', '[]]', '[1', '[1,', '[1,]', '[,1]', '[1,,2]', '[1 2]', '[1],[2]', '[1] x', '[1]]', '1', '1,2',
		'{1,2}', '(1,2)', '[[1]]', '["1"]',
	'[a]', '[1a]', '[0x10]', '[1_000]', '[1e]', '[1e+]', '[.]', '[+]', '[-]', '[1.2.3]', '[--1]', '[nulll]', '[nul]',
		'[true]', '[1,null,none]', '[1;2]',
	'null', 'NaN', '[ -inf', '[日本]', '[1,日本語日本語日本語日本語日本語]'
]) input;
-- infinity and overflow: the error names the epoch
SELECT input || ' -> ' || error_of(format('SELECT %L::loss_curve', input)) FROM unnest(ARRAY[
	'[Infinity]', '[1,-Infinity]', '[1,2,inf]', '[1,2,+INF]', '[1e999]', '[1,-1e999]', '[1,2,3.4028236e38]',
		'[1,2,3,340282356779733661637539395458142568448]', '[infinit]'
]) input;
-- the last float that there is, and what still rounds to it
SELECT '[3.4028235e38,3.4028235677973366e38,340282356779733661637539395458142568447]'::loss_curve;
-- long input is not quoted back
SELECT length(error) < 300, left(error, 105)
	FROM unnest(ARRAY[repeat('x', 10000000), '[' || repeat('9', 10000000) || ']', '[' || repeat('x', 1000000) || ']',
		'[1] ' || repeat('x', 1000000), repeat('[', 1000000), '[' || repeat(' ', 1000000) || 'x',
		'[' || repeat('é', 1000000)]) input,
		LATERAL (SELECT error_of(format('SELECT %L::loss_curve', input)) AS error OFFSET 0) e;
SELECT error_of(format('SELECT %L::loss_curve', '[' || repeat('1,', 1000000) || '1]'));
SELECT ('[' || spaces || '1' || spaces || ',0.' || repeat('3', 1000000) || ',' || repeat('0', 1000000) || '2]')::loss_curve
	FROM repeat(' ', 1000000) spaces;
-- type modifiers
SELECT type || ' -> ' || error_of(format('SELECT NULL::%s', type))
	FROM unnest(ARRAY['loss_curve(0)', 'loss_curve(-1)', 'loss_curve(16001)', 'loss_curve(2147483648)',
		'loss_curve(1, 2)', 'loss_curve(a)', 'loss_curve(''90'')', 'loss_curve(1.5)', 'loss_curve()', 'probe_suite(1)',
		'loss_curve(16000)']) type;
SELECT error_of('SELECT ''[1,2]''::loss_curve(3)');
-- more epochs than the limit, by every way in
SELECT error_of(format('SELECT %s', way)) FROM unnest(ARRAY[
	$$('[' || repeat('1,', 16000) || '1]')::loss_curve$$, $$array_fill(1::real, ARRAY[16001])::loss_curve$$,
		$$array_fill(1::real, ARRAY[1000000])::loss_curve$$,
	$$(SELECT jsonb_agg(1) FROM generate_series(1, 16001))::loss_curve$$,
		$$array_fill(1, ARRAY[16000])::loss_curve || 1$$, $$resample_curve('[1]', 16001)$$,
		$$loss_curve_agg(1, 16000)$$]) way;
SELECT receive('loss_curve', '\x0100003e81'::bytea || decode(repeat('00', 64004), 'hex'));

-- hostile binary input: every byte of the header, every length wrong once
SELECT bytes::text || ' -> ' || receive('loss_curve', bytes)
	FROM unnest(ARRAY['\x', '\x01', '\x0100', '\x01000000', '\x0000000000', '\x0200000000', '\xff00000000',
	'\x0100000001', '\x010000000100', '\x01000000013f8000', '\x01000000013f80000000', '\x01000000003f800000',
		'\x0100000002 3f800000', '\x01ffffffff', '\x0180000000', '\x017fffffff',
	'\x0140000000', '\x0100003e81', '\x0100003e80', '\x01 00000001 7f800000', '\x01 00000002 3f800000 ff800000',
		'\x01 00000001 7fffffff', '\x01 00000001 80000001'
	]::bytea[]) bytes;
-- a length that claims 10 GB, or more than there is, is refused before anything of that size is made
SELECT bytes::text || ' -> ' || receive('probe_suite', bytes)
	FROM unnest(ARRAY['\x01 00 00 00000001 ffffffff 7fffffff',
	'\x01 00 00 00000001 ffffffff 00000001 7fffffff 6161616161616161',
	'\x01 00 00 00000001 ffffffff 00000001 00000001 61 ffffffff 7fffffff',
		'\x01 00 00 00000001 ffffffff 00000001 00000001 61 7fffffff 6161616161616161']::bytea[]) bytes;
SELECT error_of(format('SELECT %L::probe_suite', '{"k":10737418240,"probes":[{"label":"a","curve":[1]}]}'));
-- all single bits of a curve: an error or a curve
SELECT count(*) AS bits, count(*) FILTER (WHERE result ~ '^\w{5}: ') > 20 AS refused,
	count(*) FILTER (WHERE result ~ '^\[') > 20 AS accepted,
		count(*) FILTER (WHERE result !~ '^\w{5}: ' AND result !~ '^\[' OR result ~ '^XX') AS others
	FROM (SELECT receive('loss_curve', set_bit(bytes, n, 1 - get_bit(bytes, n))) AS result
		FROM (SELECT loss_curve_send('[1,null,0.3]') AS bytes) b, generate_series(0, 8 * length(bytes) - 1) n) x;
SELECT forget_received();

-- losses and epochs
SELECT error_of('SELECT loss_curve_agg(loss, epoch) FROM (VALUES (1, 0), (0.5, 7), (0.25, 7)) v(loss, epoch)');
SELECT error_of('SELECT loss_curve_agg(1, -1)');
SELECT error_of('SELECT loss_curve_agg(1, 16000)');
SELECT error_of('SELECT loss_curve_agg(1, NULL)');
CREATE TABLE samples (id integer, curve loss_curve, three loss_curve(3));
INSERT INTO samples VALUES (1, '[1,2]', '[1,2,3]');
SELECT command || ' -> ' || error_of(command) FROM unnest(ARRAY['UPDATE samples SET curve[-1] = 1',
	'UPDATE samples SET curve[16000] = 1', 'UPDATE samples SET three[3] = 1',
	'UPDATE samples SET curve[NULL] = 1', 'UPDATE samples SET curve[0] = ''Infinity''',
		'UPDATE samples SET curve[0] = 1e39', 'UPDATE samples SET curve[0:1] = ''[1]''',
	'UPDATE samples SET curve[9223372036854775807:] = ''[1,2]''', 'SELECT curve[0][0] FROM samples',
		'SELECT curve[''a''] FROM samples', 'SELECT curve[true] FROM samples',
	'INSERT INTO samples VALUES (2, ''[1]'', ''[1,2]'')',
		'INSERT INTO samples VALUES (2, ''[1]'', ''[1,2,3]''), (3, ''[1'', NULL)',
	'INSERT INTO samples SELECT n, array_fill(1, ARRAY[15998 + n])::loss_curve FROM generate_series(1, 3) n']) command;
-- nothing half written
SELECT * FROM samples;
-- different lengths for an operator
SELECT operator || ' -> ' || error_of(format('SELECT ''[1,2]''::loss_curve %s ''[1,2,3]''', operator))
	FROM unnest('{<->,<+>,<=>,<~>}'::text[]) operator;
SELECT error_of('SELECT correlation_distance(''[1]'', ''[]'')');
SELECT error_of('SELECT dtw_distance(''[1]'', ''[1]'', -1)');
-- shapes
SELECT call || ' -> ' || error_of('SELECT ' || call)
	FROM unnest(ARRAY['resample_curve(''[1]'', -1)', 'resample_curve(''[1]'', -9223372036854775808)',
		'smooth_curve(''[1]'', 0)', 'smooth_curve(''[1]'', 2)', 'smooth_curve(''[1]'', -9223372036854775807)',
		'sparkline(''[1]'', 0)', 'sparkline(''[1]'', -9223372036854775808)',
		'curve_statistics(''[1]'', 1.5)', 'curve_statistics(''[1]'', ''NaN'')',
		'curve_statistics(''[1]'', weight => 0)']) call;

-- suites
SELECT call || ' -> ' || error_of('SELECT ' || call)
	FROM unnest(ARRAY['probe_suite_agg(''a'', ''[1]'') WHERE false', 'probe_suite_agg(NULL, ''[1]'')',
	'probe_suite_agg(''a'', NULL)',
	'probe_suite_agg(''a'', ''[]'')', 'probe_suite_agg(''a'', ''[null]'')']) call;
SELECT call || ' -> ' || error_of(format('SELECT %s FROM suites', call))
	FROM unnest(ARRAY['configure_probe_suite(suite, k => 0)', 'configure_probe_suite(suite, k => 4)',
	'configure_probe_suite(suite, k => -2147483648)', 'configure_probe_suite(suite, metric => ''euclidean'')',
		'configure_probe_suite(suite, weights => ''none'')',
	'configure_probe_suite(suite, band => 1)', 'configure_probe_suite(suite, metric => ''dtw'', band => -1)',
		'label_score(''[1]'', ''c'', suite)',
	'nearest_probes(''[1]'', suite, 0)', 'nearest_probes(''[1]'', suite, -2147483648)']) call;
-- names of any length are cut in messages
SELECT length(error_of(format('SELECT %s FROM suites', call))) < 500
	FROM unnest(ARRAY['configure_probe_suite(suite, metric => repeat(''x'', 10000000))',
	'configure_probe_suite(suite, weights => repeat(''é'', 1000000))',
		'label_score(''[1]'', repeat(''x'', 10000000), suite)',
	'probe_suite_agg(repeat(''é'', 1000000), ''[]'')']) call;
SELECT call || ' -> ' || error_of('SELECT ' || call)
	FROM unnest(ARRAY['knn_label(''a'', 1, 0)', 'knn_label(''a'', 1, NULL)', 'knn_label(NULL, 1, 1)',
	'knn_probabilities(''a'', 1, -2147483648)',
	'knn_label(''a'', 1, n) FROM generate_series(1, 2) n']) call;
-- a relation that is none, or no suite; no default suite
SELECT relation || ' -> ' || error_of(format('SELECT classify_metadata(''[1]'', %L::regclass)', relation))
	FROM unnest('{nowhere,samples,pg_class,pg_class_oid_index,4294967295}'::text[]) relation;
SELECT error_of('SELECT classify_metadata(''[1]'')');

-- NULL for every argument of every function, and of every aggregate over two rows: NULL, no rows,
-- or an error that says why
\pset tuples_only off
SELECT signature,
	coalesce(nullif(error_of(format('DO $do$ BEGIN ASSERT (
			SELECT count(*) FILTER (WHERE NOT x IS NULL) = 0 FROM (SELECT %s(%s) AS x FROM generate_series(1, 2)) s); END $do$',
		proname, (SELECT string_agg('NULL::' || t::regtype, ', ') FROM unnest(proargtypes::oid[]) t))), 'no error'),
			'NULL or none') AS result
	FROM (SELECT *, oid::regprocedure::text COLLATE "C" AS signature FROM pg_proc) p
	WHERE oid IN (SELECT objid FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension
		WHERE extname = 'metaprobe') AND classid = 'pg_proc'::regclass)
		AND NOT 'internal'::regtype = ANY (proargtypes::oid[])
			AND NOT 'anynonarray'::regtype = ANY (proargtypes::oid[]) AND prokind <> 'p'
	ORDER BY signature;
SELECT error_of('CALL refresh_tags(NULL, NULL, NULL, NULL, NULL)');

DROP TABLE suites, samples;
