--
-- The index for the nearest curves: what it finds is what a scan finds
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all
SELECT setseed(0.25);

CREATE TABLE curves (id integer PRIMARY KEY, run integer, curve loss_curve);
-- ordinary ones, with gaps, duplicates, no loss at all, NULL, huge ones and tiny ones
INSERT INTO curves SELECT id, id % 3, test.random_curve(24) FROM generate_series(1, 800) id;
INSERT INTO curves SELECT id, id % 3, test.random_curve(24, 0.05) FROM generate_series(801, 1000) id;
INSERT INTO curves SELECT id, id % 3, array_fill(1.5::real, ARRAY[24]) FROM generate_series(1001, 1500) id;
INSERT INTO curves SELECT id, id % 3, array_fill(NULL::real, ARRAY[24]) FROM generate_series(1501, 1520) id;
INSERT INTO curves SELECT id, id % 3, NULL FROM generate_series(1521, 1540) id;
INSERT INTO curves SELECT id, id % 3, array_fill(id * 1e34::real, ARRAY[24]) FROM generate_series(1541, 1550) id;
INSERT INTO curves SELECT id, id % 3, array_fill(id * 1e-44::real, ARRAY[24]) FROM generate_series(1551, 1560) id;
-- in mid-training
INSERT INTO curves SELECT id, id % 3, test.random_curve(10) || array_fill(NULL::real, ARRAY[14])::loss_curve
	FROM generate_series(1561, 1760) id;
CREATE INDEX curves_curve ON curves USING gist (curve);
ANALYZE curves;

-- the distances of the n nearest by a plan, and how many the query is from
CREATE FUNCTION nearest(query loss_curve, operator text, how text, condition text, n integer)
RETURNS double precision[] LANGUAGE plpgsql AS $$
DECLARE
	result double precision[];
BEGIN
	PERFORM set_config('enable_seqscan', (how = 'scan')::text, true), set_config('enable_sort', (how = 'scan')::text, true),
		set_config('enable_indexscan', (how = 'index')::text, true);
	EXECUTE format('SELECT array_agg(distance) FROM (SELECT curve %s $1 AS distance FROM curves WHERE %s
		ORDER BY curve %1$s $1 LIMIT $2) AS found', operator, condition) INTO result USING query, n;
	RETURN result;
END
$$;
CREATE VIEW queries AS
	SELECT id, curve AS query FROM curves WHERE id % 40 = 1
	UNION ALL VALUES (0, '[]'), (0, array_fill(1.5::real, ARRAY[24])::loss_curve),
		(0, array_fill(-1e30::real, ARRAY[24])::loss_curve), (0, NULL);
SELECT operator, condition, n, count(*) AS queries,
		count(*) FILTER (WHERE nearest(query, operator, 'index', condition, n)
			IS DISTINCT FROM nearest(query, operator, 'scan', condition, n)) AS differ
	FROM queries, (VALUES ('<->'), ('<+>')) AS o(operator),
		(VALUES ('true', 10), ('run = 1', 25), ('id % 100 = 7', 5), ('true', 2000)) AS c(condition, n)
	WHERE query IS NULL OR epochs(query) = 24
	GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- one scan of the index after another, each from another curve
SELECT count(*) AS queries, count(*) FILTER (WHERE by_index IS DISTINCT FROM by_sort) AS differ
	FROM (SELECT query FROM queries WHERE epochs(query) = 24) AS q,
		LATERAL (SELECT array_agg(d) AS by_index
			FROM (SELECT curve <-> query AS d FROM curves ORDER BY curve <-> query LIMIT 5) AS found) AS i,
		LATERAL (SELECT array_agg(d) AS by_sort
			FROM (SELECT curve <-> query AS d FROM curves ORDER BY (curve <-> query) + 0 LIMIT 5) AS found) AS s;

-- plans, as every server version shows them: an index scan in order, whose distances are measured
-- again; never of the index alone
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		CONTINUE WHEN line LIKE '%Disabled: true';
		RETURN NEXT replace(replace(line, ' (returns $0)', ''), '(InitPlan 1).col1', '$0');
	END LOOP;
END
$$;
SET enable_seqscan = off;
SELECT plan($$SELECT id FROM curves ORDER BY curve <-> (SELECT curve FROM curves WHERE id = 1) LIMIT 10$$);
SELECT plan($$SELECT curve <-> '[1]' FROM curves ORDER BY curve <-> '[1]' LIMIT 10$$);
SELECT plan($$SELECT id FROM curves ORDER BY curve <=> '[1]' LIMIT 10$$);
RESET enable_seqscan;

-- within a distance: with the index and without
SELECT plan($$SELECT id FROM curves WHERE curves_within(curve, '[1,2]', 0.5)$$);
SELECT plan($$SELECT id FROM curves WHERE curves_within('[1,2]', curve, 0.5)$$);
SELECT plan($$SELECT id FROM curves WHERE curves_within(curve, curve, 0.5)$$);
SELECT plan($$SELECT count(*) FROM curves a, curves b WHERE a.id < 5 AND curves_within(b.curve, a.curve, a.run)$$);
SELECT plan($$SELECT id FROM curves WHERE curves_within(curve, '[1,2]', 0.5) ORDER BY curve <-> '[1,2]' LIMIT 3$$);
CREATE FUNCTION within(query loss_curve, radius double precision, how text) RETURNS integer[]
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('enable_seqscan', (how = 'scan')::text, true),
		set_config('enable_indexscan', (how = 'index')::text, true),
		set_config('enable_bitmapscan', (how IN ('index', 'bitmap'))::text, true);
	RETURN array(SELECT id FROM curves WHERE curves_within(curve, query, radius) ORDER BY id);
END
$$;
SELECT radius, count(*) AS queries, count(*) FILTER (WHERE within(query, radius, 'index') <> within(query, radius, 'scan')
			OR within(query, radius, 'bitmap') <> within(query, radius, 'scan')) AS differ,
		sum(cardinality(within(query, radius, 'scan'))) > 0 AS some
	FROM queries, (VALUES (0), (3), (50), (200), ('infinity'::double precision)) AS r(radius)
	WHERE query IS NOT NULL GROUP BY 1 ORDER BY 1;
SELECT count(*) AS differ FROM curves a JOIN curves b ON a.id % 50 = 1
	WHERE curves_within(a.curve, b.curve, 20) IS DISTINCT FROM (a.curve <-> b.curve <= 20 AND a.curve <-> b.curve <> 'NaN')
		AND a.curve IS NOT NULL AND b.curve IS NOT NULL;
-- the operator behind it
SELECT '[1,2]'::loss_curve <@ ROW('[1,2.5]', 0.5)::loss_curve_ball AS inside,
	'[1,2]'::loss_curve <@ ROW('[1,2.5]', 0.4)::loss_curve_ball AS outside,
	'[1,2]'::loss_curve <@ ROW('[1]', 9)::loss_curve_ball AS other_length,
	'[1,2]'::loss_curve <@ ROW(NULL, 9)::loss_curve_ball AS unknown;
SET enable_seqscan = off;
SELECT count(*) FROM curves WHERE curve <@ ROW(array_fill(1.5::real, ARRAY[24])::loss_curve, 0)::loss_curve_ball;
SELECT count(*) FROM curves WHERE curve <@ ROW(NULL, 0)::loss_curve_ball;
RESET enable_seqscan;
SELECT curves_within('[1]', '[1]', NULL) AS unknown, curves_within('[null]', '[1]', 'infinity') AS no_distance,
	loss_curve_in_ball('[1]', ROW('[1]', 0)::loss_curve_ball) AS by_name;
SELECT test.error_of($$SELECT curves_within('[1]', '[1]', -1)$$);
SELECT test.error_of($$SELECT curves_within('[1]', '[1]', 'NaN')$$);
SELECT test.error_of($$SELECT '[1]'::loss_curve <@ ROW('[1]', -1)::loss_curve_ball$$);
SET enable_seqscan = off;
SELECT test.error_of($$SELECT * FROM curves WHERE curves_within(curve, '[1]', -1)$$);
RESET enable_seqscan;

-- curves of other lengths come last: an error only where one of them is returned
INSERT INTO curves SELECT id, 9, test.random_curve(id % 23) FROM generate_series(2001, 2400) id;
INSERT INTO curves SELECT 2500, 9, test.random_curve(16000);
INSERT INTO curves SELECT id, 9, test.random_curve(1500) FROM generate_series(2502, 2510) id;
SET enable_sort = off;
SET enable_seqscan = off;
SELECT epochs(curve) FROM curves ORDER BY curve <-> array_fill(1.5::real, ARRAY[22])::loss_curve LIMIT 3;
SELECT array_agg(id) FROM (SELECT id FROM curves WHERE id > 2400
	ORDER BY curve <-> (SELECT curve FROM curves WHERE id = 2500) LIMIT 1) AS found;
SELECT array_agg(id) FROM (SELECT id FROM curves WHERE id > 2400
	ORDER BY curve <-> (SELECT curve FROM curves WHERE id = 2505) LIMIT 1) AS found;
SELECT count(*) FROM (SELECT id FROM curves WHERE epochs(curve) = 24
	ORDER BY curve <-> array_fill(1.5::real, ARRAY[24])::loss_curve) AS found;
SELECT left(test.error_of($$SELECT id FROM curves ORDER BY curve <-> '[1,2]'$$), 41);
RESET enable_seqscan;
RESET enable_sort;
SELECT count(*) AS without_other_lengths FROM curves WHERE curves_within(curve, array_fill(1.5::real, ARRAY[24])::loss_curve, 0);

-- changes: a tree that grew by insertion, and has lost half of its rows
TRUNCATE curves;
INSERT INTO curves SELECT id, id % 3, test.random_curve(24, CASE WHEN id % 4 = 0 THEN 0.03 ELSE 0 END)
	FROM generate_series(1, 2000) id;
INSERT INTO curves SELECT id, id % 3, '[7]' FROM generate_series(2001, 3000) id;
DELETE FROM curves WHERE id % 2 = 0;
UPDATE curves SET curve[3] = 0.125 WHERE id % 5 = 1 AND id <= 2000;
VACUUM curves;
INSERT INTO curves SELECT id, id % 3, test.random_curve(24) FROM generate_series(3001, 3400) id;
SELECT count(*) AS queries, count(*) FILTER (WHERE nearest(query, '<->', 'index', 'epochs(curve) = 24', 20)
		IS DISTINCT FROM nearest(query, '<->', 'scan', 'epochs(curve) = 24', 20)) AS differ
	FROM queries WHERE epochs(query) = 24;

-- several columns that the index covers, a condition, an expression
CREATE INDEX curves_partial ON curves USING gist (curve) WHERE run = 2;
CREATE INDEX curves_expression ON curves USING gist ((smooth_curve(curve, 3)));
DROP INDEX curves_curve;
SET enable_seqscan = off;
SELECT plan($$SELECT id FROM curves WHERE run = 2 ORDER BY curve <-> '[1]' LIMIT 10$$);
SELECT plan($$SELECT id FROM curves ORDER BY smooth_curve(curve, 3) <+> '[1]' LIMIT 10$$);
RESET enable_seqscan;

-- keys are the index's own
SELECT test.error_of($$SELECT '[1]'::loss_curve_gist_key$$);
SELECT test.error_of($$SELECT loss_curve_gist_key_in('[1]')$$), loss_curve_gist_key_out(NULL);
DROP VIEW queries;
DROP TABLE curves;
DROP FUNCTION nearest, within, plan;
