--
-- What the planner thinks that classification costs
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE TABLE samples AS SELECT i AS id, ARRAY[i, 1]::loss_curve AS curve FROM generate_series(1, 20000) i;
-- suites of 4 and of 2,000 probes, with 2 epochs and with 200
CREATE TABLE suites AS SELECT n, epochs, probe_suite_agg(l, array_fill(x, ARRAY[epochs])::loss_curve) AS suite
	FROM (VALUES (4, 2), (2000, 2), (4, 200), (2000, 200)) s(n, epochs), generate_series(1, n) x,
		LATERAL (SELECT x % 2 || '' AS l) label GROUP BY n, epochs;
ANALYZE;

-- The cost of a call, in units of an operator's, over and above that of reading its arguments
CREATE FUNCTION call_cost(call text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
	plain json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) SELECT ' || call || ' FROM samples' INTO plan;
	EXECUTE 'EXPLAIN (FORMAT JSON) SELECT curve FROM samples' INTO plain;
	RETURN round(((plan->0->'Plan'->>'Total Cost')::float8 - (plain->0->'Plan'->>'Total Cost')::float8)
		/ 20000 / current_setting('cpu_operator_cost')::float8);
END $$;
SET max_parallel_workers_per_gather = 0;

-- a suite that is not known yet: the declared costs
SELECT f, call_cost(format(f, '(SELECT suite FROM suites LIMIT 1)')) AS cost, call_cost(format(f, '''suites''::regclass')) = procost
	AND call_cost(format(f, '(SELECT suite FROM suites LIMIT 1)')) = procost AS is_declared
	FROM unnest('{"classify_metadata(curve, %s)","tag_metadata(curve, %s)","label_score(curve, ''1'', %s)"}'::text[]) f,
	LATERAL (SELECT max(procost) AS procost FROM pg_proc WHERE proname = split_part(f, '(', 1)) p;
-- a constant one: by its size, settings and function
CREATE TABLE costs AS SELECT f, n, epochs, metric, call_cost(format(f, quote_literal(configure_probe_suite(suite,
		metric => metric, band => CASE metric WHEN 'dtw' THEN 3 END)) || '::probe_suite')) AS cost
	FROM unnest('{"classify_metadata(curve, %s)","tag_metadata(curve, %s)"}'::text[]) f, suites,
	unnest('{l2,dtw}'::text[]) metric;
SELECT bool_and(big.cost > small.cost) AS more_probes_cost_more FROM costs big
	JOIN costs small USING (f, epochs, metric) WHERE big.n = 2000 AND small.n = 4;
SELECT bool_and(long.cost > short.cost) AS more_epochs_cost_more FROM costs long
	JOIN costs short USING (f, n, metric) WHERE long.epochs = 200 AND short.epochs = 2;
SELECT bool_and(dtw.cost > 10 * l2.cost) AS warping_costs_most FROM costs dtw JOIN costs l2 USING (f, n, epochs)
	WHERE dtw.metric = 'dtw' AND l2.metric = 'l2' AND epochs = 200 AND n = 2000;
SELECT bool_and(abs(tag.cost - 2.5 * label.cost) <= 2) AS tags_cost_more FROM costs tag
	JOIN costs label USING (n, epochs, metric) WHERE tag.f LIKE 'tag%' AND label.f LIKE 'classify%';
-- workers, once the price is worth them; the suite is fetched once
RESET max_parallel_workers_per_gather;
SET min_parallel_table_scan_size = 0;
SELECT test.plan_of('SELECT classify_metadata(curve, (SELECT suite FROM suites LIMIT 1)), count(*) FROM samples GROUP BY 1') AS plan;
SELECT test.plan_of(format('SELECT classify_metadata(curve, %L::probe_suite) FROM samples',
	configure_probe_suite(suite, metric => 'dtw'))) AS plan FROM suites WHERE n = 2000 AND epochs = 200;
-- NULL and what is no suite are left alone
SELECT call_cost('classify_metadata(curve, NULL::probe_suite)') >= 0 AS null_suite;
DROP TABLE samples, suites, costs;
DROP FUNCTION call_cost;
