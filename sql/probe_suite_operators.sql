--
-- Equality of probe suites
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all
CREATE TABLE suites (n integer, suite probe_suite);
INSERT INTO suites
	WITH s AS (SELECT probe_suite_agg(label, curve, id) AS suite FROM (VALUES
		('a', '[1,2,3]'::loss_curve, '1'), ('a', '[1,2]', NULL), ('b', '[3,2,1]', NULL), ('b', '[3,null,1]', '2')
	) AS v(label, curve, id))
	SELECT 1, suite FROM s
	UNION ALL SELECT 2, configure_probe_suite(suite, k => 2) FROM s
	UNION ALL SELECT 3, configure_probe_suite(configure_probe_suite(suite, k => 2), k => 4) FROM s
	UNION ALL SELECT 4, configure_probe_suite(suite, metric => 'dtw') FROM s
	UNION ALL SELECT 5, configure_probe_suite(suite, metric => 'dtw', band => 1) FROM s
	UNION ALL SELECT 6, suite::text::probe_suite FROM s
	UNION ALL SELECT 7, fit_probe_suite(suite) FROM s
	UNION ALL SELECT 8, fit_probe_suite(suite)::text::probe_suite FROM s
	UNION ALL SELECT 9, (SELECT probe_suite_agg(label, curve) FROM probe_suite_probes(suite)) FROM s;
INSERT INTO suites VALUES (0, NULL);
SELECT a.n, b.n FROM suites AS a JOIN suites AS b ON a.suite = b.suite WHERE a.n < b.n ORDER BY 1, 2;
SELECT count(*) AS pairs, count(*) FILTER (WHERE (a.suite = b.suite) = (a.suite <> b.suite)) AS neither,
	count(*) FILTER (WHERE (a.suite = b.suite) <> (a.suite::text = b.suite::text)) AS unlike_text,
	count(*) FILTER (WHERE a.suite = b.suite AND probe_suite_hash(a.suite) <> probe_suite_hash(b.suite)) AS unlike_hash
	FROM suites AS a JOIN suites AS b ON a.suite IS NOT NULL AND b.suite IS NOT NULL;
SELECT count(*) AS suites, count(DISTINCT probe_suite_hash(suite)) AS hashes,
	count(DISTINCT probe_suite_hash_extended(suite, 1)) AS extended,
	bool_and(probe_suite_hash_extended(suite, 0)::bit(32) = probe_suite_hash(suite)::bit(32)) AS same_lower_half,
	bool_and(probe_suite_hash_extended(suite, 0) <> probe_suite_hash_extended(suite, 1)) AS seeds_matter
	FROM (SELECT suite FROM suites WHERE suite IS NOT NULL GROUP BY suite) AS s;
SELECT min(n) AS first, count(*) FROM suites GROUP BY suite ORDER BY first;

-- in plans: by hash, and by an index
SELECT plan_of('SELECT DISTINCT suite FROM suites');
CREATE INDEX ON suites USING hash (suite);
SET enable_seqscan = off;
SELECT plan_of('SELECT n FROM suites WHERE suite = (SELECT suite FROM suites WHERE n = 6)');
SELECT n FROM suites WHERE suite = (SELECT suite FROM suites WHERE n = 6) ORDER BY n;
RESET enable_seqscan;

-- statistics of suites are no reason for large rows in pg_statistic
CREATE TABLE large AS SELECT probe_suite_agg('a', '[1]'::loss_curve || n) AS suite FROM generate_series(1, 100) AS n, generate_series(1, 3) AS copy GROUP BY copy;
ANALYZE large;
SELECT attname, n_distinct, most_common_vals FROM pg_stats WHERE tablename = 'large';
SELECT count(*), count(DISTINCT (probe_suite_info(suite)).hash) FROM (SELECT DISTINCT suite FROM large) AS s;

-- what it is not
SELECT suite FROM suites ORDER BY suite;
SELECT NULL::probe_suite = suite AS null_suite FROM suites WHERE n = 1;
-- by the names of its functions
SELECT probe_suite_eq(a.suite, b.suite), probe_suite_ne(a.suite, b.suite) FROM suites AS a, suites AS b WHERE a.n = 1 AND b.n IN (2, 3) ORDER BY b.n;
DROP TABLE suites, large;
