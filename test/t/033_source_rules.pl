# The install and upgrade scripts, and the SQL that the library makes, keep the
# rules of SourceRules.pm; and these rules do find what they are there for.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Utils;
use SourceRules;
use Test::More;

my $root = "$FindBin::RealBin/../..";

sub code_of
{
	return slurp_file("$root/src/$_[0]");
}

# The scripts.  The install script is what the Makefile makes of these parts.
my ($parts) = slurp_file("$root/Makefile") =~ /^SQL_PARTS = ((?:.*\\\n)*.*)/m;
my $install = join "\n", map { slurp_file("$root/$_") } grep { /\.sql$/ } split /[\s\\]+/, $parts;
my $own = created_functions($install);
cmp_ok(scalar keys %$own, '>', 60, 'functions of the install script');

# In tag_chart both arguments of nullif are cast to double precision, so that no
# operator suits better than the one of pg_catalog, which is looked at first.
my $accepted = qr/^hidden operator in nullif: CREATE FUNCTION tag_chart\(labels text\[\]/;
my %scripts = (
	'the install script' => $install,
	map { s{.*/}{}r => slurp_file($_) } glob("$root/released/*.sql"));

foreach my $name (sort keys %scripts)
{
	is(join("\n", grep { $_ !~ $accepted } sql_faults($scripts{$name}, $own)), '', $name);
}

# The rules find each of these, and no fault in what is right.
my $begin = qq{-- A script.\n\\echo Use "CREATE EXTENSION x" to load this file. \\quit\n};
my $function = 'CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE';
my @bad = (
	[ qr/refusing psql/, 'CREATE TYPE t AS (a integer)', '' ],
	[ qr/OR REPLACE/, "CREATE OR REPLACE FUNCTION f() RETURNS integer AS 'MODULE_PATHNAME' LANGUAGE C" ],
	[ qr/OR REPLACE/, "create  or\nreplace view v AS SELECT 1" ],
	[ qr/OR REPLACE/, 'CREATE OR REPLACE AGGREGATE a(integer) (SFUNC = f, STYPE = integer)' ],
	[ qr/OR REPLACE/, "CREATE OR REPLACE FUNCTION f() RETURNS integer AS 'MODULE_PATHNAME' LANGUAGE C", $begin =~ s/CREATE/ALTER/r ],
	[ qr/IF NOT EXISTS/, 'CREATE TABLE IF NOT EXISTS t (a integer)' ],
	[ qr/IF NOT EXISTS/, 'ALTER TYPE t ADD VALUE IF NOT EXISTS \'x\'' ],
	[ qr/another kind/, 'CREATE TABLE t (a integer)' ],
	[ qr/another kind/, 'CREATE VIEW v AS SELECT 1' ],
	[ qr/another kind/, 'DO $$ BEGIN EXECUTE \'x\'; END $$' ],
	[ qr/another kind/, 'SET search_path = public' ],
	[ qr/another kind/, 'SELECT set_config(\'search_path\', \'public\', false)' ],
	[ qr/another kind/, 'CREATE SCHEMA s' ],
	[ qr/another kind/, 'ALTER SEQUENCE s OWNED BY t.a' ],
	[ qr/another kind/, 'CREATE SERVER s FOREIGN DATA WRAPPER w' ],
	[ qr/another kind/, 'CREATE INDEX i ON t (a)' ],
	[ qr/another kind/, 'CREATE TRANSFORM FOR t LANGUAGE sql (FROM SQL WITH FUNCTION f(internal))' ],
	[ qr/SECURITY DEFINER/, "$function C SECURITY DEFINER AS 'MODULE_PATHNAME'" ],
	[ qr/SECURITY DEFINER/, "$function sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'" ],
	[ qr/LEAKPROOF/, "$function C LEAKPROOF AS 'MODULE_PATHNAME'" ],
	[ qr/another library/, "$function C AS '/tmp/x'" ],
	[ qr/language internal/, "$function internal AS 'int4abs'" ],
	[ qr/no LANGUAGE/, 'CREATE FUNCTION f() RETURNS integer AS $$ SELECT 1 $$' ],
	[ qr/sql without a pinned/, "$function sql AS 'SELECT 1'" ],
	[ qr/sql without a pinned/, "$function sql AS \$\$ SELECT 1; -- SET search_path = pg_catalog, pg_temp\n\$\$" ],
	[ qr/plpgsql without a pinned/, "$function plpgsql AS \$\$ BEGIN RETURN 1; END \$\$" ],
	[ qr/plpgsql without a pinned/, "$function plpgsql SET search_path = public, pg_temp AS 'BEGIN RETURN 1; END'" ],
	[ qr/plpgsql without a pinned/, "$function plpgsql SET search_path = pg_catalog AS 'BEGIN RETURN 1; END'" ],
	[ qr/pg_temp/, "$function sql RETURN (SELECT a FROM pg_temp.t)" ],
	[ qr/within quotes/, 'COMMENT ON TYPE t IS \'of @extschema@\'' ],
	[ qr/within quotes/, 'ALTER TYPE "@extschema@".t ADD ATTRIBUTE a integer' ],
	[ qr/unqualified operator \+/, "$function sql RETURN a + 1" ],
	[ qr/unqualified operator =/, "$function sql BEGIN ATOMIC SELECT 1 WHERE a = 1; END" ],
	[ qr/unqualified operator -/, "$function sql RETURN -a" ],
	[ qr/unqualified operator \|\|/, "$function sql RETURN 'x'||a" ],
	[ qr/unqualified operator \*/, "$function sql RETURN a * 2" ],
	[ qr/unqualified operator %/, "$function sql RETURN a % 2" ],
	[ qr/unqualified operator ->/, "$function sql RETURN a -> 'x'" ],
	[ qr/unqualified operator <->/, "$function sql RETURN a OPERATOR(pg_catalog.+) (a <-> a)" ],
	[ qr/unqualified function abs/, "$function sql RETURN abs(a)" ],
	[ qr/unqualified function now/, "$function sql BEGIN ATOMIC SELECT pg_catalog.max(a), now() FROM t; END" ],
	[ qr/hidden operator in CASE a/, "$function sql RETURN CASE a WHEN 1 THEN 2 END" ],
	[ qr/hidden operator in nullif/, "$function sql RETURN nullif(a, 1)" ],
	[ qr/hidden operator in BETWEEN/, "$function sql RETURN a BETWEEN 1 AND 2" ],
	[ qr/hidden operator in IS DISTINCT FROM/, "$function sql RETURN a IS DISTINCT FROM 2" ],
	[ qr/hidden operator in IN/, "$function sql RETURN a IN (1, 2)" ],
	[ qr/hidden operator in LIKE/, "$function sql RETURN a LIKE 'x'" ],);

foreach my $bad (@bad)
{
	my ($fault, $statement, $start) = @$bad;
	my @found = sql_faults(($start // $begin) . "$statement;\n", $own);

	ok((grep { $_ =~ $fault } @found), "$fault is found in: $statement") or diag("found: @found");
}
foreach my $good (
	"$function C IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'x'",
	"$function plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN 1; END'",
	"$function sql RETURN CASE WHEN a OPERATOR(pg_catalog.=) 1 THEN pg_catalog.abs(a::bigint) ELSE coalesce(a, 'a + abs(b)') END",
	"$function sql BEGIN ATOMIC SELECT s.*, pg_catalog.count(*), epochs(s.c) FROM t AS s(a, c); SELECT 'x = y; OR REPLACE'; END",
	'COMMENT ON FUNCTION f(integer) IS \'a = b; CREATE OR REPLACE of $$\'',
	"CREATE OPERATOR <-> (LEFTARG = t, RIGHTARG = t, FUNCTION = f)")
{
	is(join(', ', sql_faults("$begin$good;\n", $own)), '', "no fault in: $good");
}
is(scalar(sql_statements("SELECT 1; -- a; b\nSELECT ';', \$x\$ ; \$x\$;\n$function sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;")),
	3, 'statements are told apart');

# The SQL that C makes.  These values are quoted where they come from, which
# the patterns below see to.
my %quoted = map { $_ => 1 } (
	'metaprobe_quoted_relation(relation)',
	(map { "names->$_" } qw(schema source tag_table truth curve keys[i] keys[0] equals[i] less at_least)),
	'refresh->names.tag_table',
	'table',	# by metaprobe_creation_name()
	'a', 'b', 'alias', 'work',	# aliases, which are literals in all calls
	'name', 'scores[i]',	# of append_detector(), qualified_operator(); from a constant table
	(map { "metaprobe_tag_columns[i].$_" } qw(name type constraint comment)),	# a constant table
	'format_type_extended(column->atttypid, column->atttypmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY)');
my @makers = grep { code_of($_) =~ /executor\/spi\.h|refresh_statements\.h/ } map { s{.*/}{}r } glob("$root/src/*.c");
cmp_ok(scalar @makers, '>=', 9, 'files that make or run SQL');
is(join("\n", c_sql_faults(code_of($_), \%quoted, $own)), '', "SQL made by $_") foreach @makers;

my $all = join '', map { slurp_file($_) } glob("$root/src/*.c");
my $quoting = qr/(?:pstrdup\()?\s*(?:quote_(?:qualified_)?identifier|metaprobe_quoted_relation|metaprobe_curve_column|truth_column|qualified_operator|common_operator)\(/;
my @assigned = $all =~ /\bnames(?:\.|->)\w+(?:\[\w+\])?\s*=\s*([^;=][^;]*);/g;
cmp_ok(scalar @assigned, '>=', 8, 'places where names are filled in');
is(join("\n", grep { $_ !~ /^$quoting/ && $_ ne 'key->n' } @assigned), '', 'names are quoted there');
foreach my $function (qw(metaprobe_quoted_relation metaprobe_curve_column truth_column metaprobe_creation_name))
{
	my ($body) = $all =~ /^$function\(.*?\n\{\n(.*?)^\}/ms;
	my @returned = $body =~ /\breturn\s+([^;]+);/g;

	ok(@returned > 0 && !(grep { $_ !~ /^(?:pstrdup\()?quote_(?:qualified_)?identifier\(/ } @returned),
		"$function() quotes what it returns");
}
is(join("\n", grep { !/^metaprobe_creation_name\(/ }
			map { code_of($_) =~ /\btable = ([^;]+);/g } qw(loss_log.c tag_table.c)),
	'', 'tables to be made are named by metaprobe_creation_name()');
like($all, qr/append_(?:work_)?match\(/, 'aliases are passed');
is(join("\n", grep { !/^"\w+"(?:,\s*"\w+")?$/ }
			map { s/\s+/ /gr } $all =~ /\b(?:append_match|append_work_match|append_keys_of)\(&?sql, names,\s*([^)]*)\)/g),
	'', 'and are literals');

foreach my $bad (
	[ qr/not known to be quoted: NameStr/, 'appendStringInfo(&sql, "SELECT %s", NameStr(column->attname));' ],
	[ qr/not known to be quoted: NameStr/, 'sql = psprintf("DROP TABLE %s", NameStr(x->relname));' ],
	[ qr/not known to be quoted: user/, 'appendStringInfo(&sql, "COMMENT ON TABLE %s IS \'%s\'", quote_identifier(t), user);' ],
	[ qr/snprintf makes/, 'snprintf(buffer, sizeof(buffer), "SELECT %s", name);' ],
	[ qr/SPI_execute makes/, 'SPI_execute(text_to_cstring(argument), false, 0);' ],
	[ qr/SPI_prepare makes/, 'plan = SPI_prepare(psprintf("SELECT %d", 1), 0, NULL);' ],
	[ qr/unqualified function count/, 'appendStringInfoString(&sql, "SELECT count(*) FROM t");' ],
	[ qr/unqualified function coun/, "appendStringInfoString(&sql, \"SELECT coun\"\n\t\"(*)\");" ],
	[ qr/unqualified operator =/, 'appendStringInfo(&sql, "WHERE %s.a = %s.b", quote_identifier(x), quote_identifier(y));' ],
	[ qr/unqualified operator <>/, 'sql = psprintf("SELECT a <> b");' ],
	[ qr/unqualified type text/, 'appendStringInfoString(&sql, "SELECT a::text");' ],
	[ qr/hidden operator in IS DISTINCT FROM/, 'appendStringInfoString(&sql, "a IS DISTINCT FROM b");' ],)
{
	my @found = c_sql_faults($bad->[1], {}, $own);
	my $fault = $bad->[0];

	ok((grep { $_ =~ $fault } @found), "$fault is found in: $bad->[1]") or diag("found: @found");
}

done_testing();
