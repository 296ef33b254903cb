--
-- Suites read from relations: when, with whose rights, under which snapshot
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE TABLE probes (label text, curve loss_curve);
INSERT INTO probes VALUES ('first', '[1]');
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
CREATE VIEW live AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
CREATE TABLE samples AS SELECT n AS id, ARRAY[n]::loss_curve AS curve FROM generate_series(1, 5) n;

-- read once per query, not once per row: a view that says when it is read
CREATE FUNCTION tell(label text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'probe % is read', label;
	RETURN label;
END
$$;
CREATE VIEW telling AS SELECT tell(label) AS label, curve FROM probes;
SELECT count(classify_metadata(curve, 'telling'::regclass)) FROM samples;
SELECT count(tag_metadata(curve, 'telling'::regclass)) FROM samples;
SELECT count(*) FROM samples s, metadata_probabilities(s.curve, 'telling'::regclass);
SELECT count(*) FROM samples s, nearest_probes(s.curve, 'telling'::regclass);
SELECT count(label_score(curve, 'first', 'telling'::regclass)) FROM samples;
-- once for each query and each relation; a prepared query reads anew
PREPARE tag AS SELECT classify_metadata(curve, 'telling'::regclass) FROM samples LIMIT 1;
EXECUTE tag;
UPDATE probes SET label = 'second';
EXECUTE tag;
EXECUTE tag;
DEALLOCATE tag;
-- a suite in a scalar subquery is read once, too
CREATE VIEW telling_suite AS SELECT probe_suite_agg(label, curve) AS suite FROM telling;
SELECT count(classify_metadata(curve, (SELECT suite FROM telling_suite))) FROM samples;

-- one's own changes are seen, in the statement after them
BEGIN;
SELECT classify_metadata('[1]', 'probes'::regclass);
UPDATE probes SET label = 'third';
SELECT classify_metadata('[1]', 'probes'::regclass), classify_metadata('[1]', 'live'::regclass);
SAVEPOINT s;
UPDATE probes SET label = 'fourth';
SELECT classify_metadata('[1]', 'probes'::regclass), classify_metadata('[1]', 'live'::regclass);
ROLLBACK TO s;
SELECT classify_metadata('[1]', 'probes'::regclass), classify_metadata('[1]', 'live'::regclass);
ROLLBACK;
SELECT classify_metadata('[1]', 'probes'::regclass), classify_metadata('[1]', 'live'::regclass);
-- but a statement's own are not: it sees what was there when it began
WITH u AS (UPDATE probes SET label = 'fifth' RETURNING classify_metadata(curve, 'probes'::regclass) AS before)
	SELECT before, classify_metadata('[1]', 'probes'::regclass) AS beside FROM u;
SELECT classify_metadata('[1]', 'probes'::regclass) AS after;

-- in a loop of PL/pgSQL: by expressions, which keep their functions, by queries, and by default
SET metaprobe.default_suite = 'public.probes';
DO $$
DECLARE
	by_query text;
	deeper text;
BEGIN
	FOR i IN 1..3 LOOP
		UPDATE probes SET label = 'loop ' || i;
		SELECT classify_metadata('[1]', 'probes'::regclass) INTO by_query;
		RAISE NOTICE '%, %, %, %', classify_metadata('[1]', 'probes'::regclass),
			classify_metadata('[1]', 'live'::regclass),
			by_query, classify_metadata('[1]');
		BEGIN
			UPDATE probes SET label = 'undone ' || i;
			deeper := classify_metadata('[1]', 'probes'::regclass);
			RAISE NOTICE '%', deeper;
			RAISE EXCEPTION 'undo';
		EXCEPTION WHEN raise_exception THEN
			deeper := classify_metadata('[1]', 'probes'::regclass);
			RAISE NOTICE '%', deeper;
		END;
	END LOOP;
END
$$;
-- the same expression in a loop, with nothing but the change between its evaluations
CREATE FUNCTION label_now(relation regclass) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN classify_metadata(''[1]'', relation); END';
DO $$
BEGIN
	FOR i IN 4..6 LOOP
		UPDATE probes SET label = 'loop ' || i;
		RAISE NOTICE '%, %', label_now('probes'), label_now('live');
		COMMIT;
		RAISE NOTICE '%, %', label_now('probes'), label_now('live');
	END LOOP;
END
$$;
-- a table that a loop drops and makes again
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		CREATE TEMP TABLE passing AS SELECT 'passing ' || i AS label, '[1]'::loss_curve AS curve;
		RAISE NOTICE '%', label_now('passing');
		ALTER TABLE passing RENAME label TO name;
		RAISE NOTICE '%', label_now('passing');
		DROP TABLE passing;
	END LOOP;
END
$$;
-- a STABLE function works under its caller's snapshot, a VOLATILE one under its own
CREATE FUNCTION stable_label() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN classify_metadata(''[1]'', ''probes''::regclass); END';
CREATE FUNCTION volatile_label() RETURNS text LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN classify_metadata(''[1]'', ''probes''::regclass); END';
UPDATE probes SET label = 'before';
CREATE FUNCTION change(label text) RETURNS text LANGUAGE sql VOLATILE AS 'UPDATE probes SET label = change.label RETURNING label';
SELECT stable_label(), volatile_label(), change('after'), stable_label(), volatile_label();
SELECT change('now ' || n), volatile_label(), classify_metadata('[1]', 'probes'::regclass)
	FROM generate_series(1, 3) n;
-- a cursor keeps the snapshot that it was opened with
BEGIN;
DECLARE tags CURSOR FOR SELECT id, classify_metadata(curve, 'probes'::regclass) FROM samples ORDER BY id;
FETCH 1 FROM tags;
UPDATE probes SET label = 'later';
FETCH 1 FROM tags;
SELECT classify_metadata('[1]', 'probes'::regclass);
FETCH 1 FROM tags;
COMMIT;
-- triggers and constraints see the changes of their own statement
CREATE TABLE tagged (id integer, curve loss_curve, label text);
CREATE FUNCTION tag_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.label := classify_metadata(NEW.curve, 'probes'::regclass);
	RETURN NEW;
END
$$;
CREATE TRIGGER tag BEFORE INSERT ON tagged FOR EACH ROW EXECUTE FUNCTION tag_row();
INSERT INTO tagged SELECT id, curve FROM samples LIMIT 2;
UPDATE probes SET label = 'latest';
INSERT INTO tagged SELECT id, curve FROM samples LIMIT 2;
SELECT label, count(*) FROM tagged GROUP BY label ORDER BY label;

-- the caller's rights, and no one else's
CREATE ROLE regress_metaprobe_reader;
CREATE ROLE regress_metaprobe_other;
GRANT SELECT ON samples TO regress_metaprobe_reader, regress_metaprobe_other;
GRANT USAGE ON SCHEMA test TO regress_metaprobe_reader, regress_metaprobe_other;
GRANT SELECT ON probes TO regress_metaprobe_other;
SET ROLE regress_metaprobe_reader;
SELECT error_of('SELECT classify_metadata(''[1]'', ''probes''::regclass)');
SELECT error_of('SELECT classify_metadata(''[1]'')');
SELECT error_of('SELECT classify_metadata(''[1]'', ''suites''::regclass)');
RESET ROLE;
-- column privileges are enough, and a view lends its owner's rights
GRANT SELECT (label, curve) ON probes TO regress_metaprobe_reader;
SET ROLE regress_metaprobe_reader;
SELECT classify_metadata('[1]', 'probes'::regclass);
RESET ROLE;
REVOKE SELECT (label, curve) ON probes FROM regress_metaprobe_reader;
GRANT SELECT ON live TO regress_metaprobe_reader;
SET ROLE regress_metaprobe_reader;
SELECT classify_metadata('[1]', 'live'::regclass);
RESET ROLE;
-- in one PL/pgSQL expression, under changing roles: what was read for one is not shown to the other
GRANT EXECUTE ON FUNCTION label_now(regclass) TO regress_metaprobe_reader, regress_metaprobe_other;
BEGIN;
SET LOCAL ROLE regress_metaprobe_other;
SELECT label_now('probes');
SET LOCAL ROLE regress_metaprobe_reader;
SELECT error_of('SELECT label_now(''probes'')');
COMMIT;
PREPARE label AS SELECT classify_metadata('[1]', 'probes'::regclass);
SET ROLE regress_metaprobe_other;
EXECUTE label;
SET ROLE regress_metaprobe_reader;
SELECT error_of('EXECUTE label');
RESET ROLE;
DEALLOCATE label;
-- row security is the reader's
CREATE TABLE secret (owner text, label text, curve loss_curve);
INSERT INTO secret VALUES ('regress_metaprobe_reader', 'for the reader', '[1]'),
	('regress_metaprobe_other', 'for the other', '[1]');
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (owner = current_user);
GRANT SELECT ON secret TO regress_metaprobe_reader, regress_metaprobe_other;
BEGIN;
SET LOCAL ROLE regress_metaprobe_other;
SELECT label_now('secret');
SET LOCAL ROLE regress_metaprobe_reader;
SELECT label_now('secret');
COMMIT;
-- a view that asks a setting is read again when that has changed
CREATE VIEW asking AS SELECT current_setting('application_name') AS label, '[1]'::loss_curve AS curve;
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		PERFORM set_config('application_name', 'setting ' || i, true);
		RAISE NOTICE '%', label_now('asking');
	END LOOP;
END
$$;

-- neither the search path nor shadowing objects decide what is read
CREATE SCHEMA shadow;
CREATE TABLE shadow.probes AS SELECT 'shadow' AS label, '[1]'::loss_curve AS curve;
CREATE FUNCTION shadow.probe_suite_agg(text, loss_curve) RETURNS probe_suite
	LANGUAGE sql AS 'SELECT NULL::probe_suite';
CREATE DOMAIN shadow.text AS integer;
SET search_path = shadow, public, test, pg_catalog;
SELECT classify_metadata('[1]', 'public.probes'::regclass), classify_metadata('[1]', 'probes'::regclass),
	classify_metadata('[1]');
SET search_path = pg_catalog;
SELECT public.classify_metadata('[1]', 'public.probes'::regclass), public.classify_metadata('[1]');
SET search_path = public, test;
-- temporary tables: read by the backend itself, refused in a worker
CREATE TEMP TABLE temporary AS SELECT 'temporary' AS label, '[1]'::loss_curve AS curve;
SELECT classify_metadata('[1]', 'temporary'::regclass);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT plan_of('SELECT classify_metadata(curve, ''temporary''::regclass) FROM samples');
SELECT error_of('SELECT count(classify_metadata(curve, ''temporary''::regclass)) FROM samples');
SELECT count(classify_metadata(curve, (SELECT probe_suite_agg(label, curve) FROM temporary))) FROM samples;
SELECT count(classify_metadata(curve, 'probes'::regclass)), count(classify_metadata(curve)),
	count(classify_metadata(curve, 'live'::regclass)) FROM samples;
-- a worker, too, reads once for all its rows
SET max_parallel_workers_per_gather = 1;
SELECT count(classify_metadata(curve, 'telling'::regclass)) FROM samples;
SET metaprobe.default_suite = 'public.telling_suite';
SELECT count(classify_metadata(curve)) FROM samples;
-- workers see what their leader sees
BEGIN;
UPDATE probes SET label = 'uncommitted';
SELECT classify_metadata(curve, 'probes'::regclass) AS label, count(*) FROM samples GROUP BY 1;
ROLLBACK;
RESET ALL;
SET search_path = public, test;

-- a relation that is being locked is not waited for without need: reading takes no more than ACCESS SHARE
BEGIN;
SELECT classify_metadata('[1]', 'probes'::regclass);
SELECT DISTINCT mode FROM pg_locks WHERE relation = 'probes'::regclass AND pid = pg_backend_pid();
COMMIT;
-- in a read-only transaction, and in an index expression not at all
BEGIN READ ONLY;
SELECT classify_metadata('[1]', 'probes'::regclass);
COMMIT;
CREATE INDEX ON samples (classify_metadata(curve, 'probes'::regclass));
ALTER TABLE samples ADD tag text GENERATED ALWAYS AS (classify_metadata(curve)) STORED;
-- recursion: a view that classifies with a suite that is read from another
CREATE VIEW nested AS SELECT classify_metadata(curve, 'probes'::regclass) || '!' AS label, curve FROM samples;
SELECT classify_metadata('[1]', 'nested'::regclass);
CREATE VIEW endless AS SELECT 'x'::text AS label, '[1]'::loss_curve AS curve;
CREATE OR REPLACE VIEW endless AS SELECT classify_metadata('[1]', 'endless'::regclass) AS label,
	'[1]'::loss_curve AS curve;
SELECT left(error_of('SELECT classify_metadata(''[1]'', ''endless''::regclass)'), 33);
SELECT classify_metadata('[1]', 'probes'::regclass) AS still_alive;

SET client_min_messages = warning;
DROP TABLE probes, suites, samples, tagged, secret CASCADE;
DROP SCHEMA shadow CASCADE;
DROP VIEW asking, endless;
DROP FUNCTION tell, label_now, stable_label, volatile_label, change, tag_row;
REVOKE USAGE ON SCHEMA test FROM regress_metaprobe_reader, regress_metaprobe_other;
DROP ROLE regress_metaprobe_reader, regress_metaprobe_other;
