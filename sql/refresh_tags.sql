--
-- Tag tables brought up to date
--
SET client_min_messages = warning;
CREATE SCHEMA refresh_test;
SET search_path = refresh_test, public;

CREATE TABLE probes AS
	SELECT chr(97 + n % 3) AS label, array_agg(n % 3 + n * 0.01 * e ORDER BY e)::loss_curve AS curve
	FROM generate_series(1, 60) n, generate_series(0, 4) e GROUP BY n;
CREATE TABLE suites AS SELECT configure_probe_suite(probe_suite_agg(label, curve), k => 5) AS suite FROM probes;
CREATE TABLE samples (id integer PRIMARY KEY, source text, curve loss_curve);
INSERT INTO samples SELECT n, 'web', array_agg(n % 7 * 0.4 + n * 0.003 * e ORDER BY e)
	FROM generate_series(1, 500) n, generate_series(0, 4) e GROUP BY n;
SELECT create_tag_table('tags', 'samples');
-- columns of the owner's stay what they are
ALTER TABLE tags ADD COLUMN reviewed boolean NOT NULL DEFAULT false;

-- every tag that is not what tag_metadata says, and every row without its tag
CREATE VIEW wrong AS
	SELECT coalesce(s.id, t.id) AS id FROM tags t FULL JOIN (
		SELECT id, curve, tag_metadata(curve, suite) AS tag, (probe_suite_info(suite)).hash
		FROM samples, suites OFFSET 0) s USING (id)
	WHERE (s.id, (s.tag).label, (s.tag).probability, (s.tag).score, (s.tag).runner_up, (s.tag).margin,
			(s.tag).distance, (s.tag).novelty, coalesce(loss_curve_hash_extended(curve, 0), 0), hash)
		IS DISTINCT FROM (t.id, label, probability, score, runner_up, margin,
			distance, novelty, curve_hash, suite_hash);

CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
SELECT label, count(*), count(DISTINCT suite_hash) FROM tags GROUP BY label ORDER BY label;
CALL refresh_tags('tags', 'samples', 'suites');

-- new rows, changed rows, rows that are gone, keys that changed, curves without tags
UPDATE tags SET reviewed = true, tagged_at = '-infinity';
INSERT INTO samples SELECT id + 1000, source, curve FROM samples WHERE id <= 20;
UPDATE samples SET curve[2] = 9 WHERE id BETWEEN 101 AND 130;
UPDATE samples SET curve = curve[0:1] WHERE id BETWEEN 131 AND 135;
UPDATE samples SET curve = NULL WHERE id BETWEEN 201 AND 203;
UPDATE samples SET curve = '[]' WHERE id = 204;
UPDATE samples SET curve = '[null,null]' WHERE id = 205;
UPDATE samples SET source = 'book' WHERE id BETWEEN 300 AND 350;
UPDATE samples SET id = -id WHERE id BETWEEN 301 AND 303;
DELETE FROM samples WHERE id BETWEEN 401 AND 420;
SELECT count(*) FROM wrong;
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
SELECT id, label, probability, novelty, curve_hash = 0 AS no_curve FROM tags WHERE id BETWEEN 201 AND 205 ORDER BY id;
SELECT reviewed, tagged_at = '-infinity' AS left_alone, count(*) FROM tags GROUP BY 1, 2 ORDER BY 1, 2;
CALL refresh_tags('tags', 'samples', 'suites');
-- a curve that comes back
UPDATE samples SET curve = '[1,1,1,1,1]' WHERE id BETWEEN 201 AND 205;
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
-- a tag that somebody spoilt is not looked at, one that is missing is
UPDATE tags SET label = 'spoilt' WHERE id = 1;
DELETE FROM tags WHERE id = 2;
CALL refresh_tags('tags', 'samples', 'suites');
SELECT id FROM wrong;
UPDATE tags SET curve_hash = 1 WHERE id = 1;
CALL refresh_tags('tags', 'samples', 'suites');

-- another suite changes all; an equal one nothing
UPDATE suites SET suite = configure_probe_suite(suite, k => 7, weights => 'distance');
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
UPDATE suites SET suite = configure_probe_suite(suite, k => 7);
CALL refresh_tags('tags', 'samples', 'suites');
-- a limit of novelty: no label beyond, and tags that say so
UPDATE suites SET suite = configure_probe_suite(suite, max_novelty => 1.2);
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
SELECT label IS NULL AS refused, count(*) > 10 AS some, bool_and(novelty > 1.2 AND novelty IS NOT NULL) AS beyond,
	count(*) = count(distance) AS with_distance, count(probability) = 0 AND count(score) = 0 AND count(margin) = 0
		AND count(runner_up) = 0 AS nothing_of_a_label FROM tags GROUP BY 1 ORDER BY 1;
SELECT (tag_chart('tags') #> '{data,values}') @> format('[{"label":null,"tags":%s}]', (SELECT count(*) FROM tags WHERE label IS NULL))::jsonb
	AS shown;
CALL refresh_tags('tags', 'samples', 'suites');
UPDATE suites SET suite = configure_probe_suite(suite, max_novelty => 'Infinity');
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
-- the suite of a probe table, and of a view
CALL refresh_tags('tags', 'samples', 'probes');
CREATE VIEW live_suite AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
CALL refresh_tags('tags', 'samples', 'live_suite');
DELETE FROM probes WHERE label = 'c';
CALL refresh_tags('tags', 'samples', 'live_suite');
SELECT label, count(*) FROM tags GROUP BY label ORDER BY label;
CALL refresh_tags('tags', 'samples', 'suites');

-- batches of any size; arguments by name
TRUNCATE tags;
CALL refresh_tags('tags', 'samples', 'suites', batch_size => 1);
SELECT count(*) FROM wrong;
TRUNCATE tags;
CALL refresh_tags(source => 'samples', suite => 'suites', tag_table => 'tags', batch_size => 77);
TRUNCATE tags;
CALL refresh_tags('tags', 'samples', 'suites', NULL, NULL);
SELECT count(*) FROM wrong;

-- how far it is
SET client_min_messages = notice;
CALL refresh_tags('tags', 'samples', 'suites');
SET client_min_messages = warning;

-- inside a transaction, whose own changes it sees, and which may roll it back
BEGIN;
DELETE FROM samples WHERE id > 100;
UPDATE samples SET curve = curve || 1;
CALL refresh_tags('tags', 'samples', 'suites', batch_size => 10);
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
ROLLBACK;
SELECT count(*) FROM wrong;
-- inside PL/pgSQL: the counts need variables
UPDATE samples SET curve[0] = 4 WHERE id BETWEEN 11 AND 40;
CREATE FUNCTION refreshed() RETURNS text LANGUAGE plpgsql AS $$
DECLARE added bigint; changed bigint; removed bigint; unchanged bigint;
BEGIN
	CALL refresh_tags('tags', 'samples', 'suites', NULL, 10, added, changed, removed, unchanged);
	RETURN format('added %s, changed %s, removed %s, unchanged %s', added, changed, removed, unchanged);
END $$;
SELECT refreshed();
UPDATE samples SET curve[0] = 5 WHERE id BETWEEN 11 AND 40;
DO $$
DECLARE added bigint; changed bigint; removed bigint; unchanged bigint;
BEGIN
	CALL refresh_tags('tags', 'samples', 'suites', NULL, 10, added, changed, removed, unchanged);
	ROLLBACK;
	RAISE WARNING 'changed %', changed;
END $$;
SELECT count(*) FROM wrong;
-- several statements in one string are one transaction, which fails as a whole
UPDATE samples SET curve[0] = 6 WHERE id BETWEEN 11 AND 40;
CALL refresh_tags('tags', 'samples', 'suites', batch_size => 10)\; SELECT 1 / 0;
SELECT count(*) FROM wrong;
CALL refresh_tags('tags', 'samples', 'suites');

-- what an earlier, broken refresh left in the session is not in the way
CREATE TEMP TABLE metaprobe_refresh (something text);
UPDATE samples SET curve[0] = 7 WHERE id BETWEEN 11 AND 40;
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*) FROM wrong;
SELECT to_regclass('pg_temp.metaprobe_refresh') IS NULL AS nothing_left;

-- sources of other kinds: views, partitioned tables, children, keys of many types
CREATE TABLE losses AS SELECT 'run ' || id % 2 AS run, id, e AS epoch, curve[e] AS loss
	FROM samples, generate_series(0, 4) e WHERE curve[e] IS NOT NULL;
CREATE VIEW aggregated AS SELECT run, id, loss_curve_agg(loss, epoch) AS train_curve FROM losses GROUP BY run, id;
SELECT create_tag_table('run_tags', 'aggregated', '{run,id}');
CALL refresh_tags('run_tags', 'aggregated', 'suites', batch_size => 7);
DELETE FROM losses WHERE epoch = 4 AND id % 5 = 0 OR id % 5 = 1;
CALL refresh_tags('run_tags', 'aggregated', 'suites', curve_column => 'train_curve');
SELECT count(*) AS rows, count(*) FILTER (WHERE t.label = (tag).label AND distance = (tag).distance) AS equal
	FROM run_tags t FULL JOIN (SELECT run, id, tag_metadata(train_curve, suite) AS tag FROM aggregated, suites OFFSET 0) s
	USING (run, id);
CREATE TABLE parted (id uuid, "Part" date, curve loss_curve(5), old_curve loss_curve, PRIMARY KEY ("Part", id))
	PARTITION BY RANGE ("Part");
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT md5(id::text)::uuid, '2020-12-01'::date + id, curve, '[1]' FROM samples WHERE epochs(curve) = 5;
SELECT create_tag_table('parted_tags', 'parted');
CALL refresh_tags('parted_tags', 'parted', 'suites', batch_size => 100);
UPDATE parted SET "Part" = "Part" + 1 WHERE id::text < '1';
CALL refresh_tags('parted_tags', 'parted', 'suites', batch_size => 100);
SELECT count(*) AS rows, count(*) FILTER (WHERE t.label = (tag).label AND distance = (tag).distance) AS equal
	FROM parted_tags t FULL JOIN (SELECT "Part", id, tag_metadata(curve, suite) AS tag FROM parted, suites OFFSET 0) s
	USING ("Part", id);
CALL refresh_tags('parted_tags', 'parted', 'suites', 'old_curve');
SELECT count(DISTINCT curve_hash) FROM parted_tags;
CREATE TABLE child () INHERITS (samples);
INSERT INTO child VALUES (5001, 'child', '[1,2,3,4,5]');
CALL refresh_tags('tags', 'samples', 'suites');
INSERT INTO child VALUES (1, 'a second row 1', '[1,2,3,4,5]');
CALL refresh_tags('tags', 'samples', 'suites');
DROP TABLE child;
CALL refresh_tags('tags', 'samples', 'suites');

-- keys that are none
CREATE VIEW doubled AS SELECT id % 400 AS id, curve FROM samples WHERE id BETWEEN 1 AND 400 OR id = 477;
CALL refresh_tags('tags', 'doubled', 'suites');
CREATE VIEW null_key AS SELECT nullif(id, 77) AS id, curve FROM samples;
CALL refresh_tags('tags', 'null_key', 'suites');
CREATE TABLE nullable (id integer UNIQUE, curve loss_curve);
INSERT INTO nullable VALUES (1, '[1]'), (NULL, '[1]');
CALL refresh_tags('tags', 'nullable', 'suites');
SELECT count(*) FROM wrong;

-- what is refused
CALL refresh_tags('samples', 'samples', 'suites');
CALL refresh_tags('tags', 'tags', 'suites');
CALL refresh_tags('wrong', 'samples', 'suites');
CALL refresh_tags('tags', 'samples', 'samples');
CALL refresh_tags('tags', 'probes', 'suites');
CALL refresh_tags('tags', 'samples', 'suites', 'source');
CALL refresh_tags('tags', 'samples', 'suites', batch_size => 0);
CALL refresh_tags('tags', 'samples', 'suites', batch_size => -5);
CALL refresh_tags('tags', 'samples', 'no_suite');
CALL refresh_tags(NULL, 'samples', 'suites');
CALL refresh_tags('tags', 1, 'suites');
CALL refresh_tags(1, 'samples', 'suites');
CREATE TABLE long_id (id bigint PRIMARY KEY, curve loss_curve);
CALL refresh_tags('tags', 'long_id', 'suites');
CREATE TABLE two_curves (id integer PRIMARY KEY, a loss_curve, b loss_curve);
CALL refresh_tags('tags', 'two_curves', 'suites');
CREATE TABLE no_curve (id integer PRIMARY KEY);
CALL refresh_tags('tags', 'no_curve', 'suites');
CREATE TABLE keyless (LIKE tags);
CALL refresh_tags('keyless', 'samples', 'suites');
TRUNCATE suites;
CALL refresh_tags('tags', 'samples', 'suites');
INSERT INTO suites SELECT probe_suite_agg(label, curve) FROM probes GROUP BY label;
CALL refresh_tags('tags', 'samples', 'suites');

TRUNCATE suites;
INSERT INTO suites SELECT probe_suite_agg(label, curve) FROM probes;

-- whoever may read the source, but does not own the tags
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA refresh_test TO regress_reader;
GRANT ALL ON ALL TABLES IN SCHEMA refresh_test TO regress_reader;
SET ROLE regress_reader;
CALL refresh_tags('tags', 'samples', 'probes');
RESET ROLE;
-- an ordinary user's tags are those of the rows that the user may see
GRANT CREATE ON SCHEMA refresh_test TO regress_reader;
ALTER TABLE samples ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON samples TO regress_reader USING (id <= 200);
SET ROLE regress_reader;
SELECT create_tag_table('own_tags', 'samples');
CALL refresh_tags('own_tags', 'samples', 'probes');
RESET ROLE;
DROP POLICY few ON samples;
CREATE POLICY others ON samples TO regress_reader USING (id BETWEEN 151 AND 230);
SET ROLE regress_reader;
CALL refresh_tags('own_tags', 'samples', 'probes');
RESET ROLE;
SELECT min(id), max(id), count(*) FROM own_tags;
REVOKE SELECT ON samples, probes FROM regress_reader;
SET ROLE regress_reader;
CALL refresh_tags('own_tags', 'samples', 'suites');
CALL refresh_tags('own_tags', 'samples', 'probes');
RESET ROLE;
ALTER TABLE samples DISABLE ROW LEVEL SECURITY;
DROP TABLE own_tags;

-- operators and functions that somebody put in the way are not used
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.yes(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION hostile.yes(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION hostile.yes(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR hostile.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hostile.yes);
CREATE OPERATOR hostile.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.yes);
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.yes);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;
CREATE FUNCTION hostile.tag_metadata(loss_curve, probe_suite) RETURNS metadata_tag LANGUAGE sql AS 'SELECT NULL::metadata_tag';
CREATE FUNCTION hostile.loss_curve_hash_extended(loss_curve, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 7::bigint';
TRUNCATE tags;
SET search_path = hostile, pg_catalog, public;
CALL public.refresh_tags('refresh_test.tags', 'refresh_test.samples', 'refresh_test.suites');
CALL public.refresh_tags('refresh_test.tags', 'refresh_test.doubled', 'refresh_test.suites');
SET search_path = refresh_test, public;
SELECT count(*) FROM wrong;
SELECT count(*) FROM tags WHERE tagged_at = '-infinity';

RESET search_path;
DROP SCHEMA refresh_test, hostile CASCADE;
DROP ROLE regress_reader;
