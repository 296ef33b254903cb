# Objects that somebody else has planted change nothing: in the schema of the
# extension before it is created, and first in the search_path of whoever uses
# it.  What is planted is read from the catalogs, so that it follows the code.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_bare_node('main');
my $psql;

# Who steps on a planted function is caught in the table, even where the error is.
my $trap = q{$$ BEGIN RAISE 'stepped into a trap' USING ERRCODE = 'ZZ001'; END $$};

# Names that the SQL of the library and of the install script uses.
my @names = do
{
	my $root = "$FindBin::RealBin/../..";
	my $text = join '', map { slurp_file($_) } glob("$root/src/*.sql"), glob("$root/src/*.c");
	my %seen = map { $_ => 1 } $text =~ /pg_catalog\.(\w+)/g;

	sort keys %seen;
};
my $list = join ', ', map { "'$_'" } @names;

# The extension as it should be, to plant by and to compare with.
$node->safe_psql(
	'postgres', qq{
CREATE ROLE planter; CREATE ROLE victim;
CREATE DATABASE model; CREATE DATABASE planted;
});
$node->safe_psql('model', 'CREATE SCHEMA prey; CREATE EXTENSION metaprobe SCHEMA prey');

# All that a stranger could plant in an empty schema: functions, operators and
# types, under our names and under those of pg_catalog that we use.
sub plant_polymorphic
{
	my ($dbname, $schema) = @_;
	my $statements = $node->safe_psql(
		'model', qq{
SELECT format('CREATE FUNCTION $schema.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L;', name, arguments, result,
	\$t\$ BEGIN RAISE 'stepped into a trap' USING ERRCODE = 'ZZ001'; END \$t\$)
FROM (SELECT DISTINCT proname AS name FROM pg_proc WHERE pronamespace = 'prey'::regnamespace
		OR pronamespace = 'pg_catalog'::regnamespace AND proname IN ($list)) AS n,
	(VALUES ('anyelement', 'anyelement'), ('anyelement, anyelement', 'anyelement'),
		('anycompatible, anycompatible, anycompatible', 'anycompatible'), ('VARIADIC anyarray', 'anyelement'))
		AS f (arguments, result)
;
SELECT format('CREATE FUNCTION $schema.trap_%s(%s, %s) RETURNS boolean LANGUAGE plpgsql AS %L;
	CREATE OPERATOR $schema.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = $schema.trap_%s);',
	row_number() OVER (), t, t, \$t\$ BEGIN RAISE 'stepped into a trap' USING ERRCODE = 'ZZ001'; END \$t\$,
	o, t, t, row_number() OVER ())
FROM (SELECT DISTINCT oprname AS o FROM pg_operator WHERE oprnamespace = 'prey'::regnamespace
		UNION VALUES ('+'), ('-'), ('*'), ('/'), ('%'), ('->'), ('->>'), ('~')) AS operators,
	(VALUES ('pg_catalog.text'), ('pg_catalog.int4'), ('pg_catalog.int8'), ('pg_catalog.float4'),
		('pg_catalog.float8'), ('pg_catalog.bool'), ('pg_catalog.jsonb'), ('pg_catalog.anyelement'),
		('pg_catalog.anyarray'), ('pg_catalog.tid'), ('pg_catalog.name')) AS types (t);
SELECT format('CREATE DOMAIN $schema.%I AS pg_catalog.int2 CHECK (false);', typname)
FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace
	AND typname IN ('text', 'bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'jsonb', 'numeric', 'regclass',
		'timestamptz', 'bytea', 'name', 'internal', 'cstring', 'tid', 'oid');
SELECT 'CREATE COLLATION $schema."C" FROM pg_catalog."POSIX";'});

	$node->safe_psql($dbname, "SET ROLE planter; SET check_function_bodies = off;\n$statements");
	return scalar(() = $statements =~ /^\s*CREATE /mg);
}

# What is asked of the extension: all that runs SQL, with every name qualified,
# so that only the extension's own names could go astray.
my $questions = q{
SELECT prey.classify_metadata('[1,2]'::prey.loss_curve, 'lab.probes'::pg_catalog.regclass);
SELECT prey.classify_metadata('[1,2]'::prey.loss_curve);
SELECT prey.tag_metadata('[1,2]'::prey.loss_curve, 'lab.suites'::pg_catalog.regclass);
SELECT prey.label_score('[1,2]'::prey.loss_curve, 'a'::pg_catalog.text, 'lab.live'::pg_catalog.regclass);
SELECT * FROM prey.metadata_probabilities('[1,2]'::prey.loss_curve, 'lab.named'::pg_catalog.regclass);
SELECT id, label, distance FROM prey.nearest_probes('[1,2]'::prey.loss_curve, 'lab.probes'::pg_catalog.regclass, 3::pg_catalog.int4);
SELECT * FROM prey.compare_detectors('lab.samples'::pg_catalog.regclass, 'truth'::pg_catalog.text, 'lab.live'::pg_catalog.regclass, 'a'::pg_catalog.text);
SELECT * FROM prey.loss_curves('lab.log'::pg_catalog.regclass, 'r'::pg_catalog.text, 'last'::pg_catalog.text) ORDER BY id;
SELECT prey.tag_chart('lab.named'::pg_catalog.regclass);
SELECT prey.tag_chart(ARRAY['a', 'b']::pg_catalog.text[], ARRAY[1, 2]::pg_catalog.int8[]);
SELECT prey.probe_suite_chart(suite) FROM lab.suites;
SELECT prey.curve_chart('[1,2]'::prey.loss_curve, suite) FROM lab.suites;
SELECT prey.confusion_chart(suite) FROM lab.suites;
SELECT prey.reliability_chart(suite) FROM lab.suites;
SELECT prey.probe_suite_info(suite) FROM lab.suites;
SELECT prey.create_loss_log('lab.new_log'::pg_catalog.text);
INSERT INTO lab.new_log (run, epoch, ids, losses) VALUES ('r', 0, '{1,2}', '{3,4}');
SELECT * FROM prey.loss_curves('lab.new_log'::pg_catalog.regclass) ORDER BY id;
SELECT prey.create_tag_table('lab.tags'::pg_catalog.text, 'lab.samples'::pg_catalog.regclass);
SELECT prey.create_tag_table('lab.view_tags'::pg_catalog.text, 'lab.sample_view'::pg_catalog.regclass,
	ARRAY['id', 'word']::pg_catalog.text[]);
CALL prey.refresh_tags('lab.tags'::pg_catalog.regclass, 'lab.samples'::pg_catalog.regclass, 'lab.suites'::pg_catalog.regclass);
UPDATE lab.samples SET curve = '[9,9]' WHERE id OPERATOR(pg_catalog.=) 3;
DELETE FROM lab.samples WHERE id OPERATOR(pg_catalog.=) 4;
CALL prey.refresh_tags('lab.tags'::pg_catalog.regclass, 'lab.samples'::pg_catalog.regclass, 'lab.live'::pg_catalog.regclass,
	'curve'::pg_catalog.text, 2::pg_catalog.int4);
CALL prey.refresh_tags('lab.view_tags'::pg_catalog.regclass, 'lab.sample_view'::pg_catalog.regclass, 'lab.probes'::pg_catalog.regclass);
SELECT id, label, distance, curve_hash, suite_hash FROM lab.tags ORDER BY id;
SELECT id, word, label, distance, curve_hash, suite_hash FROM lab.view_tags ORDER BY id;
};
my $lab = q{
CREATE SCHEMA lab;
CREATE TABLE lab.probes (id text, label text, curve prey.loss_curve);
INSERT INTO lab.probes VALUES ('1', 'a', '[1,2]'), ('2', 'a', '[1,3]'), ('3', 'b', '[5,2]'), ('4', 'b', '[6,2]');
CREATE TABLE lab.named (id int, label varchar, curve prey.loss_curve(2));
INSERT INTO lab.named SELECT id::int, label, curve FROM lab.probes;
CREATE TABLE lab.suites AS SELECT prey.configure_probe_suite(prey.probe_suite_agg(label, curve, id), k => 3) AS suite FROM lab.probes;
CREATE VIEW lab.live AS SELECT prey.probe_suite_agg(label, curve, id) AS suite FROM lab.probes;
CREATE TABLE lab.samples (id int PRIMARY KEY, word text, curve prey.loss_curve, truth boolean);
INSERT INTO lab.samples SELECT n, 'w' || n, ARRAY[n, 3 - n % 2]::real[]::prey.loss_curve, n % 2 = 0 FROM generate_series(1, 8) AS n;
CREATE VIEW lab.sample_view AS SELECT id, word, curve FROM lab.samples;
CREATE TABLE lab.log (run text, epoch smallint, ids int[], losses float8[], recorded_at timestamptz);
INSERT INTO lab.log VALUES ('r', 0, '{1,2}', '{1,2}', now()), ('r', 0, '{2}', '{3}', now() + interval '1 hour'), ('s', 0, '{1}', '{1}', now());
GRANT USAGE, CREATE ON SCHEMA lab TO victim;
GRANT ALL ON ALL TABLES IN SCHEMA lab TO victim;
GRANT USAGE ON SCHEMA prey TO victim;
};

sub answers
{
	my ($dbname, $path) = @_;
	my $session = session($node, $dbname);
	my $answers;

	$session->run(
		"SET client_min_messages = error; SET metaprobe.default_suite = 'lab.live'; SET ROLE victim; SET search_path = $path");
	$answers = $session->run("BEGIN;\n$questions ROLLBACK");
	$session->quit;
	return $answers;
}

$node->safe_psql('model', $lab);
my $expected = answers('model', 'pg_catalog');
unlike($expected, qr/ERROR/, 'answers without any trap');
cmp_ok(scalar(split /\n/, $expected), '>', 40, 'there are answers to compare');

# The questions cover what runs SQL.
my $unasked = $node->safe_psql(
	'model', q{
SELECT string_agg(DISTINCT proname, ' ') FROM pg_proc WHERE pronamespace = 'prey'::regnamespace
	AND 'internal'::regtype <> ALL (proargtypes) AND (prosqlbody IS NOT NULL OR 'regclass'::regtype = ANY (proargtypes) OR provolatile = 'v')});
is(join(' ', grep { $questions !~ /prey\.$_\(/ } split / /, $unasked),
	'', 'every function that runs SQL is asked');

# In the schema, before the extension is created there.
$node->safe_psql('planted', 'CREATE SCHEMA prey; GRANT ALL ON SCHEMA prey TO planter');
my $n_traps = plant_polymorphic('planted', 'prey');
cmp_ok($n_traps, '>', 500, 'traps are planted');
note "$n_traps statements plant traps in the extension's schema";
is( $node->safe_psql('planted', 'CREATE EXTENSION metaprobe SCHEMA prey'),
	'', 'created amid them');
$node->safe_psql('planted', $lab);
is(answers('planted', $_), $expected, "traps in the extension's schema, path: $_")
  foreach 'pg_catalog', 'prey', 'prey, pg_catalog', 'pg_catalog, prey, pg_temp';

# The same objects as without the traps, down to the bodies of SQL functions.
my $catalogue = q{
SELECT md5(string_agg(line, E'\n' ORDER BY line COLLATE "C")) FROM (
	SELECT concat_ws(' ', pg_describe_object(classid, objid, 0), pg_get_function_sqlbody(p.oid), o.oprcode, o.oprcom::regoperator,
		o.oprnegate::regoperator, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
		p.prorettype::regtype::oid < 16384, t.typinput, t.typanalyze, t.typsubscript) AS line
	FROM pg_depend LEFT JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
		LEFT JOIN pg_operator o ON classid = 'pg_operator'::regclass AND o.oid = objid
		LEFT JOIN pg_aggregate a ON classid = 'pg_proc'::regclass AND a.aggfnoid = objid
		LEFT JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'metaprobe')) AS members};
is( $node->safe_psql('planted', "SET search_path = pg_catalog; $catalogue"),
	$node->safe_psql('model', "SET search_path = pg_catalog; $catalogue"),
	'the catalogue is that of an undisturbed installation');

# An object of ours that is there already is never adopted: the script fails,
# and leaves nothing.
my @adoptable = split /\n/, $node->safe_psql(
	'model', q{
SELECT format('CREATE %s prey.%I(%s)%s', CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, proname,
	(SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n) FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS u (t, n)),
	CASE prokind WHEN 'p' THEN '' ELSE ' RETURNS integer' END)
FROM pg_proc p WHERE pronamespace = 'prey'::regnamespace AND 'internal'::regtype <> ALL (proargtypes)
	AND prorettype <> 'internal'::regtype
	AND NOT EXISTS (SELECT FROM unnest(proargtypes) AS a JOIN pg_type t ON t.oid = a WHERE t.typnamespace = p.pronamespace)
	AND NOT ('cstring'::regtype = ANY (proargtypes) OR prorettype = 'cstring'::regtype)
ORDER BY proname});
cmp_ok(scalar @adoptable, '>', 10, 'functions that can be written before the types exist');
my @types = split /\n/, $node->safe_psql(
	'model', q{
SELECT typname FROM pg_type WHERE typnamespace = 'prey'::regnamespace AND typelem = 0 AND typrelid = 0});
push @adoptable, map { "CREATE DOMAIN prey.$_ AS integer" } @types;
push @adoptable, map { "CREATE TABLE prey.$_ (x integer)" } qw(metadata_tag loss_curve trajectory_statistics);
$node->safe_psql('postgres', 'CREATE SCHEMA prey; GRANT ALL ON SCHEMA prey TO planter');
foreach my $create (@adoptable)
{
	my $body = $create =~ /FUNCTION|PROCEDURE/ ? " LANGUAGE plpgsql AS $trap" : '';
	my $said = error_of($node, qq{
BEGIN;
SET LOCAL ROLE planter;
$create$body;
RESET ROLE;
CREATE EXTENSION metaprobe SCHEMA prey;
});

	like($said, qr/ERROR:  (42723|42710|42P07): .* already exists/, "not adopted: $create");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_extension WHERE extname = 'metaprobe'}),
	'0', 'nothing is created');

# First in the search_path of the user: the very signatures of ours, and of the
# functions and operators of pg_catalog that we use.
$node->safe_psql('model',
	'CREATE SCHEMA evil AUTHORIZATION planter; GRANT USAGE ON SCHEMA evil, prey TO PUBLIC');
$n_traps = plant_polymorphic('model', 'evil');
my $exact = $node->safe_psql(
	'model', qq{
SET search_path = pg_catalog;
SELECT format('CREATE %s evil.%I(%s)%s LANGUAGE plpgsql AS %L;', CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
	proname, (SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n) FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS u (t, n)),
	CASE prokind WHEN 'p' THEN '' ELSE ' RETURNS ' || format_type(prorettype, NULL) END,
	\$t\$ BEGIN RAISE 'stepped into a trap' USING ERRCODE = 'ZZ001'; END \$t\$)
FROM pg_proc WHERE (pronamespace = 'prey'::regnamespace
		OR pronamespace = 'pg_catalog'::regnamespace AND proname IN ($list, 'int4', 'int8', 'float8', 'text'))
	AND NOT EXISTS (SELECT FROM unnest(proargtypes::oid[] || prorettype) AS t JOIN pg_type y ON y.oid = t
		WHERE y.typtype = 'p' AND y.typname NOT IN ('record', 'void'))
	AND NOT (prorettype = 'record'::regtype AND prokind <> 'p');
SELECT format('CREATE FUNCTION evil.exact_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L;
	CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.exact_%s);',
	o.oid, oprleft::regtype, oprright::regtype, oprresult::regtype,
	\$t\$ BEGIN RAISE 'stepped into a trap' USING ERRCODE = 'ZZ001'; END \$t\$,
	oprname, oprleft::regtype, oprright::regtype, o.oid)
FROM pg_operator o WHERE oprnamespace = 'prey'::regnamespace AND oprleft <> 0});
my $planted = 0;
foreach my $statement ($exact =~ /(CREATE .*?;)\n?(?=CREATE FUNCTION|CREATE PROCEDURE|\z)/sg)
{
	my ($status) = $node->psql('model', "SET ROLE planter; $statement");
	$planted++ if $status == 0;
}
$node->safe_psql('model', "SET ROLE planter; CREATE TABLE evil.$_ (nothing integer)")
  foreach qw(scored fitted judged computed detectors state added changed removed samples probes tags
  loss_curve metadata_tag probe_suite trajectory_statistics pg_class pg_type pg_proc metaprobe_refresh);
cmp_ok($planted, '>', 100, 'traps with the very signatures');
note "$n_traps and $planted statements plant traps in a schema that comes first";
$node->safe_psql('model', 'GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA evil TO PUBLIC');

# That they are traps, and lie on the path:
like( error_of($node, q{SET search_path = evil, pg_catalog; SELECT now()}, dbname => 'model'),
	qr/ZZ001/, 'a trap of a function works');
like( error_of($node, q{SET search_path = evil, pg_catalog; SELECT 1::pg_catalog.int8 = 1::pg_catalog.int8}, dbname => 'model'),
	qr/ZZ001/, 'a trap of an operator works');
is(answers('model', $_), $expected, "traps that come first, path: $_")
  foreach 'evil, pg_catalog', 'evil, pg_catalog, prey', 'evil, prey', 'pg_temp, evil, pg_catalog';

# Temporary objects come before everything, unless the path says otherwise.
my $session = session($node, 'model');
$session->run(q{SET client_min_messages = error;
SET metaprobe.default_suite = 'lab.live'; SET ROLE victim; SET search_path = pg_temp, pg_catalog;});
$session->run("CREATE DOMAIN pg_temp.$_ AS pg_catalog.int2 CHECK (false);")
  foreach qw(text bool int2 int4 int8 float4 float8 jsonb regclass timestamptz);
$session->run("CREATE TABLE pg_temp.$_ (nothing pg_catalog.int2);")
  foreach qw(scored fitted judged state added changed removed computed samples);
is($session->run("BEGIN;\n$questions ROLLBACK"), $expected, 'temporary types and tables');
$session->quit;

# The update from every released version, amid the same traps.
foreach my $version (map { /metaprobe--([\d.]+)\.sql$/ ? $1 : () } glob("$FindBin::RealBin/../../released/*.sql"))
{
	$node->safe_psql('postgres', 'DROP DATABASE planted');
	$node->safe_psql('postgres', 'CREATE DATABASE planted');
	$node->safe_psql('planted', "CREATE SCHEMA prey; CREATE EXTENSION metaprobe SCHEMA prey VERSION '$version';
		GRANT ALL ON SCHEMA prey TO planter");
	plant_polymorphic('planted', 'prey');
	is($node->safe_psql('planted', 'ALTER EXTENSION metaprobe UPDATE'), '', "updated amid traps from $version");
	is( $node->safe_psql('planted', "SET search_path = pg_catalog; $catalogue"),
		$node->safe_psql('model', "SET search_path = pg_catalog; $catalogue"),
		"the catalogue is the same after an update from $version");
}

$node->stop;
done_testing();
