# The extension is created by a user who is no superuser, in any schema, and
# used without that schema in the search path.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_bare_node('main');

$node->safe_psql(
	'postgres', q{
CREATE ROLE creator LOGIN; CREATE ROLE other LOGIN; CREATE ROLE visitor LOGIN;
GRANT CREATE ON DATABASE postgres TO creator;
REVOKE CREATE ON DATABASE postgres FROM PUBLIC;
CREATE SCHEMA "My Tools" AUTHORIZATION creator;
GRANT USAGE ON SCHEMA "My Tools" TO other;
CREATE SCHEMA work;
GRANT ALL ON SCHEMA work TO creator, other, visitor;
});

sub as_user
{
	my ($user, $sql) = @_;
	my ($status, $stdout, $stderr) = $node->psql(
		'postgres',
		"\\set VERBOSITY verbose\n$sql",
		connstr => $node->connstr('postgres') . " user=$user");

	return $stdout . $stderr;
}

like(as_user('other', 'CREATE EXTENSION metaprobe SCHEMA work'),
	qr/ERROR:  42501: permission denied to create extension/,
	'without CREATE on the database');
is(as_user('creator', 'CREATE EXTENSION metaprobe SCHEMA "My Tools"'),
	'', 'with CREATE on the database');
is( as_user('creator', q{
SELECT version = default_version, superuser, trusted, relocatable, schema IS NULL, requires IS NULL, v.comment
FROM pg_available_extension_versions AS v JOIN pg_available_extensions USING (name) WHERE name = 'metaprobe'
	AND installed}),
	't|t|t|f|t|t|metadata archaeology: loss curves, probe suites and k-nearest-neighbour tags',
	'what the control file says');
is( as_user('creator', q{
SELECT extowner::regrole, extnamespace::regnamespace, extrelocatable
FROM pg_extension WHERE extname = 'metaprobe'}),
	'creator|"My Tools"|f', 'its owner and schema');
is( as_user('creator', q{
SELECT count(*) FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'metaprobe')
	AND (pg_identify_object(classid, objid, 0)).type IN ('function', 'aggregate', 'type', 'operator', 'table', 'view', 'sequence')
	AND (pg_identify_object(classid, objid, 0)).schema <> '"My Tools"'}),
	'0', 'all objects are in that schema');
is( as_user('creator', q{
SELECT count(*) FROM pg_class WHERE relnamespace = '"My Tools"'::regnamespace AND relkind IN ('r', 'v', 'S')}),
	'0', 'the extension owns no table');

# With a search path that lacks the extension.
my $setup = q{
SET search_path = work;
CREATE TABLE samples (id int, curve "My Tools".loss_curve(3));
INSERT INTO samples VALUES (1, '[3,2,1]'), (2, '[3,3,3]'), (3, '[2,null,0]');
CREATE TABLE probes (label text, curve "My Tools".loss_curve, id int);
INSERT INTO probes VALUES ('falling', '[3,2,1]', 1), ('flat', '[3,3,3]', 2), ('falling', '[3,1,0]', 3),
	('flat', '[3,3,2.9]', 4);
CREATE TABLE suites AS SELECT "My Tools".probe_suite_agg(label, curve, id::text) AS suite FROM probes;
CREATE VIEW live AS SELECT "My Tools".probe_suite_agg(label, curve, id::text) AS suite FROM probes;
CREATE TABLE kinds (kind text, trace "My Tools".loss_curve);
INSERT INTO kinds SELECT label, curve FROM probes;
};
is(as_user('other', $setup), '', 'tables and views of another user');
my $all = q{
SET search_path = %s;
SET metaprobe.default_suite = 'work.live';
SELECT id, "My Tools".classify_metadata(curve, 'work.probes'::regclass),
	"My Tools".classify_metadata(curve, 'work.kinds'::regclass),
	"My Tools".classify_metadata(curve, 'work.suites'::regclass),
	"My Tools".classify_metadata(curve, 'work.live'::regclass),
	"My Tools".classify_metadata(curve),
	"My Tools".classify_metadata(curve, (SELECT suite FROM work.suites)),
	(SELECT string_agg(p.id, ' ') FROM "My Tools".nearest_probes(curve, 'work.probes'::regclass) AS p),
	(SELECT count(*) FROM "My Tools".metadata_probabilities(curve)),
	(SELECT p.id FROM work.probes AS p ORDER BY p.curve OPERATOR("My Tools".<->) s.curve LIMIT 1)
FROM work.samples AS s ORDER BY s.id;
SELECT * FROM "My Tools".probe_suite_confusion((SELECT suite FROM work.live));
};
my $expected = q{1|falling|falling|falling|falling|falling|falling|1 3 4 2|2|1
2|flat|flat|flat|flat|flat|flat|2 4 1 3|2|2
3|falling|falling|falling|falling|falling|falling|3 1 4 2|2|3
falling|flat|2
flat|falling|2};
foreach my $path ('work', q{''}, 'pg_catalog', '"$user", public')
{
	is(as_user('other', sprintf $all, $path),
		$expected, "with the search path $path");
}

# Objects of the same names elsewhere, even first in the search path, do not
# get in the way.
is( as_user('other', q{
SET search_path = work;
CREATE FUNCTION probe_suite_agg(text, "My Tools".loss_curve, text) RETURNS "My Tools".probe_suite
	LANGUAGE plpgsql AS $$ BEGIN RAISE 'the wrong function'; END $$;
CREATE FUNCTION probe_suite_agg(text, "My Tools".loss_curve) RETURNS "My Tools".probe_suite
	LANGUAGE plpgsql AS $$ BEGIN RAISE 'the wrong function'; END $$;
CREATE DOMAIN loss_curve AS int;
CREATE DOMAIN probe_suite AS int;
CREATE TYPE metadata_tag AS (x int);
CREATE DOMAIN text AS int}),
	'', 'objects of the same names');
is(as_user('other', sprintf $all, 'work, pg_catalog'),
	$expected, 'with impostors first in the search path');

# Whoever may not use the schema may not use the extension.
like(as_user('visitor', q{SELECT '[1]'::"My Tools".loss_curve}),
	qr/ERROR:  42501: permission denied for schema My Tools/,
	'without USAGE on the schema');

like(as_user('creator', 'ALTER EXTENSION metaprobe SET SCHEMA work'),
	qr/ERROR:  0A000: extension "metaprobe" does not support SET SCHEMA/,
	'it is not relocatable');
like(as_user('other', 'DROP EXTENSION metaprobe CASCADE'),
	qr/ERROR:  42501: must be owner of extension metaprobe/,
	'others cannot drop it');

# In one session: dropped and created again elsewhere, with all the library
# knows from before.
my $classify = q{
SELECT %1$s.classify_metadata('[1]', 'work.again'::regclass);
SELECT (%1$s.tag_metadata('[1]'::%1$s.loss_curve)).label
};
my $create = q{
CREATE EXTENSION metaprobe SCHEMA %1$s;
CREATE TABLE work.again AS SELECT 'again'::pg_catalog.text AS label, '[1]'::%1$s.loss_curve AS curve;
};
is( as_user('creator', q{
SET client_min_messages = warning; SET metaprobe.default_suite = 'work.again';
DROP EXTENSION metaprobe CASCADE;}
		  . sprintf($create, '"My Tools"')
		  . sprintf($classify, '"My Tools"')
		  . '; DROP TABLE work.again; DROP EXTENSION metaprobe CASCADE;'
		  . 'CREATE SCHEMA elsewhere;'
		  . sprintf($create, 'elsewhere')
		  . sprintf($classify, 'elsewhere')
		  . '; DROP EXTENSION metaprobe CASCADE'),
	"again\nagain\nagain\nagain",
	'dropped and created again in another schema');
is( as_user('creator', q{
SELECT count(*) FROM pg_proc WHERE probin LIKE '%metaprobe%'}),
	'0', 'nothing is left behind');

$node->stop;
done_testing();
