# What tests need that break things: servers that are killed, sessions that
# work on their own until they are broken off, and numbers of rounds.
package Faults;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(
  rounds
  kill_server
  wait_until_gone
  wait_until_ready
  process_state
  worker
  is_amcheck_clean
);

# How often to do it: script/test-long asks for more than script/test.
sub rounds
{
	my ($short) = @_;

	return $ENV{METAPROBE_ROUNDS} // $short;
}

# Kill the postmaster and, unless they shall find out by themselves, all of its
# processes, and wait until they are gone.  It is stopped first, for a worker
# that it starts meanwhile would be missed and keep the next server from
# starting.  The lock files go too, for a server takes a process nobody has
# waited for for another.
sub kill_server
{
	my ($node, %params) = @_;
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @pids;

	kill 'STOP', $postmaster;
	usleep(1_000) until process_state($postmaster) =~ /^$|\) T /;
	@pids = children_of($postmaster);
	$node->kill9;
	kill 'KILL', @pids unless $params{postmaster_only};
	wait_until_gone(@pids);
	unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
	return;
}

sub wait_until_gone
{
	my @pids = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	while (my @left = grep { is_running($_) } @pids)
	{
		die "processes @left do not end" if time > $end;
		usleep(10_000);
	}
	return;
}

# Wait until a server that restarts by itself takes connections again.
sub wait_until_ready
{
	my ($node) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	my @is_ready = ($node->installed_command('pg_isready'), '-q', '-h', $node->host, '-p', $node->port);

	until (system(@is_ready) == 0)
	{
		die 'the server does not come back' if time > $end;
		usleep(50_000);
	}
	return;
}

# A process that nobody has waited for yet is not.
sub is_running
{
	my ($pid) = @_;

	return process_state($pid) !~ /^$|\) [XZ] /;
}

sub children_of
{
	my ($parent) = @_;

	return grep { process_state($_) =~ /\) \S $parent / } map { m{(\d+)$} } glob('/proc/[0-9]*');
}

# /proc/PID/stat, empty if there is no such process any more
sub process_state
{
	my ($pid) = @_;

	open(my $file, '<', "/proc/$pid/stat") or return '';
	return <$file> // '';
}

# A psql that runs a script by itself, until it is through or meets an error,
# with a name that pg_stat_activity shows.  What it prints of a statement it
# prints when the server has acknowledged it.
sub worker
{
	my ($node, $name, $script) = @_;
	my $path = "$PostgreSQL::Test::Utils::tmp_check/" . $node->name . "_$name";
	my $self = bless { name => $name, output => "$path.out", errors => "$path.err" }, 'Faults::Worker';

	unlink "$path.sql";
	append_to_file("$path.sql", $script);
	$self->{run} = IPC::Run::start(
		[
			$node->installed_command('psql'),
			'-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
			'-d', $node->connstr('postgres') . " application_name=$name",
			'-f', "$path.sql"
		],
		'<', \undef, '>', $self->{output}, '2>', $self->{errors});
	return $self;
}

# Are all indexes and tables of the database what they should be?
sub is_amcheck_clean
{
	my ($node, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is( $node->safe_psql(
			'postgres', q{
CREATE EXTENSION IF NOT EXISTS amcheck;
SELECT bt_index_check(c.oid, true) FROM pg_class AS c JOIN pg_am AS a ON a.oid = relam
	WHERE amname = 'btree' AND relkind = 'i' AND relpersistence = 'p';
SELECT c.oid::regclass, v.* FROM pg_class AS c, verify_heapam(c.oid) AS v
	WHERE relkind IN ('r', 't', 'm') AND relpersistence = 'p'}) =~ s/^\n*//r,
		'', $name);
	return;
}

package Faults::Worker;

use PostgreSQL::Test::Utils;

# Wait for its end; the lines that it printed.
sub finish
{
	my ($self) = @_;

	$self->{is_through} = $self->{run}->finish;
	return split /\n/, slurp_file($self->{output});
}

# The SQLSTATEs and messages that it met, those of a lost connection left out.
sub errors
{
	my ($self) = @_;

	return grep { /(ERROR|PANIC): / && !/: (57P0[123]|57P05): / } split /\n/, slurp_file($self->{errors});
}

1;
