--
-- Every metric and every weighting against plain SQL
--
-- METAPROBE_SEED chooses other random data; the rows that a failure prints
-- tell the seed.
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set brute_force :srcdir '/test/sql/brute_force.sql'
\i :brute_force
\set seed 42
\getenv seed METAPROBE_SEED
\set ECHO all

-- losses of few binary digits: all sums are exact, and ties abound
SELECT setseed(:seed / 1000000.0);
CREATE FUNCTION test.coarse_curve(n integer, missing double precision, steps integer) RETURNS loss_curve
LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(array_agg(CASE WHEN random() >= missing THEN floor(random() * steps - 1) / 4 END),
		'{}')::loss_curve FROM generate_series(1, n)
$$;
INSERT INTO test.probes SELECT n, chr(97 + floor(sqrt(n))::integer),
	coarse_curve(1 + n % 7, n % 4 * 0.15, 3 + n % 5) || 1.0, CASE WHEN n % 3 > 0 THEN 'p' || n END
	FROM generate_series(1, 30) n;
-- probes that are equal but for the label, for the id, and in all
INSERT INTO test.probes SELECT n + 30, chr(97 + n % 6), curve, id FROM test.probes WHERE n <= 12;
INSERT INTO test.probes SELECT n + 42, label, curve, 'q' || n FROM test.probes WHERE n <= 6;
INSERT INTO test.probes SELECT n + 48, label, curve, id FROM test.probes WHERE n <= 6;
-- prefixes, gaps, rows longer than the suite, probes themselves, zeros, constants, nothing at all
INSERT INTO test.samples SELECT n, coarse_curve(n % 12, n % 5 * 0.15, 3 + n % 6) FROM generate_series(1, 40) n;
INSERT INTO test.samples SELECT 40 + n, curve || coarse_curve(n % 3 * 4, 0.3, 4) FROM test.probes WHERE n <= 15;
INSERT INTO test.samples VALUES (61, '[0,0,0,0,0,0,0,0]'), (62, '[1,1,1,1]'), (63, '[null,null]'), (64, '[]'),
	(65, '[null,null,null,null,null,null,null,null,5]');
SELECT suite_epochs(), count(*) AS probes, count(DISTINCT curve) < 45 AS some_equal, count(DISTINCT label) AS labels,
	(SELECT count(*) FROM test.samples) AS samples FROM test.probes;
INSERT INTO test.settings VALUES ('l2', 'l2', NULL), ('l1', 'l1', NULL), ('cosine', 'cosine', NULL);
INSERT INTO test.distances
	SELECT setting, e.n, p.n, epochwise_distance(metric, e.curve::double precision[], p.curve::double precision[],
		suite_epochs())
	FROM test.settings, test.everything e, test.probes p WHERE e.n <> -p.n;
SELECT rank_neighbours();
SELECT setting, count(*) > 1000 AS many, count(*) FILTER (WHERE d IS NULL) > 0 AS undefined,
	count(*) FILTER (WHERE d = 0) > 0 AS zero,
	count(DISTINCT d) < count(d) / 3 AS ties FROM test.distances GROUP BY setting ORDER BY setting;
SELECT :seed AS seed, k, weights, d.* FROM unnest('{1,2,7,20,54}'::integer[]) k,
	unnest('{uniform,distance,balanced}'::text[]) weights,
	differences(k, weights, 'bits') d;
-- two epochs always correlate: there rounding decides what should be ties
TRUNCATE test.settings, test.distances;
INSERT INTO test.settings VALUES ('correlation', 'correlation', NULL);
INSERT INTO test.distances
	SELECT setting, e.n, p.n, epochwise_distance(metric, e.curve::double precision[], p.curve::double precision[],
		suite_epochs())
	FROM test.settings, test.everything e, test.probes p WHERE e.n <> -p.n;
SELECT rank_neighbours();
SELECT :seed AS seed, k, d.* FROM unnest('{1,3,20}'::integer[]) k, differences(k, 'uniform', 'near') d;

-- so its votes and scores are compared on curves that have many epochs
INSERT INTO test.settings VALUES ('cosine', 'cosine', NULL);
TRUNCATE test.distances, test.samples, test.probes;
INSERT INTO test.probes SELECT n, 'label ' || n % 4, array_agg(random() * n), 'p' || n
	FROM generate_series(1, 40) n, generate_series(1, 7 + n % 4) GROUP BY n;
INSERT INTO test.samples SELECT n, array_agg(random() / n)
	FROM generate_series(1, 40) n, generate_series(1, 6 + n % 8) GROUP BY n;
INSERT INTO test.distances
	SELECT setting, e.n, p.n, epochwise_distance(metric, e.curve::double precision[], p.curve::double precision[],
		suite_epochs())
	FROM test.settings, test.everything e, test.probes p WHERE e.n <> -p.n;
SELECT rank_neighbours();
SELECT :seed AS seed, k, weights, d.* FROM unnest('{1,20}'::integer[]) k,
	unnest('{uniform,distance,balanced}'::text[]) weights,
	differences(k, weights, 'order') d;

-- losses of all sizes
TRUNCATE test.settings, test.distances, test.samples, test.probes;
INSERT INTO test.probes SELECT n, 'label ' || n % 4, random_curve(4 + n % 9, n % 3 * 0.2) || 0.5, 'p' || n
	FROM generate_series(1, 50) n;
INSERT INTO test.samples SELECT n, random_curve(3 + n % 14, n % 3 * 0.2) || 0.25 FROM generate_series(1, 50) n;
INSERT INTO test.settings VALUES ('l2', 'l2', NULL), ('l1', 'l1', NULL);
INSERT INTO test.distances
	SELECT setting, e.n, p.n, epochwise_distance(metric, e.curve::double precision[], p.curve::double precision[],
		suite_epochs())
	FROM test.settings, test.everything e, test.probes p WHERE e.n <> -p.n;
SELECT rank_neighbours();
SELECT :seed AS seed, k, weights, d.* FROM unnest('{1,20}'::integer[]) k,
	unnest('{uniform,distance,balanced}'::text[]) weights,
	differences(k, weights, 'order') d;

-- the operators, on curves of one length
CREATE TABLE test.pairs AS SELECT n, random_curve(1 + n % 40, n % 4 * 0.2) AS a, NULL::loss_curve AS b
	FROM generate_series(1, 400) n;
UPDATE test.pairs SET b = random_curve(epochs(a)::integer, n % 3 * 0.2);
SELECT :seed AS seed, metric, a, b, wanted, got FROM test.pairs, LATERAL (VALUES
		('l2', a <-> b, l2_distance(a, b)), ('l1', a <+> b, l1_distance(a, b)),
			('cosine', a <=> b, cosine_distance(a, b)),
		('correlation', correlation_distance(a, b), correlation_distance(b, a))) v(metric, got, again),
		LATERAL (SELECT coalesce(epochwise_distance(metric, a::double precision[], b::double precision[],
			epochs(a)::integer), 'NaN') AS wanted) w
	WHERE got <> again OR (got = 'NaN') <> (wanted = 'NaN') OR NOT is_near(nullif(got, 'NaN'), nullif(wanted, 'NaN'));
SELECT count(*) FILTER (WHERE a <-> b = 'NaN') BETWEEN 1 AND 100 AS some_undefined FROM test.pairs;

SET client_min_messages = warning;
DROP TABLE test.probes, test.samples, test.settings, test.distances, test.pairs CASCADE;
DROP FUNCTION test.coarse_curve;
