--
-- Tables of tags
--
SET client_min_messages = warning;
CREATE SCHEMA tag_table_test;
SET search_path = tag_table_test, public;

-- the key is the source's primary key, as it is there
CREATE DOMAIN sample_name AS varchar(20) COLLATE "C" CHECK (VALUE <> '');
CREATE TABLE samples (note text, run integer, name sample_name, day numeric(4, 0), curve loss_curve,
	PRIMARY KEY (name, run, day) INCLUDE (note));
SELECT create_tag_table('tags', 'samples');
\d tags
SELECT column_name, col_description('tags'::regclass, ordinal_position) FROM information_schema.columns
	WHERE table_schema = 'tag_table_test' AND table_name = 'tags' ORDER BY ordinal_position;

-- the name may have a schema, and need quotes; so may all others
CREATE SCHEMA "Other ""schema""";
CREATE TABLE "Other ""schema"""."S" ("The id" integer PRIMARY KEY, "The curve" loss_curve);
SELECT create_tag_table('"Other ""schema"""."The tags; DROP TABLE x"', '"Other ""schema"""."S"');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid = '"Other ""schema"""."The tags; DROP TABLE x"'::regclass AND attnum = 1;
SELECT create_tag_table('pg_temp.tags', 'samples') IS NOT NULL AS made;
SELECT relpersistence FROM pg_class WHERE oid = 'pg_temp.tags'::regclass;

-- a view, or a table without a primary key, has its key columns named
CREATE VIEW sample_view AS SELECT run, name AS "the Name", curve FROM samples;
SELECT create_tag_table('view_tags', 'sample_view');
SELECT create_tag_table('view_tags', 'sample_view', '{"the Name",run}');
SELECT create_tag_table('other_tags', 'samples', key_columns => ARRAY['run']);
SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
	WHERE conrelid IN ('view_tags'::regclass, 'other_tags'::regclass) AND contype = 'p' ORDER BY conrelid::regclass::text;
CREATE TABLE parted (id bigint PRIMARY KEY, curve loss_curve) PARTITION BY HASH (id);
SELECT create_tag_table('parted_tags', 'parted');

-- what is refused
SELECT create_tag_table('tags', 'samples');
SELECT create_tag_table('nowhere.tags', 'samples');
SELECT create_tag_table('a.b.c.d', 'samples');
SELECT create_tag_table('', 'samples');
SELECT create_tag_table('t', 'samples', '{}');
SELECT create_tag_table('t', 'samples', '{run,NULL}');
SELECT create_tag_table('t', 'samples', '{run,run}');
SELECT create_tag_table('t', 'samples', '{run,ctid}');
SELECT create_tag_table('t', 'samples', '{nothing}');
SELECT create_tag_table('t', 'samples', array_fill('run'::text, ARRAY[33]));
SELECT create_tag_table('t', 'tags_pkey');
SELECT create_tag_table('t', 1);
CREATE TABLE clashing (label text PRIMARY KEY, curve loss_curve);
SELECT create_tag_table('t', 'clashing');
SELECT create_tag_table(NULL, 'samples') IS NULL AS null_name, create_tag_table('t', NULL) IS NULL AS null_source;
SELECT to_regclass('t') IS NULL AS nothing_made;

RESET search_path;
DROP TABLE pg_temp.tags;
DROP SCHEMA tag_table_test, "Other ""schema""" CASCADE;
