--
-- Statistics of a single curve, against their definitions in plain SQL, with
-- exponentials of numerics.  METAPROBE_SEED chooses other random curves; the
-- rows that a failure prints tell the seed.
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set seed 42
\getenv seed METAPROBE_SEED
\set ECHO all

-- learned at 1, forgotten at 2, learned at 4, forgotten at 6
\x
SELECT * FROM curve_statistics('[1,0.5,0.75,null,0.25,0,2,null]', weight => 0.5);
-- the defaults: threshold 0.5, weight 0.1
SELECT curve_statistics(curve) = curve_statistics(curve, 0.5, 0.1) AS same,
	(curve_statistics(curve, 0.3)).*
	FROM (VALUES ('[2,1,0.5]'::loss_curve)) v(curve);
-- what a single loss leaves undefined, or makes 0
SELECT * FROM curve_statistics('[null,0.75]');
-- never learned; learned from the first epoch and never forgotten
SELECT c.forgetting_events, c.first_learned, c.last_forgotten, c.correctness
	FROM unnest('{"[3,2,1]","[0.5,0.2,0.1]"}'::loss_curve[]) curve, curve_statistics(curve) c;
-- negative losses are no logarithms of probabilities
SELECT * FROM curve_statistics('[0.5,-0.25,1]');
\x

-- nothing observed, and NULL
SELECT curve_statistics('[]') IS NULL AS empty, curve_statistics('[null,null]') IS NULL AS missing,
	curve_statistics(NULL) IS NULL AS curve, curve_statistics('[1]', NULL) IS NULL AS threshold,
	curve_statistics('[1]', 0.5, NULL) IS NULL AS weight;
SELECT count(*), count(mean) FROM curve_statistics('[null]');
-- forgotten between two observed epochs, whatever was between
SELECT (curve_statistics('[0,null,null,3]')).last_forgotten, (curve_statistics('[0,null,0,3]')).forgetting_events;
-- missing epochs: slope and area go by the numbers of epochs, the rest does not see them
SELECT a.slope = b.slope / 3 AS slope, a.area = 3 * b.area AS area,
	(a.mean, a.confidence, a.variability, a.moving_average, a.interquartile_range)
		= (b.mean, b.confidence, b.variability, b.moving_average, b.interquartile_range) AS others
	FROM curve_statistics('[null,4,null,null,2,null,null,1,null]') a, curve_statistics('[4,2,1]') b;
-- thresholds from 0 to 1; p = 1 is not above 1
SELECT (curve_statistics('[0,0]', 1)).correctness AS none, (curve_statistics('[9,700]', 0)).correctness AS every;
SELECT (curve_statistics('[1,5,0.3]', weight => 1)).moving_average = 0.3::real AS final;
SELECT error_of(format('SELECT curve_statistics(''[1]'', %L)', threshold))
	FROM unnest('{-0.1,1.1,NaN,Infinity}'::float8[]) threshold;
SELECT error_of(format('SELECT curve_statistics(''[1]'', weight => %L)', weight))
	FROM unnest('{0,-0.1,1.1,NaN}'::float8[]) weight;
-- very long, very large and very small ones
SELECT c.mean, c.confidence, c.slope, c.area, c.forgetting_events
	FROM curve_statistics((SELECT array_agg(n % 2 ORDER BY n) FROM generate_series(0, 15999) n)::loss_curve) c;
SELECT c.mean, c.confidence, c.interquartile_range, c.area FROM curve_statistics('[3.4028235e38,0,3.4028235e38]') c;
SELECT c.confidence, c.variability > 0 AS varies, c.aleatoric FROM curve_statistics('[1e-45,1e-30]') c;
-- in PL/pgSQL, whose calls outlive a query
DO $$
DECLARE
	s trajectory_statistics;
BEGIN
	FOR n IN 1 .. 3 LOOP
		s := curve_statistics(ARRAY[n, 2 * n]::loss_curve);
		ASSERT s.mean = 1.5 * n AND s.slope = n AND s.first_learned IS NULL;
	END LOOP;
END
$$;

-- the real curves of test/data; the same with gaps, with spikes, and cut short; random ones
CREATE TABLE curves (id serial, kind text, curve loss_curve, threshold float8 DEFAULT 0.5, weight float8 DEFAULT 0.1);
CREATE TABLE real_curves (set text DEFAULT 'mnist', probe_id text, label text, curve loss_curve);
\copy real_curves (probe_id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/probes.csv.gz' with (format csv, header)
ALTER TABLE real_curves ALTER set SET DEFAULT 'mnist_hard';
\copy real_curves (probe_id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/probes.csv.gz' with (format csv, header)
SELECT setseed(:seed / 1000000.0);
INSERT INTO curves (kind, curve) SELECT set, curve FROM real_curves;
INSERT INTO curves (kind, curve, threshold, weight)
	SELECT 'gaps', (SELECT array_agg(CASE WHEN random() < share THEN NULL ELSE loss END ORDER BY n)::loss_curve
		FROM unnest(curve::real[]) WITH ORDINALITY u(loss, n)), random(), 1 - random()
	FROM (SELECT curve, random() AS share FROM real_curves WHERE probe_id ~ '[05]$' OFFSET 0) r;
INSERT INTO curves (kind, curve, threshold)
	SELECT 'spikes', (SELECT array_agg(CASE WHEN random() < 0.05 THEN 1e6 * random() ELSE loss END ORDER BY n)::loss_curve
		FROM unnest(curve::real[]) WITH ORDINALITY u(loss, n)), random()
	FROM real_curves WHERE probe_id ~ '[16]$';
INSERT INTO curves (kind, curve) SELECT 'short', curve[:n] FROM real_curves, generate_series(0, 4) n WHERE probe_id ~ '7$';
INSERT INTO curves (kind, curve, threshold, weight)
	SELECT 'random', random_curve(n % 60, random() ^ 3), random(), 1 - random() FROM generate_series(1, 400) n;

CREATE TABLE observed AS
	SELECT id, threshold::text::numeric, weight, n - 1 AS epoch, loss, loss::text::numeric(80, 40) AS exact,
		CASE WHEN min(loss) OVER (PARTITION BY id) >= 0 THEN exp(-loss::text::numeric(80, 40)) END AS p
	FROM curves, unnest(curve::float8[]) WITH ORDINALITY u(loss, n) WHERE loss IS NOT NULL;
CREATE TABLE plain AS
	SELECT id, count(*) AS n, min(exact) AS minimum, avg(exact) AS mean, max(abs(exact)) AS size,
		avg(p) AS confidence, stddev_pop(p) AS variability, avg((p > threshold)::integer) AS correctness,
		avg(p * (1 - p)) AS aleatoric, avg(p) * (1 - avg(p)) AS threshold_closeness,
		CASE WHEN count(p) > 0 THEN count(*) FILTER (WHERE before > threshold AND p <= threshold) END
			AS forgetting_events,
		min(epoch) FILTER (WHERE p > threshold) AS first_learned,
		max(epoch) FILTER (WHERE before > threshold AND p <= threshold) AS last_forgotten,
		(array_agg(exact ORDER BY epoch DESC))[1] AS final,
		percentile_cont(0.75) WITHIN GROUP (ORDER BY loss) - percentile_cont(0.25) WITHIN GROUP (ORDER BY loss)
			AS interquartile_range,
		(count(*) * sum(epoch * exact) - sum(epoch) * sum(exact))
			/ nullif(count(*) * sum(epoch * epoch) - sum(epoch) * sum(epoch), 0) AS slope,
		coalesce(sum((epoch - epoch_before) * (exact + exact_before) / 2), 0) AS area,
		sum((CASE WHEN epoch_before IS NULL THEN 1 ELSE weight END) * (1 - weight) ^ (left_over) * loss) AS moving_average
	FROM (SELECT *, lag(p) OVER epochs AS before, lag(epoch) OVER epochs AS epoch_before,
			lag(exact) OVER epochs AS exact_before, count(*) OVER (PARTITION BY id) - row_number() OVER epochs AS left_over
		FROM observed WINDOW epochs AS (PARTITION BY id ORDER BY epoch)) o
	GROUP BY id;

-- equal to 1e-12 of the value; where terms of both signs cancel, of the terms as well
CREATE TABLE compared AS
	SELECT id, kind, name, got, wanted, terms FROM curves LEFT JOIN plain w USING (id),
		curve_statistics(curve, threshold, weight) AS s, LATERAL (VALUES
			('confidence', s.confidence, w.confidence, 0),
			('variability', s.variability, w.variability, 0.001 * w.confidence),
			('correctness', s.correctness, w.correctness, 0),
			('forgetting_events', s.forgetting_events, w.forgetting_events, 0),
			('first_learned', s.first_learned, w.first_learned, 0),
			('last_forgotten', s.last_forgotten, w.last_forgotten, 0),
			('threshold_closeness', s.threshold_closeness, w.threshold_closeness, 0),
			('aleatoric', s.aleatoric, w.aleatoric, 0)) v(name, got, wanted, terms)
	UNION ALL SELECT id, kind, name, got, wanted, terms FROM curves LEFT JOIN plain w USING (id),
		curve_statistics(curve, threshold, weight) AS s, LATERAL (VALUES
			('mean', s.mean, w.mean, 0.01 * size),
			('final', s.final, w.final, 0),
			('minimum', s.minimum, w.minimum, 0),
			('interquartile_range', s.interquartile_range, w.interquartile_range::text::numeric, 0),
			('slope', s.slope, w.slope, 0.01 * size),
			('area', s.area, w.area, 0.01 * n * size),
			('moving_average', s.moving_average, w.moving_average::text::numeric, 0.01 * size)) v(name, got, wanted, terms);
SELECT :seed AS seed, c.*, curve, threshold, weight FROM compared c JOIN curves USING (id)
	WHERE (got IS NULL) <> (wanted IS NULL)
		OR abs(got::text::numeric - wanted) > 1e-12 * (abs(wanted) + terms) ORDER BY id, name LIMIT 20;
-- and that there was something to compare
SELECT kind, count(DISTINCT id) > 300 AS curves, count(DISTINCT id) FILTER (WHERE got IS NOT NULL) > 300 AS observed,
	count(DISTINCT id) FILTER (WHERE name = 'confidence' AND got IS NOT NULL) > 50 AS probabilities,
	count(DISTINCT id) FILTER (WHERE name = 'forgetting_events' AND got > 0) > 10 AS events,
	count(DISTINCT id) FILTER (WHERE name = 'confidence' AND got IS NULL AND wanted IS NULL) > 10 AS none
	FROM compared GROUP BY kind ORDER BY kind;

-- the same from parallel workers
CREATE TABLE by_leader AS SELECT id, curve_statistics(curve, threshold, weight) AS s FROM curves;
ANALYZE curves;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan_of('SELECT id, curve_statistics(curve, threshold, weight) AS s FROM curves');
CREATE TABLE by_workers AS SELECT id, curve_statistics(curve, threshold, weight) AS s FROM curves;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT count(*) > 5000 AS compared, count(*) FILTER (WHERE a.s IS DISTINCT FROM b.s) AS different
	FROM by_leader a FULL JOIN by_workers b USING (id);

DROP TABLE curves, real_curves, observed, plain, compared, by_leader, by_workers;
