--
-- Logs of losses in chunks: create_loss_log, loss_curves
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- the table that is made
SELECT create_loss_log('log');
SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull, attstorage, pg_get_expr(adbin, adrelid) AS "default"
	FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	WHERE attrelid = 'log'::regclass AND attnum > 0 ORDER BY attnum;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'log'::regclass AND contype = 'c';
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'log';
-- the same as by hand
CREATE TABLE by_hand (
	run text NOT NULL,
	epoch integer NOT NULL CHECK (epoch >= 0 AND epoch < 16000),
	ids bigint[] NOT NULL,
	losses real[] NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE by_hand ALTER COLUMN losses SET STORAGE EXTERNAL;
CREATE INDEX ON by_hand (run, epoch);
SELECT count(*) AS columns, count(DISTINCT (attname, atttypid, atttypmod, attnotnull, attstorage, attcollation,
		pg_get_expr(adbin, adrelid))) AS different
	FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	WHERE attrelid IN ('log'::regclass, 'by_hand'::regclass) AND attnum > 0;
SELECT count(DISTINCT pg_get_constraintdef(oid)) FROM pg_constraint
	WHERE conrelid IN ('log'::regclass, 'by_hand'::regclass) AND contype = 'c';
DROP TABLE by_hand;
-- which is the user's, not the extension's
SELECT refobjid::regclass FROM pg_depend WHERE objid = 'log'::regclass AND refclassid = 'pg_extension'::regclass;
-- names: qualified, quoted, temporary, one that pg_catalog has as well
CREATE SCHEMA "My Schema";
SELECT create_loss_log('"My Schema".log'), create_loss_log('"My Schema"."a ""log"""'), create_loss_log('Upper');
SELECT create_loss_log('pg_temp.temporary'), create_loss_log('pg_class');
SELECT relname, relpersistence, relnamespace::regnamespace = 'public'::regnamespace AS in_public
	FROM pg_class WHERE oid IN (to_regclass('pg_temp.temporary'), to_regclass('public.pg_class'));
SELECT create_loss_log(NULL);
DROP TABLE public.pg_class, temporary, "My Schema"."a ""log""", upper;
SELECT name || ' -> ' || error_of(format('SELECT create_loss_log(%L)', name))
	FROM unnest(ARRAY['log', 'no_schema.log', '', 'a.b.c', 'a.b.c.d', 'a b', '"', 'pg_catalog.log']) name;
SELECT split_part(error_of(format('INSERT INTO log VALUES (''r'', %s, ''{1}'', ''{1}'')', epoch)), E'\n', 1)
	FROM unnest('{-1,16000}'::integer[]) epoch;
SET default_transaction_read_only = on;
SELECT error_of('SELECT create_loss_log(''other'')');
RESET default_transaction_read_only;
-- a hostile search path does not get in
CREATE SCHEMA hostile;
CREATE DOMAIN hostile.text AS integer;
CREATE FUNCTION hostile.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''2000-01-01''::timestamptz';
CREATE FUNCTION hostile.always(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR hostile.>= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hostile.always);
CREATE FUNCTION hostile.always(pg_catalog.text, pg_catalog.text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR hostile.= (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text, FUNCTION = hostile.always);
SET search_path = hostile, pg_catalog, public, test;
SELECT create_loss_log('"My Schema".other');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '"My Schema".other'::regclass AND contype = 'c';
INSERT INTO "My Schema".other VALUES ('a', 0, '{1}', '{1}'), ('b', 0, '{2}', '{2}');
SELECT * FROM loss_curves('"My Schema".other', 'a');
SET search_path = public, test;
SELECT pg_typeof(run), recorded_at > '2020-01-01' AS is_now FROM "My Schema".other LIMIT 1;

-- the curves of a run; chunks, and ids within them, come in any order
INSERT INTO log (run, epoch, ids, losses) VALUES
	('first', 0, '{7,3}', '{2.5,2.25}'), ('first', 1, '{3}', '{1.5}'), ('first', 0, '{9}', '{2}'),
	('first', 3, '{9,7}', '{0.5,-0}'), ('first', 2, '{}', '{}');
SELECT * FROM loss_curves('log') ORDER BY id;
SELECT (loss_curves('log')).id AS id ORDER BY id;
-- of another run, of none, of no log, of an empty log
INSERT INTO log (run, epoch, ids, losses) VALUES ('second', 1, '{3}', '{7}');
SELECT * FROM loss_curves('log', 'second');
SELECT * FROM loss_curves('log', run => 'third');
SELECT * FROM loss_curves(NULL);
SELECT * FROM loss_curves('"My Schema".log');
SELECT * FROM loss_curves('log', 'second', NULL, NULL);
-- without the run there must be just one
SELECT error_of('SELECT * FROM loss_curves(''log'')');
DELETE FROM log WHERE run = 'second';

-- the same as of the long form
SELECT id, loss_curve_agg(loss, epoch) FROM log, unnest(ids, losses) AS u(id, loss) GROUP BY id ORDER BY id;
-- ids of other types come by the long form
CREATE TABLE files (file text, epoch integer, loss real);
INSERT INTO files VALUES ('cat.png', 0, 2.5), ('dog.png', 1, 0.5), ('dog.png', 0, 1.5);
SELECT file AS id, loss_curve_agg(loss, epoch) AS curve FROM files GROUP BY file ORDER BY file;

-- the extremes of ids and epochs
INSERT INTO log (run, epoch, ids, losses) VALUES
	('extreme', 15999, '{9223372036854775807,-9223372036854775808,0}', '{3.4028235e38,-3.4028235e38,1e-45}');
SELECT id, epochs(curve), observed_epochs(curve), curve[15999]::real FROM loss_curves('log', 'extreme') ORDER BY id;
DELETE FROM log WHERE run = 'extreme';

-- any relation with these columns: other types, other columns, views, partitions
CREATE DOMAIN ids AS integer[];
CREATE TABLE other_types (note text, losses double precision[], ids ids, epoch smallint, dropped integer, run varchar(10));
ALTER TABLE other_types DROP COLUMN dropped;
INSERT INTO other_types VALUES ('x', '{0.1,2}', '{1,2}', 1, 'r'), ('y', '[5:6]={3,4}', '{2,1}', 0, 'r');
SELECT * FROM loss_curves('other_types') ORDER BY id;
SELECT * FROM loss_curves('other_types', 'r') ORDER BY id;
CREATE TABLE smallest (run integer, epoch bigint, ids smallint[], losses real[]);
INSERT INTO smallest VALUES (1, 0, '{-32768}', '{1}'), (2, 0, '{1}', '{2}');
SELECT * FROM loss_curves('smallest', '1');
CREATE VIEW viewed AS
	SELECT 'all' AS run, epoch, array_agg(id::bigint ORDER BY id) AS ids, array_agg(loss ORDER BY id) AS losses
		FROM log, unnest(ids, losses) u(id, loss) GROUP BY epoch;
SELECT * FROM loss_curves('viewed') ORDER BY id;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM viewed;
SELECT * FROM loss_curves('kept', 'all') ORDER BY id;
CREATE TABLE parted (LIKE log INCLUDING DEFAULTS) PARTITION BY LIST (run);
CREATE TABLE part_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE part_b PARTITION OF parted DEFAULT;
INSERT INTO parted (run, epoch, ids, losses) VALUES ('a', 0, '{1}', '{1}'), ('b', 0, '{1}', '{2}'), ('b', 1, '{1}', '{3}');
SELECT * FROM loss_curves('parted', 'b');
SELECT * FROM loss_curves('part_a');
CREATE TEMP TABLE temporary (LIKE log INCLUDING DEFAULTS);
INSERT INTO temporary (run, epoch, ids, losses) VALUES ('a', 0, '{1}', '{1}');
SELECT * FROM loss_curves('temporary');
-- and those without
CREATE TABLE lacking (run text, epoch integer, ids bigint[]);
CREATE TABLE wrong_losses (run text, epoch integer, ids bigint[], losses text);
CREATE TABLE wrong_ids (run text, epoch integer, ids text[], losses real[]);
CREATE TABLE wrong_epoch (run text, epoch numeric, ids bigint[], losses real[]);
SELECT call || ' -> ' || error_of('SELECT * FROM loss_curves(' || call || ')')
	FROM unnest(ARRAY['''lacking''', '''wrong_losses''', '''wrong_ids''', '''wrong_epoch''', '''other_types'', repeated => ''last''',
		'''log_run_epoch_idx''', '''no_such_log''', '4294967295::oid', '''log'', repeated => ''first''',
		'''log'', invalid => ''''']) call;

-- two losses for one epoch: an error, or the last one
CREATE TABLE again (run text, epoch integer, ids bigint[], losses real[], recorded_at timestamp);
INSERT INTO again VALUES ('r', 0, '{1,2}', '{5,6}', '2026-01-02 00:00'), ('r', 1, '{1}', '{4}', '2026-01-02 00:01'),
	('r', 0, '{2,3}', '{7,8}', '2026-01-01 00:00');
SELECT error_of('SELECT * FROM loss_curves(''again'')');
SELECT * FROM loss_curves('again', repeated => 'last') ORDER BY id;
-- within a chunk the later position
INSERT INTO again VALUES ('within', 0, '{1,2,1}', '{5,6,7}', NULL);
SELECT error_of('SELECT * FROM loss_curves(''again'', ''within'')');
SELECT * FROM loss_curves('again', 'within', 'last') ORDER BY id;
-- chunks of one moment, or of an unknown one: by what is in them, which any order of rows has
INSERT INTO again VALUES ('tie', 0, '{1,2}', '{5,6}', '2026-01-01'), ('tie', 0, '{2,1}', '{1,2}', '2026-01-01'),
	('tie', 0, '{2}', '{3}', NULL), ('tie', 0, '{2,3}', '{3,9}', '2025-01-01');
CREATE TABLE reversed AS SELECT * FROM again ORDER BY losses DESC, ids DESC;
SELECT * FROM loss_curves('again', 'tie', 'last') ORDER BY id;
SELECT * FROM loss_curves('reversed', 'tie', 'last') ORDER BY id;

-- invalid losses: an error that says where, or missing epochs
CREATE TABLE invalid (run text, epoch integer, ids bigint[], losses double precision[], recorded_at timestamptz DEFAULT clock_timestamp());
INSERT INTO invalid VALUES
	('null', 3, '{10,11,12}', '{1,NULL,2}'), ('nan', 0, '{10,11}', '{1,NaN}'), ('infinity', 0, '{10}', '{Infinity}'),
	('minus', 0, '{10,11}', '{-Infinity,1}'), ('large', 0, '{10,11}', '{1,-1e39}'), ('tiny', 0, '{10,11}', '{1e-60,-1e-60}');
SELECT run || ' -> ' || error_of(format('SELECT id FROM loss_curves(''invalid'', %L)', run))
	FROM invalid ORDER BY run;
SELECT run, c.* FROM invalid, loss_curves('invalid', run, invalid => 'missing') c ORDER BY run, id;
-- a missing epoch beside a loss is no second loss, but the last one it may be
INSERT INTO invalid VALUES ('both', 0, '{1,2}', '{NULL,5}', '2026-01-01'), ('both', 0, '{1,2}', '{3,NULL}', '2026-01-02'),
	('both', 1, '{1}', '{NaN}', '2026-01-03');
SELECT * FROM loss_curves('invalid', 'both', invalid => 'missing') ORDER BY id;
SELECT * FROM loss_curves('invalid', 'both', repeated => 'last', invalid => 'missing') ORDER BY id;
-- what cannot be
CREATE TABLE broken (run text, epoch bigint, ids bigint[], losses real[]);
INSERT INTO broken VALUES
	('lengths', 4, '{1,2,3}', '{1,2}'), ('empty', 4, '{}', '{1}'), ('id', 4, '{1,NULL}', '{1,2}'), ('no epoch', NULL, '{1}', '{1}'),
	('no ids', 4, NULL, '{1}'), ('no losses', 4, '{1}', NULL), ('dimensions', 4, '{{1},{2}}', '{1,2}'),
	('dimensions of losses', 4, '{1,2}', '{{1,2}}'), ('negative', -1, '{1}', '{1}'), ('late', 16000, '{1}', '{1}'),
	('later', 9223372036854775807, '{1}', '{1}');
SELECT run || ' -> ' || error_of(format('SELECT id FROM loss_curves(''broken'', %L)', run))
	FROM broken ORDER BY run;
SELECT run || ' -> ' || (error_of(format('SELECT id FROM loss_curves(''broken'', %L)', run)) =
	error_of(format('SELECT id FROM loss_curves(''broken'', %L, ''error'', ''missing'')', run))) FROM broken ORDER BY run;
INSERT INTO broken VALUES (NULL, 0, '{1}', '{1}');
DELETE FROM broken WHERE run IS NOT NULL;
SELECT error_of('SELECT * FROM loss_curves(''broken'')');
-- an error leaves nothing open
SELECT * FROM loss_curves('part_a');

-- random chunks against SQL, with and without a temporary file
SELECT setseed(0.5);
CREATE TABLE random_log AS
	SELECT 'r' AS run, (random() * 12)::integer AS epoch, ids, losses,
			'2026-01-01'::timestamptz + (random() * 20)::integer * '1 second'::interval AS recorded_at
		FROM generate_series(1, 600) chunk, LATERAL (
			SELECT array_agg((random() * random() * 5000)::bigint - 100) AS ids,
				array_agg(CASE (random() * 40)::integer WHEN 0 THEN 'NaN' WHEN 1 THEN NULL WHEN 2 THEN 'Infinity'
					ELSE random() - 0.2 END::real) AS losses
			FROM generate_series(1, (chunk % 97)) WHERE chunk > 0) c
		WHERE ids IS NOT NULL;
CREATE FUNCTION memory_kept() RETURNS boolean LANGUAGE sql AS
	$$ SELECT NOT EXISTS (SELECT FROM pg_backend_memory_contexts WHERE name LIKE 'metaprobe %' AND name <> 'metaprobe suite') $$;
CREATE VIEW entries AS
	SELECT id, epoch, CASE WHEN loss < 'Infinity' THEN loss END AS loss, recorded_at, ids, losses, position
		FROM random_log, unnest(ids, losses) WITH ORDINALITY u(id, loss, position);
CREATE TABLE last_wins AS
	SELECT id, loss_curve_agg(loss, epoch) AS curve FROM (
		SELECT DISTINCT ON (id, epoch) id, epoch, loss FROM entries
			ORDER BY id, epoch, recorded_at DESC, ids DESC, losses DESC, position DESC) e GROUP BY id;
SELECT count(*) > 1000 AS many FROM last_wins;
SET work_mem = '64kB';
SELECT count(*) AS differ FROM last_wins FULL JOIN loss_curves('random_log', NULL, 'last', 'missing') c USING (id)
	WHERE c.curve IS DISTINCT FROM last_wins.curve;
SET work_mem = '64MB';
SELECT count(*) AS differ FROM last_wins FULL JOIN loss_curves('random_log', NULL, 'last', 'missing') c USING (id)
	WHERE c.curve IS DISTINCT FROM last_wins.curve;
-- a second loss is found whether in memory or on disk
SELECT error_of('SELECT count(*) FROM loss_curves(''random_log'', invalid => ''missing'')') ~ '^21000: two losses for epoch \d+ of id -?\d+\n' AS in_memory;
SET work_mem = '64kB';
SELECT error_of('SELECT count(*) FROM loss_curves(''random_log'', invalid => ''missing'')') ~ '^21000: two losses for epoch \d+ of id -?\d+\n' AS on_disk;
-- few long curves among many short ones, that no division makes any smaller
CREATE TABLE long_curves AS
	SELECT 'r'::text AS run, epoch, array_agg(id) AS ids, array_agg((id + epoch)::real) AS losses
		FROM generate_series(0, 15999, 7) epoch, generate_series(1, 40) id GROUP BY epoch
	UNION ALL SELECT 'r', epoch, array_agg(id), array_agg((id + epoch)::real)
		FROM generate_series(0, 4) epoch, generate_series(41, 10000) id GROUP BY epoch;
SELECT count(*), sum(epochs(curve)), sum(observed_epochs(curve)), bool_and(curve[epochs(curve) - 1] = id + epochs(curve) - 1) AS last
	FROM loss_curves('long_curves');
SET work_mem = '256MB';
SELECT count(*), sum(epochs(curve)), sum(observed_epochs(curve)), bool_and(curve[epochs(curve) - 1] = id + epochs(curve) - 1) AS last
	FROM loss_curves('long_curves');
RESET work_mem;
SELECT memory_kept();

-- many calls in one query, and in PL/pgSQL, each of which sees what was written before it
SELECT count(*), sum(n) FROM generate_series(1, 200) i, LATERAL (SELECT count(*) + 0 * i AS n FROM loss_curves('log', 'first') OFFSET 0) c;
CREATE FUNCTION recorded(n integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text := '';
BEGIN
	FOR i IN 1 .. n LOOP
		INSERT INTO log (run, epoch, ids, losses) VALUES ('live', i, ARRAY[1, i], ARRAY[i, i]) ;
		said := concat_ws(' ', said, (SELECT curve::text FROM loss_curves('log', 'live', 'last') WHERE id = 1));
	END LOOP;
	RETURN said;
END $$;
SELECT recorded(3);

-- real curves: the losses of a training run, in chunks of 100 and of all
CREATE TABLE dataset (example_id integer, true_label integer, given_label integer, is_mislabelled boolean, curve loss_curve);
CREATE TABLE losses (example_id integer, epoch integer, loss real);
\copy dataset from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/dataset.csv.gz' with (format csv, header)
\copy losses from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/losses.csv.gz' with (format csv, header)
SELECT create_loss_log('mnist_log');
INSERT INTO mnist_log (run, epoch, ids, losses)
	SELECT 'hundreds', epoch, array_agg(example_id), array_agg(loss) FROM losses GROUP BY epoch, example_id % 80;
INSERT INTO mnist_log (run, epoch, ids, losses)
	SELECT 'whole', epoch, array_agg(example_id), array_agg(loss) FROM losses GROUP BY epoch ORDER BY epoch DESC;
SELECT run, count(*), count(*) FILTER (WHERE d.curve = c.curve) AS same
	FROM unnest('{hundreds,whole}'::text[]) run, LATERAL (SELECT * FROM loss_curves('mnist_log', run)) c
	JOIN dataset d ON id = example_id GROUP BY run ORDER BY run;

SET client_min_messages = warning;
DROP TABLE log, "My Schema".log, "My Schema".other, files, other_types, smallest, parted, temporary, lacking, wrong_losses, wrong_ids,
	wrong_epoch, again, reversed, invalid, broken, random_log, last_wins, long_curves, dataset, losses, mnist_log CASCADE;
DROP SCHEMA "My Schema", hostile CASCADE;
DROP DOMAIN ids;
DROP FUNCTION memory_kept, recorded;
RESET client_min_messages;
