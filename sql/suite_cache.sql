--
-- Suites stay ready between statements: the right ones, and not too many
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE SCHEMA cache;
SET search_path = public, test, cache;
-- a suite whose labels tell its name, and a curve that is odd or even
CREATE FUNCTION cache.line(i integer, epochs integer DEFAULT 20) RETURNS loss_curve LANGUAGE sql IMMUTABLE AS
	'SELECT array_fill(i::real, ARRAY[epochs])::loss_curve';
CREATE FUNCTION cache.made(name text, probes integer) RETURNS probe_suite LANGUAGE sql IMMUTABLE AS $$
	SELECT configure_probe_suite(probe_suite_agg(name || CASE i % 2 WHEN 0 THEN ' even' ELSE ' odd' END, line(i)),
		k => 1)
	FROM generate_series(1, probes) i
$$;
CREATE TABLE cache.samples AS SELECT i AS id, line(i) AS curve FROM generate_series(1, 6) i;
CREATE TABLE cache.suites (name text PRIMARY KEY, suite probe_suite);
INSERT INTO suites SELECT name, made(name, probes) FROM (VALUES ('a', 100), ('b', 100), ('tiny', 4), ('mini', 4),
	('large', 20000)) v(name, probes);
SELECT name, pg_column_size(suite) > 5000 AS is_large FROM suites ORDER BY name;
-- which of them this session keeps, by the hash that their memory is known by
CREATE TABLE cache.hashes AS SELECT name, (probe_suite_info(suite)).hash FROM suites;
CREATE FUNCTION cache.kept() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(hashes.name, 'other'), ' ' ORDER BY hashes.name)
	FROM pg_backend_memory_contexts m LEFT JOIN hashes ON hash = ident WHERE m.name = 'metaprobe suite'
$$;
CREATE FUNCTION cache.forget() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('metaprobe.suite_cache_size', '0', true);
END
$$;

-- the setting
SHOW metaprobe.suite_cache_size;
SELECT error_of('SET metaprobe.suite_cache_size = -1') ~ '22023: .*outside the valid range' AS is_refused;
SELECT forget();
SELECT kept();

-- statement by statement: loaded once, however it comes
PREPARE tag(integer, text) AS
	SELECT classify_metadata(curve, (SELECT suite FROM suites WHERE name = $2)) FROM samples WHERE id = $1;
EXECUTE tag(1, 'a');
SELECT kept();
EXECUTE tag(2, 'a');
EXECUTE tag(3, 'b');
EXECUTE tag(4, 'a');
EXECUTE tag(5, 'tiny');
EXECUTE tag(6, 'mini');
EXECUTE tag(1, 'tiny');
EXECUTE tag(2, 'b');
SELECT kept();
SELECT classify_metadata(line(3), made('a', 100)), classify_metadata(line(4), suite::text::probe_suite)
	FROM suites WHERE name = 'b';
CREATE VIEW cache.live AS SELECT made('b', 100) AS suite;
SELECT classify_metadata(line(3), 'live'::regclass);
CREATE TABLE cache.copies AS SELECT suite FROM suites WHERE name = 'a';
SELECT classify_metadata(line(2), suite) FROM copies;
SELECT classify_metadata(line(2), 'copies'::regclass);
SELECT kept();
-- all functions
SELECT t.* FROM suites, tag_metadata(line(3), suite) t WHERE name = 'a';
SELECT t.* FROM suites, tag_metadata(line(3), suite) t WHERE name = 'a';
SELECT label_score(line(3), 'a odd', suite) FROM suites WHERE name = 'a';
SELECT * FROM suites, metadata_probabilities(line(3), suite) WHERE name = 'tiny' \g (format=unaligned)
SELECT rank, label, distance FROM suites, nearest_probes(line(3), suite, 2) WHERE name = 'b';
SELECT kept();

-- row by row, out of line and inline
SELECT id, name, classify_metadata(curve, suite) FROM samples, suites WHERE name IN ('a', 'b') ORDER BY id, name;
SELECT string_agg(classify_metadata(curve, suite), ', ' ORDER BY id, name) FROM samples, suites
	WHERE name IN ('tiny', 'mini') AND id <= 2;
-- two calls and both at once
SELECT classify_metadata(curve, a.suite), classify_metadata(curve, b.suite), (tag_metadata(curve, a.suite)).label,
	(tag_metadata(curve, b.suite)).label
	FROM samples, suites a, suites b WHERE a.name = 'a' AND b.name = 'b' AND id <= 2 ORDER BY id;
SELECT (tag_metadata(curve, suite)).label, (tag_metadata(line(id + 1), suite)).label, label_score(curve, 'a even', suite)
	FROM samples, suites WHERE name = 'a' AND id <= 2 ORDER BY id;

-- compressed, and compressed out of line
CREATE TABLE cache.pressed (name text, suite probe_suite);
ALTER TABLE pressed ALTER suite SET STORAGE extended;
INSERT INTO pressed SELECT * FROM suites WHERE name IN ('a', 'b');
INSERT INTO pressed SELECT name, configure_probe_suite(suite, k => 3) FROM suites WHERE name = 'large';
SELECT id, name, classify_metadata(curve, suite) FROM samples, pressed WHERE id <= 2 ORDER BY id, name;
SELECT id, name, classify_metadata(curve, suite) FROM samples, pressed WHERE id <= 2 ORDER BY id, name;

-- what is stored changes
UPDATE suites SET suite = made('new', 100) WHERE name = 'a';
EXECUTE tag(1, 'a');
BEGIN;
UPDATE suites SET suite = made('newer', 100) WHERE name = 'a';
EXECUTE tag(1, 'a');
SAVEPOINT s;
UPDATE suites SET suite = made('newest', 100) WHERE name = 'a';
EXECUTE tag(1, 'a');
ROLLBACK TO s;
EXECUTE tag(1, 'a');
ROLLBACK;
EXECUTE tag(1, 'a');
UPDATE suites SET suite = made('a', 100) WHERE name = 'a';
VACUUM FULL suites;
EXECUTE tag(1, 'a');
EXECUTE tag(1, 'b');

-- nothing is kept, and each answer is the same
SET metaprobe.suite_cache_size = 0;
SELECT kept();
EXECUTE tag(1, 'a');
EXECUTE tag(1, 'b');
SELECT id, name, classify_metadata(curve, suite) FROM samples, suites WHERE id <= 2 AND name < 'c' ORDER BY id, name;
SELECT kept();
-- but for what a cursor has in use, and only until it ends
BEGIN;
DECLARE c CURSOR FOR SELECT classify_metadata(curve, suite) FROM samples, suites WHERE name = 'a' ORDER BY id;
FETCH 1 FROM c;
SELECT kept();
EXECUTE tag(1, 'b');
SAVEPOINT s;
SELECT 1 / 0;
ROLLBACK TO s;
FETCH 2 FROM c;
SELECT kept();
CLOSE c;
SELECT kept();
DECLARE c CURSOR FOR SELECT classify_metadata(curve, suite) FROM samples, suites WHERE name = 'a' ORDER BY id;
FETCH 1 FROM c;
SELECT 1 / 0;
ROLLBACK;
SELECT kept();
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT (tag_metadata(curve, suite)).* FROM samples, suites WHERE name = 'a' ORDER BY id;
FETCH 1 FROM h;
COMMIT;
SELECT kept();
EXECUTE tag(1, 'b');
FETCH 2 FROM h;
CLOSE h;
RESET metaprobe.suite_cache_size;

-- the longest unused goes first; one that is too large goes alone
SELECT forget();
SET metaprobe.suite_cache_size = '1MB';
EXECUTE tag(1, 'a');
EXECUTE tag(1, 'b');
EXECUTE tag(1, 'large');
SELECT kept();
DO $$
BEGIN
	FOR i IN 1 .. 200 LOOP
		EXECUTE format('SELECT classify_metadata(line(1), made(%L, 100))', 'other ' || i);
		EXECUTE 'EXECUTE tag(1, ''a'')';
	END LOOP;
END
$$;
SELECT kept() ~ '\ma\M' AS has_a, kept() ~ '\mb\M' AS has_b, kept() ~ 'other' AS has_others;
-- a size is a size, however many there are
CREATE FUNCTION cache.kept_size() RETURNS numeric LANGUAGE sql AS $$
	SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts
	WHERE name = 'metaprobe suite'
$$;
SELECT count(DISTINCT classify_metadata(line(1), made('other ' || i, i % 50 + 2))) FROM generate_series(1, 2000) i;
SELECT kept_size() BETWEEN 512 * 1024 AND 1024 * 1024 AS is_full;
SET metaprobe.suite_cache_size = '200kB';
SELECT kept_size() BETWEEN 1 AND 200 * 1024 AS is_smaller;
BEGIN;
SET LOCAL metaprobe.suite_cache_size = 0;
SELECT kept();
ROLLBACK;
RESET metaprobe.suite_cache_size;
EXECUTE tag(1, 'a');

-- errors: of the label, then of the suite's value
SELECT error_of(format('SELECT label_score(line(1), %L, suite) FROM suites WHERE name = %L', label, 'a'))
	FROM unnest('{b odd,a odd}'::text[]) label;
CREATE TABLE cache.gone AS SELECT suite FROM suites WHERE name = 'b';
CREATE FUNCTION cache.outlives(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	s probe_suite;
BEGIN
	EXECUTE format('SELECT suite FROM %s', relation) INTO s;
	EXECUTE format('TRUNCATE %s', relation);
	RETURN classify_metadata(line(1), s);
END
$$;
SELECT regexp_replace(error_of('SELECT outlives(''gone'')'), '\d+ in pg_toast_\d+', 'n in pg_toast_n');
EXECUTE tag(1, 'b');

-- PL/pgSQL, whose expressions hold on to a suite until the transaction ends
CREATE FUNCTION cache.labels(names text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	s probe_suite;
	said text[];
BEGIN
	FOR i IN 1 .. cardinality(names) LOOP
		SELECT suite INTO s FROM suites WHERE name = names[i];
		BEGIN
			said := said || classify_metadata(line(i), s);
			IF i % 2 = 0 THEN
				PERFORM error_of('SELECT label_score(line(1), ''none'', suite) FROM suites');
				RAISE division_by_zero;
			END IF;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END LOOP;
	RETURN array_to_string(said, ', ');
END
$$;
SELECT labels('{a,b,a,a,tiny,b,large,mini}');
SET metaprobe.suite_cache_size = 0;
SELECT labels('{a,b,a,a,tiny,b,large,mini}');
SELECT kept();
RESET metaprobe.suite_cache_size;
CREATE PROCEDURE cache.commits() LANGUAGE plpgsql AS $$
DECLARE
	s probe_suite;
BEGIN
	FOR i IN 1 .. 4 LOOP
		SELECT suite INTO s FROM suites WHERE name = CASE WHEN i < 3 THEN 'a' ELSE 'b' END;
		RAISE NOTICE '%', classify_metadata(line(i), s);
		IF i % 2 = 1 THEN COMMIT; ELSE ROLLBACK; END IF;
	END LOOP;
END
$$;
CALL commits();

-- memory stays as it is when statements repeat
DO $$
DECLARE
	used bigint[];
BEGIN
	FOR i IN 1 .. 2000 LOOP
		EXECUTE format('SELECT tag_metadata(line(1), suite) FROM suites WHERE name = %L',
			CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END);
		IF i IN (200, 2000) THEN
			used := used || memory_used();
		END IF;
	END LOOP;
	RAISE NOTICE 'grows: %', used[2] - used[1] > 64 * 1024;
END
$$;

DEALLOCATE tag;
SET client_min_messages = warning;
DROP SCHEMA cache CASCADE;
