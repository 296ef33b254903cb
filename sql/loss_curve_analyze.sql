--
-- Statistics of loss_curve columns, and the plans that they lead to
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- the null fraction and the width, and nothing of the curves themselves
CREATE TABLE samples (id integer, curve loss_curve);
INSERT INTO samples SELECT n, CASE WHEN n % 4 > 0 THEN array_fill(n, ARRAY[40])::loss_curve END
	FROM generate_series(1, 4000) n;
ANALYZE samples;
SELECT stanullfrac, stawidth, stadistinct, stakind1, stavalues1 IS NULL AS no_values,
	stanumbers1 IS NULL AS no_numbers
	FROM pg_statistic WHERE starelid = 'samples'::regclass AND staattnum = 2;
-- columns of NULL, of short headers, of curves out of line; an empty table
CREATE TABLE others (nothing loss_curve, short loss_curve, long loss_curve, none loss_curve);
ANALYZE others;
SELECT count(*) FROM pg_statistic WHERE starelid = 'others'::regclass;
INSERT INTO others SELECT NULL, '[1]', array_fill(n, ARRAY[3000])::loss_curve, '[]' FROM generate_series(1, 20) n;
ANALYZE others;
SELECT attname, null_frac, avg_width, n_distinct FROM pg_stats WHERE tablename = 'others' ORDER BY attname;
-- the statistics target is for the sample alone
ALTER TABLE others ALTER long SET STATISTICS 1000;
ANALYZE others;
SELECT attname, null_frac, avg_width, n_distinct FROM pg_stats WHERE tablename = 'others' AND attname = 'long';

-- plans, on 100,000 rows
CREATE TABLE big (id integer, curve loss_curve);
INSERT INTO big SELECT n, array_fill(n, ARRAY[90])::loss_curve FROM generate_series(1, 100000) n;
ANALYZE big;
CREATE TABLE suites AS SELECT 'mine' AS name, probe_suite_agg(label, array_fill(n, ARRAY[90])::loss_curve) AS suite
	FROM generate_series(1, 300) n, LATERAL (SELECT 'label ' || n % 5 AS label) x;
ANALYZE suites;
CREATE TABLE probes AS SELECT (p).label, (p).curve FROM suites, probe_suite_probes(suite) p;
ANALYZE probes;
-- the select list goes to the workers by itself, and the suite's query runs once
SELECT plan_of($$SELECT id, classify_metadata(curve, (SELECT suite FROM suites WHERE name = 'mine')) FROM big$$);
SELECT plan_of($$SELECT id, tag_metadata(curve, (SELECT suite FROM suites WHERE name = 'mine')) FROM big$$);
SELECT plan_of($$SELECT id, label_score(curve, 'label 1', (SELECT suite FROM suites WHERE name = 'mine')) FROM big$$);
SELECT plan_of($$SELECT id, classify_metadata(curve, 'probes'::regclass) FROM big$$);
SELECT plan_of($$SELECT id, classify_metadata(curve) FROM big$$);
-- and so does GROUP BY, aggregating there: a Partial HashAggregate
SELECT plan_of($$SELECT classify_metadata(curve, (SELECT suite FROM suites)), count(*) FROM big GROUP BY 1$$);
SELECT plan_of($$SELECT classify_metadata(curve, 'probes'::regclass), count(*) FROM big GROUP BY 1$$);
SELECT plan_of($$SELECT classify_metadata(curve), count(*) FROM big GROUP BY 1$$);
SET jit = on;
SET jit_above_cost = 0;
SELECT plan_of($$SELECT classify_metadata(curve, (SELECT suite FROM suites)), count(*) FROM big GROUP BY 1$$);
SET jit = off;
SELECT plan_of($$SELECT classify_metadata(curve, (SELECT suite FROM suites)), count(*) FROM big GROUP BY 1$$);
RESET jit;
RESET jit_above_cost;
-- the same in CREATE TABLE AS and in a filter
SELECT plan_of($$CREATE TABLE t AS SELECT id, classify_metadata(curve, (SELECT suite FROM suites)) FROM big$$);
SELECT plan_of($$SELECT id FROM big WHERE classify_metadata(curve, (SELECT suite FROM suites)) = 'label 1'$$);
-- a cheap table stays serial
SELECT plan_of($$SELECT classify_metadata(curve, (SELECT suite FROM suites)) FROM samples LIMIT 1$$);
DROP TABLE samples, others, big, suites, probes;
