--
-- probe_suite_agg: a suite of any query's rows
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- with and without ids; equal probes are kept, and a probe that is equal but for its id too
SELECT probe_suite_agg(label, curve) FROM (VALUES ('b', '[1,2]'::loss_curve), ('a', '[3]'), ('a', '[3]'))
	v(label, curve);
SELECT probe_suite_agg(label, curve, id)
	FROM (VALUES ('b', '[1,2]'::loss_curve, 'x'), ('a', '[3]', NULL), ('a', '[3]', 'z'), ('a', '[3]', 'y'),
		('a', '[3]', ''))
		v(label, curve, id);
-- labels, ids in C order, whatever the collation; case and accents matter
SELECT label FROM probe_suite_probes((
	SELECT probe_suite_agg(label, '[1]') FROM unnest('{b,a,B,é,e,"",ab,"a b",z,日本,"a\"b"}'::text[]) label));
-- ids of other types, by a cast; curves that are made on the way
SELECT probe_suite_agg('n' || n, ARRAY[n, 0.5]::loss_curve, n::text) FROM generate_series(1, 2) n;
-- k is 20, or as many as there are probes
SELECT n, (probe_suite_info(probe_suite_agg('a', ARRAY[m]::loss_curve))).k
	FROM unnest('{1,19,20,21,100}'::int[]) n, generate_series(1, n) m GROUP BY n ORDER BY n;
-- as a window function, with FILTER, with GROUP BY
SELECT n, (probe_suite_info(probe_suite_agg('a', ARRAY[n]::loss_curve) OVER (ORDER BY n))).probes
	FROM generate_series(1, 3) n;
SELECT probe_suite_agg('a', ARRAY[n]::loss_curve) FILTER (WHERE n > 2) FROM generate_series(1, 3) n;
SELECT n % 2 AS g, probe_suite_agg('a', ARRAY[n]::loss_curve) FROM generate_series(1, 4) n GROUP BY g ORDER BY g;

-- what cannot be a suite
SELECT error_of('SELECT probe_suite_agg(''a'', ''[1]'') WHERE false');
SELECT error_of('SELECT probe_suite_agg(NULL, ''[1]'')');
SELECT error_of('SELECT probe_suite_agg(''a'', NULL)');
SELECT error_of('SELECT probe_suite_agg(NULL, NULL, NULL)');
SELECT error_of('SELECT probe_suite_agg(''empty'', ''[]'')');
SELECT error_of('SELECT probe_suite_agg(label, curve) FROM (VALUES (''ok'', ''[1]''::loss_curve), (''gone'', ''[null,NaN]'')) v(label, curve)');
SELECT error_of('WITH c AS MATERIALIZED (SELECT array_fill(1, ARRAY[16000])::loss_curve AS curve)
	SELECT probe_suite_agg(''a'' || n, curve) FROM c, generate_series(1, 1049) n');
SELECT error_of('SELECT probe_suite_agg(''a'', ''[1]'', repeat(''x'', 1000000)) FROM generate_series(1, 20) n');
-- a label counts with every probe, for so it does in the text form
SELECT error_of('SELECT probe_suite_agg(repeat(''x'', 10000), ''[1]'') FROM generate_series(1, 2000) n');
SELECT error_of('SELECT probe_suite_agg(''a'' || n, ''[1]'') FROM generate_series(1, 1048577) n');
SELECT error_of('SELECT probe_suite_agg(repeat(''x'', 1000) || n, ''[null]'') FROM generate_series(1, 2) n');

-- the value depends neither on the order of rows nor on workers
SELECT setseed(0.5);
CREATE TABLE probes AS
	SELECT 'label ' || n % 7 AS label, random_curve(1 + n % 30, 0.1) || 1.0 AS curve,
		CASE WHEN n % 5 > 0 THEN 'id ' || n END AS id
	FROM generate_series(1, 3000) n;
INSERT INTO probes SELECT * FROM probes LIMIT 500;
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;
SELECT (SELECT probe_suite_agg(label, curve, id)
	FROM (SELECT * FROM probes ORDER BY random()) x)::text = suite::text AS shuffled,
	(SELECT probe_suite_agg(label, curve, id ORDER BY id DESC) FROM probes)::text = suite::text AS sorted FROM suites;
SET parallel_setup_cost = 0;
SET cpu_tuple_cost = 1;
SET min_parallel_table_scan_size = 0;
SELECT plan_of('SELECT probe_suite_agg(label, curve, id) FROM probes');
SELECT (SELECT probe_suite_agg(label, curve, id) FROM probes)::text = suite::text AS parallel FROM suites;
SELECT plan_of('SELECT id, probe_suite_agg(label, curve) FROM probes GROUP BY id');
SELECT count(*), sum((probe_suite_info(suite)).probes)
	FROM (SELECT probe_suite_agg(label, curve) AS suite FROM probes GROUP BY id) x;
-- a worker's NULL label is an error all the same
SELECT error_of('SELECT probe_suite_agg(nullif(label, ''label 3''), curve, id) FROM probes');
RESET ALL;
SET search_path = public, test;

DROP TABLE probes, suites;
