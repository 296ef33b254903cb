--
-- in(out(x)) = x and recv(send(x)) = x, bit for bit, for curves and suites
--
-- METAPROBE_SEED chooses other random values; what is not the same is printed,
-- with the seed.
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set seed 42
\getenv seed METAPROBE_SEED
\getenv builddir PG_ABS_BUILDDIR
\set file :builddir '/results/round_trip.bin'
\set ECHO all

-- any float there is: 24 random bits at a random scale, from the smallest denormal to the largest
SELECT setseed(:seed / 1000000.0);
CREATE FUNCTION test.any_real() RETURNS real VOLATILE LANGUAGE sql AS $$
	SELECT CASE
		WHEN kind < 0.05 THEN NULL
		WHEN kind < 0.1 THEN (ARRAY[0, 1e-45, -1e-45, 1.17549435e-38, 1.1754942e-38, 3.4028235e38, -3.4028235e38,
			3.4028233e38, 1, 16777215])[1 + floor(random() * 10)]
		WHEN kind < 0.4 THEN random() * 5
		ELSE (floor(random() * 33554431) - 16777215) * 2::double precision ^ (floor(random() * 254) - 149)
	END FROM (SELECT random() AS kind OFFSET 0) x
$$;
CREATE TABLE curves AS
	SELECT n, ARRAY(SELECT any_real() FROM generate_series(1, n % 50) WHERE n > 0) AS losses
		FROM generate_series(1, 1000) n;
-- the largest, and curves of one kind
INSERT INTO curves SELECT 2000 + n, ARRAY(SELECT any_real() FROM generate_series(1, 16000) WHERE n > 0)
	FROM generate_series(1, 3) n;
INSERT INTO curves VALUES (3001, '{}'), (3002, '{NULL}'), (3003, array_fill(NULL::real, ARRAY[16000])),
	(3004, array_fill(3.4028235e38::real, ARRAY[16000])),
	(3005, array_fill(1e-45::real, ARRAY[16000])), (3006, '{NaN,-0,0}');
-- and every power of two, with its neighbours
INSERT INTO curves SELECT 4000, array_agg(DISTINCT (power * d)::real) FROM
	(SELECT 2::double precision ^ e AS power FROM generate_series(-149, 127) e) x,
		unnest(ARRAY[1, 1 - 2::double precision ^ -24, 1 + 2::double precision ^ -23]) d;
ALTER TABLE curves ADD curve loss_curve;
UPDATE curves SET curve = losses::loss_curve;
-- the curve has the very bits of the reals that it was made of
CREATE FUNCTION test.bits(losses real[]) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
	SELECT '\x01'::bytea || int4send(cardinality(losses)) || coalesce(string_agg(CASE WHEN loss IS NULL
		OR loss = 'NaN' THEN '\x7fc00000' WHEN loss = 0 THEN '\x00000000'
		ELSE float4send(loss) END, NULL ORDER BY e), '')
	FROM unnest(losses) WITH ORDINALITY u(loss, e)
$$;
SELECT count(*) AS curves, sum(cardinality(losses)) AS losses,
	count(*) FILTER (WHERE loss_curve_send(curve) = bits(losses)) AS same FROM curves;
SELECT :seed AS seed, n, left(losses::text, 100) FROM curves WHERE loss_curve_send(curve) <> bits(losses);
-- text, arrays and jsonb, and back
SELECT :seed AS seed, n, left(curve::text, 100) FROM curves
	WHERE curve::text::loss_curve <> curve OR loss_curve_send(curve::text::loss_curve) <> loss_curve_send(curve)
		OR loss_curve_send(curve::real[]::loss_curve) <> loss_curve_send(curve)
			OR loss_curve_send(curve::double precision[]::loss_curve) <> loss_curve_send(curve)
		OR loss_curve_send(curve::jsonb::loss_curve) <> loss_curve_send(curve)
			OR loss_curve_send(curve::double precision[]::numeric[]::loss_curve) <> loss_curve_send(curve)
		OR curve::text::json::text <> curve::text;
-- the text is that of real, so the shortest
SELECT :seed AS seed, n, curve FROM curves
	WHERE curve::text <> replace(replace(translate(losses::text, '{}', '[]'), 'NULL', 'null'), 'NaN', 'null')
	AND losses::text !~ '-0[,}]' LIMIT 5;
-- random decimal digits are read as real reads them
SELECT :seed AS seed, text FROM (
	SELECT concat(sign, whole, '.', digits, 'e', exponent) AS text
		FROM (SELECT (ARRAY['', '-', '+'])[1 + floor(random() * 3)] AS sign, floor(random() * 1000) AS whole,
		lpad(floor(random() * 1e15)::text, 15, '0') || lpad(floor(random() * 1e15)::text, 15, '0') AS digits,
			floor(random() * 80) - 45 AS exponent
		FROM generate_series(1, 5000)) x) y
	WHERE loss_curve_send(format('[%s]', text)::loss_curve) <> bits(ARRAY[CASE WHEN text::numeric(200, 100) = 0
		OR abs(text::numeric(200, 100)) < 7.00649232162408535e-46 THEN 0 ELSE text::real END]);
-- binary, through a file
CREATE TABLE received (LIKE curves);
COPY (SELECT * FROM curves) TO STDOUT (FORMAT binary) \g :file
\copy received from program 'cat "$PG_ABS_BUILDDIR"/results/round_trip.bin' with (format binary)
SELECT :seed AS seed, n FROM curves c FULL JOIN received r USING (n)
	WHERE loss_curve_send(c.curve) IS DISTINCT FROM loss_curve_send(r.curve) OR c.curve <> r.curve;
-- text, through a file
TRUNCATE received;
COPY (SELECT * FROM curves) TO STDOUT \g :file
\copy received from program 'cat "$PG_ABS_BUILDDIR"/results/round_trip.bin'
SELECT :seed AS seed, n FROM curves c FULL JOIN received r USING (n)
	WHERE loss_curve_send(c.curve) IS DISTINCT FROM loss_curve_send(r.curve);
-- stored and read again
SELECT count(*), count(*) FILTER (WHERE loss_curve_send(curve) = bits(losses)) AS same FROM received;

-- suites of random probes with all kinds of names
CREATE FUNCTION test.any_name() RETURNS text VOLATILE LANGUAGE sql AS $$
	SELECT string_agg((ARRAY['a', 'Z', ' ', '"', '\', '/', '''', E'\n', E'\t', E'\r', E'\x01', E'\x1f', E'\x7f', 'é',
		'ß', E'e\u0301', '日', '本', '😀', E'\u200b', E'\ufeff', E'\U0010ffff',
		'[', ']', '{', '}', ',', ':', 'null', '\u0041', '%s'])[1 + floor(random() * 31)], '')
			FROM generate_series(1, floor(random() * 12)::integer)
$$;
CREATE TABLE suites (n integer, suite probe_suite);
INSERT INTO suites
	SELECT n, configure_probe_suite(suite, 1 + n % (probe_suite_info(suite)).probes, metric, weights,
		CASE WHEN metric = 'dtw' AND n % 3 > 0 THEN n % 17 END)
	FROM (SELECT n, probe_suite_agg(coalesce(any_name(), ''),
		ARRAY(SELECT any_real() FROM generate_series(1, (n + p) % 7) WHERE p > 0)::loss_curve || 0.5,
			CASE WHEN random() < 0.7 THEN coalesce(any_name(), '') END) AS suite
		FROM generate_series(1, 300) n, generate_series(1, 1 + n % 6) p GROUP BY n) x,
		LATERAL (SELECT (ARRAY['l2', 'l1', 'cosine', 'correlation', 'dtw'])[1 + n % 5] AS metric,
			(ARRAY['uniform', 'distance', 'balanced'])[1 + n % 3] AS weights) y;
-- large ones: long curves, many probes, long names
INSERT INTO suites SELECT 1001, probe_suite_agg('label ' || n % 3, curve, n::text) FROM curves
	WHERE n BETWEEN 2001 AND 2003;
INSERT INTO suites SELECT 1002, probe_suite_agg(repeat('é', n), ARRAY[n]::loss_curve, repeat('日本', n))
	FROM generate_series(1, 300) n;
INSERT INTO suites SELECT 1003, probe_suite_agg('label ' || n % 100, ARRAY[n % 1000, 0.5]::loss_curve)
	FROM generate_series(1, 20000) n;
SELECT count(*) AS suites, sum((probe_suite_info(suite)).probes) AS probes,
	count(DISTINCT (probe_suite_info(suite)).hash) AS different FROM suites;
-- text, and back: the same probes, settings and hash, and the same text again
SELECT :seed AS seed, n, left(suite::text, 200) FROM suites
	WHERE suite::text::probe_suite::text <> suite::text
		OR probe_suite_send(suite::text::probe_suite) <> probe_suite_send(suite)
		OR probe_suite_info(suite::text::probe_suite) <> probe_suite_info(suite)
			OR jsonb_array_length(suite::text::jsonb -> 'probes') <> (probe_suite_info(suite)).probes;
-- jsonb sorts keys and writes numbers its own way: the suite is the same
SELECT :seed AS seed, n, left(suite::text, 200) FROM suites
	WHERE suite::text::jsonb::text::probe_suite::text <> suite::text;
-- the probes, and back by the aggregate
SELECT :seed AS seed, n, left(suite::text, 200)
	FROM suites, LATERAL (SELECT probe_suite_agg(label, curve, id) AS again FROM probe_suite_probes(suite)) x,
	probe_suite_info(suite) i
	WHERE configure_probe_suite(again, k, metric, weights, band)::text <> suite::text;
-- binary and text, through a file
CREATE TABLE received_suites (LIKE suites);
COPY suites TO STDOUT (FORMAT binary) \g :file
\copy received_suites from program 'cat "$PG_ABS_BUILDDIR"/results/round_trip.bin' with (format binary)
SELECT :seed AS seed, n FROM suites s FULL JOIN received_suites r USING (n)
	WHERE s.suite::text IS DISTINCT FROM r.suite::text
		OR probe_suite_send(s.suite) IS DISTINCT FROM probe_suite_send(r.suite)
		OR probe_suite_info(s.suite) <> probe_suite_info(r.suite);
TRUNCATE received_suites;
COPY suites TO STDOUT \g :file
\copy received_suites from program 'cat "$PG_ABS_BUILDDIR"/results/round_trip.bin'
SELECT :seed AS seed, n FROM suites s FULL JOIN received_suites r USING (n)
	WHERE s.suite::text IS DISTINCT FROM r.suite::text
		OR probe_suite_send(s.suite) IS DISTINCT FROM probe_suite_send(r.suite);
-- the value stored in a table has the same bytes, whichever way it came
SELECT count(*) AS suites, count(*) FILTER (WHERE pg_column_size(s.suite) = pg_column_size(r.suite)) AS same_size
	FROM suites s JOIN received_suites r USING (n);

\! rm -f "$PG_ABS_BUILDDIR"/results/round_trip.bin
DROP TABLE curves, received, suites, received_suites;
DROP FUNCTION test.any_real, test.bits, test.any_name;
