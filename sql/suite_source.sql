--
-- Suites of relations and the default suite
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE SCHEMA sources;
SET search_path = public, test, sources;
CREATE TABLE sources.probes (id text, label text, curve loss_curve);
INSERT INTO probes VALUES ('p1', 'low', '[1,1]'), ('p2', 'low', '[1,2]'), ('p3', 'high', '[9,9]'),
	('p4', 'high', '[8,9]');
CREATE TABLE sources.suites AS SELECT configure_probe_suite(probe_suite_agg(label, curve, id), k => 2) AS suite
	FROM probes;
CREATE VIEW sources.live AS SELECT configure_probe_suite(probe_suite_agg(label, curve, id), k => 2) AS suite
	FROM probes;

-- all functions in their three forms
SELECT classify_metadata('[2,2]', suite), classify_metadata('[2,2]', 'probes'::regclass),
	classify_metadata('[2,2]', 'suites'::regclass),
	classify_metadata('[2,2]', 'live'::regclass) FROM suites;
SELECT t.* FROM tag_metadata('[2,2]', 'suites'::regclass) t;
SELECT label_score('[2,2]', 'low', 'suites'::regclass);
SELECT * FROM metadata_probabilities('[2,2]', 'suites'::regclass);
SELECT * FROM nearest_probes('[2,2]', 'suites'::regclass);
SELECT * FROM nearest_probes('[2,2]', 'suites'::regclass, 3);
SET metaprobe.default_suite = 'sources.live';
SELECT classify_metadata('[2,2]');
SELECT t.* FROM tag_metadata('[2,2]') t;
SELECT label_score('[2,2]', 'low');
SELECT * FROM metadata_probabilities('[2,2]');
SELECT * FROM nearest_probes('[2,2]');
SELECT * FROM nearest_probes('[2,2]', 3);
SELECT * FROM nearest_probes('[2,2]', n => 1);
-- NULLs
SELECT classify_metadata(NULL::loss_curve), tag_metadata(NULL), label_score('[1]', NULL), label_score(NULL, 'low');
SELECT classify_metadata('[1]', NULL::regclass), label_score('[1]', 'low', NULL::regclass),
	tag_metadata('[1]', NULL::regclass);
SELECT count(*) FROM metadata_probabilities(NULL), nearest_probes(NULL::loss_curve);
SELECT count(*) FROM nearest_probes('[1,1]', NULL::regclass), metadata_probabilities('[1,1]', NULL::regclass);

-- the setting: schema.relation, quoted where needed; nothing is looked up before use
SELECT error_of(format('SET metaprobe.default_suite = %L', value))
	FROM unnest('{probes,a.b.c,.probes,sources.,sources..probes,"sources.pro bes",42,sources.nowhere,"\"sources\".\"probes\""," sources . probes "}'::text[]) value;
SHOW metaprobe.default_suite;
SELECT classify_metadata('[2,2]');
CREATE TABLE sources."Probe ""Table""" AS SELECT 'quoted' AS label, '[1,1]'::loss_curve AS curve;
SET metaprobe.default_suite = 'sources."Probe ""Table"""';
SELECT classify_metadata('[2,2]'), classify_metadata('[2,2]', 'sources."Probe ""Table"""'::regclass);
SET metaprobe.default_suite = 'sources.nowhere';
SELECT error_of('SELECT classify_metadata(''[2,2]'')');
SET metaprobe.default_suite = 'nowhere.probes';
SELECT error_of('SELECT classify_metadata(''[2,2]'')');
SET metaprobe.default_suite = '';
SELECT error_of(format('SELECT %s', call)) FROM unnest(ARRAY['classify_metadata(''[2,2]'')',
	'tag_metadata(''[2,2]'')', 'label_score(''[2,2]'', ''low'')',
	'metadata_probabilities(''[2,2]'')', 'nearest_probes(''[2,2]'')']) call;
RESET metaprobe.default_suite;
SHOW metaprobe.default_suite;
BEGIN;
SET LOCAL metaprobe.default_suite = 'sources.probes';
SELECT classify_metadata('[2,2]');
COMMIT;
SELECT error_of('SELECT classify_metadata(''[2,2]'')');
SET metaprobe.unknown = 1;
-- of a function, and changed from statement to statement of PL/pgSQL
CREATE FUNCTION defaulted(curve loss_curve) RETURNS text LANGUAGE sql STABLE SET metaprobe.default_suite = 'sources.live' AS 'SELECT classify_metadata(curve)';
SELECT defaulted('[9,9]');
DO $$
BEGIN
	FOR i IN 1..4 LOOP
		PERFORM set_config('metaprobe.default_suite',
			CASE WHEN i % 2 = 1 THEN 'sources.probes' ELSE 'sources."Probe ""Table"""' END, false);
		RAISE NOTICE '%', classify_metadata('[9,9]');
	END LOOP;
END
$$;
RESET metaprobe.default_suite;

-- what can be a probe table: label and curve among others, or the only text and the only loss_curve column
CREATE TABLE sources.named (note text, label text, other loss_curve, curve loss_curve, probe_id integer);
INSERT INTO named VALUES ('x', 'by name', '[5]', '[1,1]', 7);
SELECT id, label, curve FROM nearest_probes('[1,1]', 'named'::regclass);
CREATE TABLE sources.both (label loss_curve, kind text, curve loss_curve, probe_id integer, id integer);
INSERT INTO sources.both VALUES ('[1]', 'the only text', '[1,1]', 7, 8);
SELECT id, label, curve FROM nearest_probes('[1,1]', 'sources.both'::regclass);
CREATE TABLE sources.sole (kind text, trace loss_curve, n integer);
INSERT INTO sole VALUES ('by type', '[1,1]', 1);
SELECT id, label, curve FROM nearest_probes('[1,1]', 'sole'::regclass);
CREATE DOMAIN sources.trace AS loss_curve;
CREATE TYPE sources.kind AS ENUM ('by enum');
CREATE TABLE sources.typed (label sources.kind, trace sources.trace, id bigint);
INSERT INTO typed VALUES ('by enum', '[1,1]', 12345678901);
SELECT id, label, curve FROM nearest_probes('[1,1]', 'typed'::regclass);
CREATE TABLE sources.chars (a varchar(10), b loss_curve(2));
INSERT INTO chars VALUES ('by varchar', '[1,1]');
SELECT classify_metadata('[1,1]', 'chars'::regclass);
CREATE TABLE sources."select" ("from" text, "where" loss_curve, "Dropped" text);
INSERT INTO "select" VALUES ('by keyword', '[1,1]');
ALTER TABLE "select" DROP "Dropped";
SELECT classify_metadata('[1,1]', '"select"'::regclass);
-- views, materialized views, partitioned tables, temporary tables; a domain over probe_suite
CREATE VIEW sources.viewed AS SELECT label, curve FROM probes WHERE label = 'low';
CREATE MATERIALIZED VIEW sources.materialized AS SELECT label, curve FROM probes WHERE label = 'high';
CREATE TABLE sources.parted (label text, curve loss_curve) PARTITION BY LIST (label);
CREATE TABLE sources.parted_low PARTITION OF parted FOR VALUES IN ('low');
CREATE TABLE sources.parted_high PARTITION OF parted FOR VALUES IN ('high');
INSERT INTO parted SELECT label, curve FROM probes;
CREATE TEMP TABLE temporary AS SELECT label || '!' AS label, curve FROM probes;
CREATE DOMAIN sources.my_suite AS probe_suite;
CREATE TABLE sources.domained AS SELECT suite::my_suite AS mine, 'text' AS label, '[1]'::loss_curve AS curve
	FROM suites;
SELECT relation, classify_metadata('[3,3]', relation::regclass)
	FROM unnest('{viewed,materialized,parted,parted_high,temporary,domained}'::text[]) relation;
-- the same tag from every form of the same probes
SELECT count(DISTINCT tag) FROM unnest('{suites,live,domained}'::regclass[]) relation,
	tag_metadata('[2.5,7]', relation) tag;

-- what cannot
CREATE TABLE sources.two_texts (a text, b text, curve loss_curve);
CREATE TABLE sources.no_text (a integer, curve loss_curve);
CREATE TABLE sources.two_curves (label text, a loss_curve, b loss_curve);
CREATE TABLE sources.no_curve (label text, a real[]);
CREATE TABLE sources.no_columns ();
CREATE TABLE sources.two_suites (a probe_suite, b probe_suite);
CREATE TABLE sources.no_rows (suite probe_suite);
CREATE TABLE sources.null_suite AS SELECT NULL::probe_suite AS suite;
CREATE TABLE sources.many_rows AS SELECT suite FROM suites, generate_series(1, 3);
CREATE TABLE sources.empty_probes (label text, curve loss_curve);
CREATE TABLE sources.null_probes AS SELECT NULL::text AS label, '[1]'::loss_curve AS curve;
CREATE INDEX probes_label ON probes (label);
CREATE SEQUENCE sources.counter;
CREATE TYPE sources.composite AS (label text, curve loss_curve);
SELECT relation || ': ' || error_of(format('SELECT classify_metadata(''[1,1]'', %L::regclass)', relation))
	FROM unnest('{two_texts,no_text,two_curves,no_curve,no_columns,two_suites,no_rows,null_suite,many_rows,empty_probes,null_probes,probes_label,counter,composite}'::text[]) relation;
SELECT error_of('SELECT classify_metadata(''[1]'', ''nowhere''::regclass)');
SELECT error_of('SELECT classify_metadata(''[1]'', 4294967295::oid::regclass)');
SELECT error_of('SELECT classify_metadata(''[1]'', 0::oid::regclass)');
-- a table that has been dropped since it was named
CREATE TABLE sources.dropped AS SELECT * FROM probes;
SELECT 'dropped'::regclass::oid AS dropped_oid \gset
SELECT classify_metadata('[2,2]', :dropped_oid::regclass);
DROP TABLE dropped;
SELECT regexp_replace(error_of('SELECT classify_metadata(''[2,2]'', ' || :dropped_oid || '::regclass)'), 'OID \d+',
	'OID n');
-- an error leaves nothing behind: the next call is right
SELECT classify_metadata('[2,2]', 'suites'::regclass);

SET client_min_messages = warning;
DROP SCHEMA sources CASCADE;
DROP FUNCTION defaulted;
