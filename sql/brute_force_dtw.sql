--
-- Dynamic time warping against a plain dynamic programme in PL/pgSQL
--
-- METAPROBE_SEED chooses other random data, see brute_force.sql.
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

-- every cell of the matrix; NULL without a path within the band
CREATE FUNCTION test.dtw_within(x double precision[], x_epochs integer[], y double precision[], y_epochs integer[],
	band bigint)
RETURNS double precision IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
	inf CONSTANT double precision := 'Infinity';
	above double precision[] := array_prepend(0::double precision, array_fill(inf, ARRAY[cardinality(y)]));
	cells double precision[];
BEGIN
	FOR i IN 1..cardinality(x) LOOP
		cells := ARRAY[inf];
		FOR j IN 1..cardinality(y) LOOP
			cells[j + 1] := CASE WHEN band IS NULL OR abs(x_epochs[i] - y_epochs[j]) <= band
				THEN (x[i] - y[j]) ^ 2 + least(above[j], above[j + 1], cells[j]) ELSE inf END;
		END LOOP;
		above := cells;
	END LOOP;
	RETURN sqrt(nullif(above[cardinality(y) + 1], inf));
END
$$;
-- missing epochs are dropped first; a band too narrow for a path is widened until there is one
CREATE FUNCTION test.dtw(a loss_curve, b loss_curve, band bigint) RETURNS double precision
IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
	x double precision[]; x_epochs integer[];
	y double precision[]; y_epochs integer[];
	d double precision;
BEGIN
	SELECT array_agg(loss ORDER BY e), array_agg(e ORDER BY e) INTO x, x_epochs
		FROM unnest(a::double precision[]) WITH ORDINALITY u(loss, e) WHERE loss IS NOT NULL;
	SELECT array_agg(loss ORDER BY e), array_agg(e ORDER BY e) INTO y, y_epochs
		FROM unnest(b::double precision[]) WITH ORDINALITY u(loss, e) WHERE loss IS NOT NULL;
	IF x IS NULL OR y IS NULL THEN
		RETURN NULL;
	END IF;
	LOOP
		d := dtw_within(x, x_epochs, y, y_epochs, band);
		EXIT WHEN d IS NOT NULL;
		band := band + 1;
	END LOOP;
	RETURN d;
END
$$;

-- unequal lengths, gaps, bands from 0 on; coarse losses, so that distances must agree to the bit
SELECT setseed(:seed / 1000000.0);
CREATE TABLE test.pairs AS SELECT n, random_curve(n % 13, n % 4 * 0.2) AS a,
	random_curve(n * 7 % 12, n % 3 * 0.3) AS b FROM generate_series(1, 300) n;
UPDATE test.pairs SET a = (SELECT array_agg(round(8 * loss) / 8 ORDER BY e)
	FROM unnest(a::double precision[]) WITH ORDINALITY u(loss, e))::loss_curve,
	b = (SELECT array_agg(round(8 * loss) / 8 ORDER BY e)
		FROM unnest(b::double precision[]) WITH ORDINALITY u(loss, e))::loss_curve
	WHERE n <= 200;
UPDATE test.pairs SET a = '[]' WHERE a IS NULL;
UPDATE test.pairs SET b = '[]' WHERE b IS NULL;
CREATE TABLE test.warped AS
	SELECT n, a, b, band, coalesce(CASE WHEN band IS NULL THEN a <~> b ELSE dtw_distance(a, b, band) END, -1) AS got,
		coalesce(dtw(a, b, band), 'NaN') AS wanted
	FROM test.pairs, unnest('{NULL,0,1,2,5,100}'::bigint[]) band;
SELECT count(*), count(*) FILTER (WHERE wanted = 'NaN') > 20 AS undefined FROM test.warped;
SELECT :seed AS seed, * FROM test.warped
	WHERE CASE WHEN n <= 200 OR wanted = 'NaN' THEN got <> wanted ELSE NOT is_near(got, wanted) END;
SELECT :seed AS seed, * FROM test.pairs WHERE (a <~> b) <> dtw_distance(a, b) OR (a <~> b) <> (b <~> a)
	OR dtw_distance(a, b, 2) <> dtw_distance(b, a, 2);
-- a band narrows the choice: never nearer than with a wider one
SELECT :seed AS seed, w.n, w.band, v.band FROM test.warped w JOIN test.warped v USING (n) WHERE w.band < v.band
	AND w.got < v.got;
-- longer curves, with the band that is asked for and with the one that is needed
CREATE TABLE test.long AS SELECT random_curve(300 + n, 0.1 * n) AS a, random_curve(310 - n, 0.1) AS b
	FROM generate_series(0, 2) n;
SELECT :seed AS seed, band, a, b FROM test.long, unnest('{NULL,0,4,25}'::bigint[]) band
	WHERE NOT is_near(CASE WHEN band IS NULL THEN a <~> b ELSE dtw_distance(a, b, band) END, dtw(a, b, band));

-- in a suite, both curves are first cut to the shorter one's last observed epoch
CREATE FUNCTION test.observed_end(curve loss_curve) RETURNS integer IMMUTABLE LANGUAGE sql AS $$
	SELECT coalesce(max(e), 0)::integer FROM unnest(curve::real[]) WITH ORDINALITY u(loss, e) WHERE loss IS NOT NULL
$$;
INSERT INTO test.probes SELECT n, 'label ' || n % 3,
	(SELECT array_agg(round(4 * loss) / 4 ORDER BY e)
	FROM unnest(curve::double precision[]) WITH ORDINALITY u(loss, e)), 'p' || n
	FROM (SELECT n, random_curve(1 + n % 9, n % 3 * 0.2) || 0.5 AS curve FROM generate_series(1, 24) n) x;
INSERT INTO test.probes SELECT n + 24, 'label ' || n % 3, curve, id FROM test.probes WHERE n <= 4;
INSERT INTO test.samples SELECT n, (SELECT array_agg(round(4 * loss) / 4 ORDER BY e)
	FROM unnest(curve::double precision[]) WITH ORDINALITY u(loss, e))
	FROM (SELECT n, random_curve(1 + n % 14, n % 3 * 0.2) AS curve FROM generate_series(1, 30) n) x;
INSERT INTO test.samples SELECT 30 + n, curve || NULL::real FROM test.probes WHERE n <= 5;
INSERT INTO test.settings VALUES ('dtw', 'dtw', NULL), ('dtw 0', 'dtw', 0), ('dtw 2', 'dtw', 2);
INSERT INTO test.distances
	SELECT setting, e.n, p.n, dtw(e.curve[:last - 1], p.curve[:last - 1], band)
	FROM test.settings, test.everything e, test.probes p,
		LATERAL (SELECT least(observed_end(e.curve[:suite_epochs() - 1]), observed_end(p.curve)) AS last) x
	WHERE e.n <> -p.n;
SELECT rank_neighbours();
SELECT :seed AS seed, k, weights, d.* FROM unnest('{1,5,28}'::integer[]) k,
	unnest('{uniform,distance,balanced}'::text[]) weights,
	differences(k, weights, 'bits') d;

SET client_min_messages = warning;
DROP TABLE test.probes, test.samples, test.settings, test.distances, test.pairs, test.warped, test.long CASCADE;
DROP FUNCTION test.dtw, test.dtw_within, test.observed_end;
