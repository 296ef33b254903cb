--
-- Aggregates over losses and curves: loss_curve_agg, avg, stddev
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- loss_curve_agg: rows in any order, gaps are missing epochs
SELECT loss_curve_agg(loss, epoch) FROM (VALUES (0.25, 2), (2.5, 0), (0.125, 5)) v(loss, epoch);
SELECT loss_curve_agg(loss, epoch) FROM (VALUES (1.0::real, 0), (NULL, 1), ('NaN', 3)) v(loss, epoch);
SELECT id, loss_curve_agg(loss, epoch)
	FROM (VALUES ('a', 1, 0), ('b', 2, 1), ('a', 3, 1), ('c', NULL, NULL)) v(id, loss, epoch)
	GROUP BY id ORDER BY id;
-- the types that logs have
SELECT loss_curve_agg(loss, epoch) FROM (VALUES (1::real, 0::smallint), (2::real, 1::smallint)) v(loss, epoch);
SELECT loss_curve_agg(loss, epoch) FROM (VALUES (1.5::numeric, 0::bigint), (2.5, 1)) v(loss, epoch);
-- no epoch, no curve
SELECT loss_curve_agg(loss, epoch) FROM (SELECT 1 AS loss, 0 AS epoch WHERE false) v;
SELECT loss_curve_agg(NULL, NULL) FROM generate_series(1, 3);
-- a missing epoch beside a loss for the same epoch is no second loss
SELECT loss_curve_agg(loss, epoch) FROM (VALUES (NULL, 0), (1, 0), (NULL, 0)) v(loss, epoch);
-- the curve grows as needed, up to the limit
SELECT epochs(c), observed_epochs(c), c[0], c[15999]
	FROM (SELECT loss_curve_agg(e, e) AS c FROM generate_series(15999, 0, -1) e) x;
-- as a window function, of an array's elements, filtered
SELECT epoch, loss_curve_agg(loss, epoch) OVER (ORDER BY epoch)
	FROM (VALUES (3, 0), (2, 1), (1, 2)) v(loss, epoch);
SELECT loss_curve_agg(loss, epoch - 1) FROM unnest('{7,8,9}'::real[]) WITH ORDINALITY u(loss, epoch);
SELECT loss_curve_agg(loss, epoch) FILTER (WHERE epoch < 2) FROM (VALUES (3, 0), (2, 1), (1, 2)) v(loss, epoch);
-- what cannot be
SELECT error_of('SELECT loss_curve_agg(loss, epoch) FROM (VALUES (1, 0), (2, 3), (0.5, 3)) v(loss, epoch)');
SELECT error_of('SELECT loss_curve_agg(loss, epoch) FROM (VALUES (1, 3), (1, 3)) v(loss, epoch)');
SELECT error_of('SELECT loss_curve_agg(1, -1)');
SELECT error_of('SELECT loss_curve_agg(1, 16000)');
SELECT error_of('SELECT loss_curve_agg(NULL, 16000)');
SELECT error_of('SELECT loss_curve_agg(1, 9223372036854775807)');
SELECT error_of('SELECT loss_curve_agg(1, NULL)');
SELECT error_of('SELECT loss_curve_agg(''Infinity'', 7)');
SELECT error_of('SELECT loss_curve_agg(1e39, 7)');

-- avg and stddev: every epoch over the curves that observed it
SELECT avg(curve), stddev(curve) FROM (VALUES ('[1,2,3]'::loss_curve), ('[3,4,5]'), ('[5,6,7]')) v(curve);
SELECT avg(curve), stddev(curve) FROM (VALUES ('[1,null,3]'::loss_curve), ('[3,4]'), (NULL),
	('[5,8,null,9]')) v(curve);
SELECT avg(curve), stddev(curve) FROM (VALUES ('[1,2]'::loss_curve)) v(curve);
SELECT avg(curve), stddev(curve) FROM (VALUES ('[]'::loss_curve)) v(curve);
SELECT avg(curve), stddev(curve) FROM (VALUES ('[null,null]'::loss_curve), ('[null]')) v(curve);
SELECT avg(curve), stddev(curve) FROM (VALUES (NULL::loss_curve)) v(curve);
SELECT avg(curve), stddev(curve) FROM (SELECT '[1]'::loss_curve AS curve WHERE false) v;
SELECT avg(curve), stddev(curve) FROM (VALUES ('[0.1,0.7]'::loss_curve), ('[0.1,0.7]'), ('[0.1,0.7]')) v(curve);
-- extremes: sums beyond the range of real, small differences of large losses
SELECT avg(curve) FROM (VALUES ('[3.4028235e38,3.4028235e38]'::loss_curve),
	('[3.4028235e38,-3.4028235e38]')) v(curve);
SELECT stddev(curve) FROM (VALUES ('[16777216]'::loss_curve), ('[16777215]'), ('[16777214]')) v(curve);
SELECT avg(curve), stddev(curve) FROM (VALUES ('[1e-45]'::loss_curve), ('[3e-45]')) v(curve);
-- their state is a type, for those who combine states by themselves, as Citus does
SELECT m = loss_curve_moments_out(loss_curve_moments_in(m::cstring))::text AS same, length(m),
	loss_curve_avg_finalfn(m::loss_curve_moments), loss_curve_stddev_finalfn(m::loss_curve_moments)
	FROM (SELECT loss_curve_moments_transfn(loss_curve_moments_transfn(NULL, '[1,2]'), '[3,null,5]')::text) s(m);
SELECT loss_curve_avg_finalfn(loss_curve_moments_combine(a, b)), loss_curve_moments_combine(a, NULL)::text = a::text AS left,
	loss_curve_moments_combine(NULL, b)::text = b::text AS right, loss_curve_moments_send(a)::text = a::text AS sent
	FROM (SELECT loss_curve_moments_transfn(NULL, '[1,2]') AS a, loss_curve_moments_transfn(NULL, '[2]') AS b) s;
-- functions that are called by name change none of their arguments
SELECT state::text = before AS unchanged, changed::text = before AS same, combined::text = before AS same
	FROM (SELECT state, state::text AS before, loss_curve_moments_transfn(state, '[3]') AS changed, loss_curve_moments_combine(state, state) AS combined
		FROM (SELECT loss_curve_moments_transfn(NULL, '[1,2]') AS state OFFSET 0) s OFFSET 0) s;
-- longer and longer curves
SELECT avg(curve) = loss_curve_agg(epochs(curve), epochs(curve) - 1) AS mean, epochs(stddev(curve))
	FROM (SELECT array_fill(NULL::real, ARRAY[n - 1])::loss_curve || n AS curve FROM generate_series(1, 1000) n) s;
SELECT error_of($$SELECT '\x'::loss_curve_moments$$), error_of($$SELECT '\x0000000100'::loss_curve_moments$$);
SELECT error_of($$SELECT '\x000000000000'::loss_curve_moments$$), error_of($$SELECT '\xffffffff'::loss_curve_moments$$);
SELECT error_of(format('SELECT %L::loss_curve_moments', '\x00000001' || repeat('f', 80)));
-- groups and moving averages
SELECT g, avg(curve), stddev(curve) FROM (VALUES (1, '[1,2]'::loss_curve), (2, '[5]'), (1, '[3,6]')) v(g, curve)
	GROUP BY g ORDER BY g;
SELECT n, avg(array_fill(n, ARRAY[2])::loss_curve) OVER (ORDER BY n ROWS 1 PRECEDING) FROM generate_series(1, 3) n;
-- against the aggregates of numbers
SELECT setseed(0.25);
CREATE TABLE curves AS SELECT n AS id, random_curve(1 + n % 9, 0.1) AS curve FROM generate_series(1, 4000) n;
WITH wanted AS (
	SELECT epoch - 1 AS epoch, avg(loss::float8) AS mean, stddev(loss::numeric)::float8 AS deviation
	FROM curves, unnest(curve::float8[]) WITH ORDINALITY u(loss, epoch) GROUP BY epoch
), got AS (
	SELECT avg(curve) AS mean, stddev(curve) AS deviation FROM curves
)
SELECT count(*) AS epochs, bool_and(abs(got.mean[epoch] - wanted.mean) <= 1e-7 * abs(wanted.mean)) AS mean,
	bool_and(abs(got.deviation[epoch] - wanted.deviation) <= 1e-7 * wanted.deviation) AS deviation
	FROM wanted, got;

-- hash aggregation visits all memory contexts of its groups for each new one, so states have none
SELECT contexts < 1000 AS few_contexts
	FROM (SELECT avg(curve) AS mean, (SELECT count(*) FROM pg_backend_memory_contexts WHERE curves.id > 0) AS contexts FROM curves GROUP BY id OFFSET 0) x
	WHERE mean IS NOT NULL LIMIT 1;

-- the same bits in any order, and from workers; the plan is that of a table without statistics
CREATE TABLE losses WITH (autovacuum_enabled = off) AS
	SELECT id, epoch - 1 AS epoch, loss FROM curves, unnest(curve::real[]) WITH ORDINALITY u(loss, epoch);
CREATE TABLE serial AS
	SELECT avg(curve) AS mean, stddev(curve) AS deviation FROM curves;
SELECT s.mean = x.mean AND s.deviation = x.deviation AS same
	FROM serial s, (SELECT avg(curve) AS mean, stddev(curve) AS deviation
		FROM (SELECT curve FROM curves ORDER BY id % 7, id DESC) y) x;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
SELECT plan_of('SELECT avg(curve), stddev(curve) FROM curves');
SELECT s.mean = x.mean AND s.deviation = x.deviation AS same
	FROM serial s, (SELECT avg(curve) AS mean, stddev(curve) AS deviation FROM curves) x;
SELECT plan_of('SELECT id, loss_curve_agg(loss, epoch) FROM losses GROUP BY id');
SELECT count(*), count(*) FILTER (WHERE c.curve = x.curve) AS same
	FROM (SELECT id, loss_curve_agg(loss, epoch) AS curve FROM losses GROUP BY id) x JOIN curves c USING (id);
-- two losses for an epoch are found whichever workers saw them
SELECT error_of('SELECT loss_curve_agg(1, epoch) FROM losses');
RESET ALL;

DROP TABLE curves, losses, serial;
