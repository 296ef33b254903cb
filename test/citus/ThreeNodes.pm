# Three servers with Citus on one machine, a coordinator and two workers, with
# the real curves in them: once distributed, once as plain tables of the
# coordinator, which answer as a single node does.
package ThreeNodes;

use strict;
use warnings FATAL => 'all';
use feature 'state';

use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use FindBin;
use IPC::Run;
use lib "$FindBin::RealBin/../t";

use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RealCurves;
use Test::More;

our @EXPORT = qw(
  start_three_nodes
  distribute_real_curves
  create_twin_tags
  on_every_node
  same_answer
  same_error
  plan_of
  start_statement
  finish_statement
  random_below
  $shards
  $tag_columns
);

our $shards = 8;

# Ends the test file as skipped where the server has no Citus.
sub need_citus
{
	my ($pkglibdir) = run_command([ 'pg_config', '--pkglibdir' ]);

	plan skip_all => "this server has no Citus (no $pkglibdir/citus.so)"
	  unless -e "$pkglibdir/citus.so";
	return;
}

# They talk to each other through sockets in a directory that only the user of
# the tests can enter, so that nobody else's connections are trusted.
sub start_citus
{
	my ($name, %params) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $directory = $node->host;
	my $more = $params{conf} // '';

	$node->init(extra => ['--username=postgres']);
	$node->append_conf(
		'postgresql.conf', qq{
shared_preload_libraries = 'citus'
citus.node_conninfo = 'sslmode=disable'
citus.local_hostname = '$directory'
citus.shard_count = $shards
citus.enable_statistics_collection = off
max_prepared_transactions = 100
max_connections = 120
max_worker_processes = 24
fsync = off
$more
});
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION citus');
	return $node;
}

# Returns coordinator, first and second worker.  The generators of Metaprobe.pm
# are functions of all of them.
sub start_three_nodes
{
	my (%params) = @_;

	need_citus();
	my ($coordinator, @workers) =
	  map { start_citus($_, %params) } 'coordinator', 'worker_1', 'worker_2';

	$coordinator->safe_psql('postgres',
		sprintf(q{SELECT citus_set_coordinator_host('%s', %d)}, $coordinator->host, $coordinator->port));
	$coordinator->safe_psql('postgres', sprintf(q{SELECT citus_add_node('%s', %d)}, $_->host, $_->port))
	  foreach @workers;
	install_generators($coordinator, 'postgres');
	note $coordinator->safe_psql('postgres', 'SELECT citus_version()');
	return ($coordinator, @workers);
}

# The real curves, distributed by id as samples, and, of the same name in the
# schema plain, as tables of the coordinator alone: samples (id, run,
# is_mislabelled, curve) and probes (id, label, curve).  The runs take turns.
# With gaps => seed epochs are missing, and curves.
sub distribute_real_curves
{
	my ($coordinator, %params) = @_;
	my $curve = $params{gaps} ? random_gaps('curve', $params{gaps}, 'id') : 'curve';

	load_real_curves($coordinator, %params);
	$coordinator->safe_psql(
		'postgres', qq{
CREATE SCHEMA plain;
CREATE TABLE plain.samples AS
	SELECT id, 'run ' || id % 3 AS run, is_mislabelled, $curve AS curve FROM samples;
ALTER TABLE plain.samples ADD PRIMARY KEY (id);
CREATE TABLE plain.probes AS TABLE probes;
CREATE TABLE plain.suites AS
	SELECT 'real' AS name, probe_suite_agg(label, curve, id) AS suite FROM plain.probes;
DROP TABLE samples, probes, held_out;

CREATE TABLE samples (LIKE plain.samples INCLUDING ALL);
CREATE TABLE probes (LIKE plain.probes INCLUDING ALL);
SELECT create_distributed_table('samples', 'id');
SELECT create_distributed_table('probes', 'id', colocate_with => 'none');
INSERT INTO samples TABLE plain.samples;
INSERT INTO probes TABLE plain.probes;
ANALYZE;
});
	return;
}

# What a query says on each of the nodes.
sub on_every_node
{
	my ($query, @nodes) = @_;

	return map { $_->safe_psql('postgres', $query) } @nodes;
}

# Does a query over distributed tables give what it gives over plain ones?  It is
# asked without a schema and with search_path = plain first, or as plain => QUERY;
# answers => {} keeps what the plain tables said.  Rows are sorted
# unless there is an ORDER BY at the end.
sub same_answer
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($coordinator, $name, $query, %params) = @_;
	my ($settings, $plain) = ($params{settings} // '', $params{plain} // $query);
	my @here = split /\n/, $coordinator->safe_psql('postgres', "$settings; $query");
	$plain = "SET search_path = plain, public; $plain";
	my $answer = $params{answers}{$plain} // $coordinator->safe_psql('postgres', $plain);
	my @there = split /\n/, $answer;

	$params{answers}{$plain} = $answer if defined $params{answers};

	unless ($query =~ /ORDER BY[^()]*\z/)
	{
		@$_ = sort @$_ foreach \@here, \@there;
	}
	cmp_ok(scalar @there, '>', 0, "$name: there is an answer") or return;
	foreach my $i (0 .. $#there)
	{
		next if defined $here[$i] && $here[$i] eq $there[$i];
		return is(substr($here[$i] // 'no row', 0, 500), substr($there[$i], 0, 500), "$name: row $i");
	}
	return is(scalar @here, scalar @there, "$name: the same as on one node");
}

# The same for an error: its SQLSTATE and message.
sub same_error
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($coordinator, $name, $query, $expected) = @_;
	my ($here) = error_of($coordinator, $query) =~ /^(?:psql:\S+ )?(?:ERROR: )(.*)$/m;
	my ($there) =
	  error_of($coordinator, "SET search_path = plain, public; $query") =~ /^(?:psql:\S+ )?(?:ERROR: )(.*)$/m;

	like($there // 'no error', $expected, "$name: an error on one node");
	return is($here // 'no error', $there // 'no error', "$name: the same error");
}

# The plan, with suites cut out.
sub plan_of
{
	my ($coordinator, $query, $settings) = @_;
	my $plan = $coordinator->safe_psql('postgres',
		($settings // '') . "; EXPLAIN (VERBOSE, COSTS OFF) $query");

	return $plan =~ s/\Q{"version"\E.*?\]\}\]?\}'/...'/gr;
}

# Start a statement in a connection of its own; finish_statement waits for its end
# and returns whether it succeeded and what it said.
sub start_statement
{
	my ($node, $sql) = @_;
	my $statement = { out => '', err => '' };

	$statement->{timer} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	$statement->{run} = IPC::Run::start(
		[
			$node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql
		],
		'<', \undef, '>', \$statement->{out}, '2>', \$statement->{err}, $statement->{timer});
	return $statement;
}

sub finish_statement
{
	my ($statement) = @_;
	my $succeeded = $statement->{run}->finish;

	return ($succeeded, join "\n", grep { $_ ne '' } @$statement{ 'out', 'err' });
}

# What a tag says: all columns but the time it was written.
our $tag_columns = 'id, label, probability, score, runner_up, margin, distance, novelty, curve_hash, suite_hash';

# Tag tables of the distributed samples and of the plain ones, with a suite for each
# that may be changed.
sub create_twin_tags
{
	my ($coordinator) = @_;

	return $coordinator->safe_psql('postgres', q{
CREATE TABLE suites AS SELECT suite FROM plain.suites;
CREATE TABLE plain.one_suite AS SELECT suite FROM plain.suites;
SELECT create_tag_table('tags', 'samples');
SELECT create_tag_table('plain.tags', 'plain.samples')});
}

# The next of the numbers from 0 to $n - 1 that a seed gives.
sub random_below
{
	my ($seed, $n) = @_;
	state %drawn;

	return hex(substr(md5_hex($seed . ' ' . $drawn{$seed}++), 0, 8)) % $n;
}

1;
