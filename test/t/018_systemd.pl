# A refresh by a systemd timer: systemd finds nothing wrong with the units in
# examples/systemd, and what they start brings the tags up to date.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Recipes;
use Test::More;
use Text::ParseWords qw(shellwords);

my @units = map { "$Recipes::root/examples/systemd/metaprobe-refresh.$_" } 'service', 'timer';
my $service = slurp_file($units[0]);

SKIP:
{
	my $psql = -x '/usr/bin/psql';
	my ($version) = eval { run_command([ 'systemd-analyze', '--version' ]) };

	skip 'no systemd here', 1 unless $version;
	skip 'no /usr/bin/psql here', 1 unless $psql;
	my ($stdout, $stderr) = run_command([ 'systemd-analyze', 'verify', '--man=no', @units ]);
	is(join("\n", grep { /metaprobe/ } split /\n/, "$stdout\n$stderr"),
		'', 'systemd finds nothing to say of them');
}

my ($command) = $service =~ /^ExecStart=\/usr\/bin\/(psql .*)$/m;
my ($database) = $service =~ /^Environment=PGDATABASE=(\w+)$/m;
my ($role) = $service =~ /^User=(\w+)$/m;
my $node = start_node('main');

$node->safe_psql('postgres', "CREATE ROLE $role LOGIN; CREATE DATABASE $database OWNER $role");
install_generators($node, $database);
$node->safe_psql(
	$database, qq{
CREATE TABLE samples AS SELECT n AS id, random_curve(1, n, 10) AS curve FROM generate_series(1, 50) AS n;
CREATE TABLE probes AS SELECT 'kind ' || n % 3 AS label, random_curve(2, n, 10) AS curve FROM generate_series(1, 30) AS n;
CREATE VIEW mnist_suite AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
ALTER TABLE samples ADD PRIMARY KEY (id);
GRANT SELECT ON samples, mnist_suite TO $role;
SELECT create_tag_table('sample_tags', 'samples');
ALTER TABLE sample_tags OWNER TO $role;
});

# As systemd would: its own words, no shell.
sub start_service
{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = $database;
	local $ENV{PGUSER} = $role;

	return IPC::Run::run([ shellwords($command) ], '>', \my $stdout, '2>', \my $stderr);
}

my $wrong = q{
SELECT count(*) FROM samples AS s FULL JOIN sample_tags AS t USING (id)
WHERE t.label IS DISTINCT FROM classify_metadata(s.curve, 'mnist_suite'::regclass)};

is($node->safe_psql($database, $wrong), '50', 'before');
ok(start_service(), 'the service succeeds');
is($node->safe_psql($database, $wrong), '0', 'the tags are up to date');
$node->safe_psql($database, 'UPDATE probes SET label = label || $$ again$$');
isnt($node->safe_psql($database, $wrong), '0', 'out of date');
ok(start_service(), 'the service succeeds again');
is($node->safe_psql($database, $wrong), '0', 'the tags are up to date again');
$node->safe_psql($database, 'DROP VIEW mnist_suite');
ok(!start_service(), 'the service fails where the refresh does');

$node->stop;
done_testing();
