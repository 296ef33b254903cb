# The setting metaprobe.default_suite, wherever it is set.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main');

$node->safe_psql(
	'postgres', q{
CREATE TABLE one AS SELECT 'one' AS label, '[1]'::loss_curve AS curve;
CREATE TABLE two AS SELECT probe_suite_agg('two', '[1]') AS suite;
CREATE VIEW three AS SELECT probe_suite_agg('three', '[1]') AS suite;
CREATE ROLE plain LOGIN;
CREATE ROLE granted LOGIN;
GRANT SET ON PARAMETER metaprobe.default_suite TO granted;
GRANT SELECT ON one, two, three TO PUBLIC;
});

my $classify = q{SELECT classify_metadata('[1]')};

# A connection of its own, in which the library is not loaded yet.
sub in_new_session
{
	my ($sql, %params) = @_;
	my $user = $params{user} // 'postgres';
	my ($status, $stdout, $stderr) = $node->psql(
		'postgres',
		"\\set VERBOSITY verbose\n$sql",
		connstr => $node->connstr('postgres')
		  . ($user eq 'postgres' ? '' : " user=$user"));

	return $stdout . $stderr;
}

my $error = in_new_session($classify);
like($error, qr/ERROR:  55000: no probe suite given and metaprobe.default_suite is not set/,
	'without the setting: an error');
like($error, qr/HINT:  Pass a probe suite or a relation, or SET metaprobe.default_suite = 'schema.relation'/,
	'without the setting: a hint');

# Before and after the library is loaded
is(in_new_session("SET metaprobe.default_suite = 'public.one'; $classify"),
	'one', 'set before the library is loaded');
is(in_new_session("SELECT '[1]'::loss_curve; SET metaprobe.default_suite = 'public.one'; $classify"),
	"[1]\none", 'set after the library is loaded');
is(in_new_session("SET metaprobe.default_suite = 'public.one'; $classify; SHOW metaprobe.default_suite", user => 'plain'),
	"one\npublic.one", 'set by a plain user');
is( in_new_session(
		"SET metaprobe.default_suite = 'public.one'; $classify;
		SET metaprobe.default_suite = 'public.two'; $classify;
		BEGIN; SET LOCAL metaprobe.default_suite = 'public.three'; $classify; COMMIT; $classify;
		BEGIN; SET metaprobe.default_suite = 'public.one'; $classify; ROLLBACK; $classify;
		RESET metaprobe.default_suite; $classify") =~ s/\n?psql.*//sr,
	join("\n", qw(one two three two one two)),
	'set, set locally, rolled back and reset');
is( in_new_session(
		"SET metaprobe.default_suite = 'public.one'; PREPARE q AS $classify; EXECUTE q;
		SET metaprobe.default_suite = 'public.three'; EXECUTE q;
		CREATE FUNCTION f() RETURNS text LANGUAGE sql SET metaprobe.default_suite = 'public.two' AS \$\$ $classify \$\$;
		SELECT f(); EXECUTE q; SELECT f(), classify_metadata('[1]')"),
	"one\nthree\ntwo\nthree\ntwo|three",
	'in a prepared statement, and as the setting of a function');

# Values that cannot be right
$error = in_new_session(
	"SELECT '[1]'::loss_curve; SET metaprobe.default_suite = 'one'");
like($error, qr/ERROR:  22023: invalid value for parameter "metaprobe.default_suite": "one"/,
	'without a schema: an error');
like($error, qr/HINT:  .*schema\.relation/, 'without a schema: a hint');
like(
	in_new_session("SET metaprobe.default_suite = 'one'; $classify"),
	qr/WARNING:  22023: invalid value for parameter "metaprobe.default_suite": "one".*ERROR:  55000/s,
	'without a schema, before the library is loaded: a warning, then not set');
foreach my $value ('a.b.c', 'a.', '.b', '.', 'a b.c d', '"a.b', 'a,b')
{
	like(
		in_new_session("SELECT '[1]'::loss_curve; SET metaprobe.default_suite = '$value'"),
		qr/ERROR:  22023: invalid value/, "no name: $value");
}
$error = in_new_session("SET metaprobe.default_suite = 'public.none'; $classify");
like($error, qr/ERROR:  42P01: relation "public.none" does not exist.*HINT:  .*metaprobe.default_suite/s,
	'a relation that does not exist, when it is used');
like(in_new_session("SET metaprobe.default_suite = 'none.one'; $classify"),
	qr/ERROR:  (42P01|3F000).*none.*HINT:  .*metaprobe.default_suite/s,
	'a schema that does not exist, when it is used');
like(in_new_session('SELECT $$[1]$$::loss_curve; SET metaprobe.defualt_suite = $$public.one$$'),
	qr/ERROR:  42602: invalid configuration parameter name "metaprobe.defualt_suite"/,
	'a misspelt setting');

# For a database, for a role, in the server's configuration
my $alter_role = q{ALTER ROLE plain SET metaprobe.default_suite = 'public.two'};
$node->safe_psql('postgres',
	q{ALTER DATABASE postgres SET metaprobe.default_suite = 'public.one'});
is(in_new_session($classify), 'one', 'ALTER DATABASE');
is(in_new_session($classify, user => 'plain'), 'one', 'ALTER DATABASE, another user');
like(in_new_session($alter_role, user => 'plain'),
	qr/ERROR:  42501: permission denied to set parameter/,
	'ALTER ROLE by a plain user before the library is loaded');
is(in_new_session("SELECT '[1]'::loss_curve; $alter_role", user => 'plain'),
	'[1]', 'ALTER ROLE by a plain user after it is loaded');
is(in_new_session($classify, user => 'plain'), 'two', 'the role goes before the database');
is( in_new_session(
		q{ALTER ROLE granted SET metaprobe.default_suite = 'public.three'},
		user => 'granted'),
	'',
	'ALTER ROLE with the right to SET the parameter');
is(in_new_session($classify, user => 'granted'), 'three', 'and it holds');
is(in_new_session($classify), 'one', 'for this role alone');

$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET metaprobe.default_suite');
$node->append_conf('postgresql.conf', "metaprobe.default_suite = 'public.three'");
my $session = session($node);
$session->run("SET client_min_messages = error; SELECT '[1]'::loss_curve");
$node->reload;
ok( $node->poll_query_until('postgres',
		q{SELECT current_setting('metaprobe.default_suite', true) = 'public.three'}),
	'postgresql.conf, after a reload');
is(in_new_session($classify), 'three', 'postgresql.conf, without preloading the library');
# An open session learns of it a little later.
foreach (1 .. 600)
{
	last if $session->run('SHOW metaprobe.default_suite') eq 'public.three';
	select(undef, undef, undef, 0.1);
}
is($session->run($classify), 'three', 'in a session that was open already');
$session->quit;

# Preloading is not needed, but does no harm.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'metaprobe'");
$node->restart;
is(in_new_session($classify), 'three', 'with the library preloaded');
is(in_new_session($alter_role, user => 'plain'),
	'', 'with the library preloaded, plain users may ALTER ROLE');

$node->stop;
done_testing();
