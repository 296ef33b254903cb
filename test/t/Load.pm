# Load from pgbench: transactions of many kinds at once, from the scripts of
# test/load, how long each took, and what memory the backends have meanwhile.
package Load;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use FindBin;
use IPC::Run;
use List::Util qw(max min sum0);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  load_script
  start_load
  finish_load
  watch_memory
  growth
  together
  report_kinds
);

my $scripts = "$FindBin::RealBin/../load";
my $loads = 0;

sub load_script
{
	my ($name) = @_;

	return "$scripts/$name.sql";
}

# Start clients that make transactions of the kinds given, each as often as its
# weight says, for some seconds.
sub start_load
{
	my ($node, $clients, $seconds, $seed, @kinds) = @_;
	my $load = { log => "$PostgreSQL::Test::Utils::tmp_check/load_" . ++$loads, seconds => $seconds };
	my @files;

	while (my ($kind, $weight) = splice(@kinds, 0, 2))
	{
		push @{ $load->{kinds} }, $kind;
		push @files, '-f', load_script($kind) . "\@$weight";
	}
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	$load->{run} = IPC::Run::start(
		[
			$node->installed_command('pgbench'), '-n', '-M', 'prepared',
			'-c', $clients, '-j', min(2, $clients), '-T', $seconds, '--random-seed', $seed,
			'-l', '--log-prefix', $load->{log}, @files, $node->connstr('postgres')
		],
		'>', \$load->{out}, '2>', \$load->{err});
	return $load;
}

# Wait for the end.  Afterwards {times} has the latencies of every kind, in
# microseconds, those of the acknowledged transactions.
sub finish_load
{
	my ($load) = @_;
	my $succeeded = $load->{run}->finish;

	$load->{times} = { map { $_ => [] } @{ $load->{kinds} } };
	foreach my $file (glob "$load->{log}.*")
	{
		open(my $lines, '<', $file) or die "cannot read $file: $!";
		while (<$lines>)
		{
			my ($client, $number, $time, $script) = split / /;
			push @{ $load->{times}{ $load->{kinds}[$script] } }, $time;
		}
		close($lines);
		unlink $file;
	}
	@$_ = sort { $a <=> $b } @$_ foreach values %{ $load->{times} };
	diag($load->{out} // '', $load->{err} // '') unless $succeeded;
	return $succeeded && $load->{out} =~ /^number of failed transactions: 0 /m;
}

# Private memory of a process in kilobytes; undef where the system does not say.
sub private_memory
{
	my ($pid) = @_;
	my $status = -r "/proc/$pid/status" ? eval { slurp_file("/proc/$pid/status") } // '' : '';

	return $status =~ /^RssAnon:\s+(\d+)/m ? $1 : undef;
}

# Does any of these loads go on?
sub goes_on
{
	return scalar grep { $_->{run}->pumpable && eval { $_->{run}->pump_nb; 1 } } @_;
}

# Look at the backends of the clients now and then, until their loads are over.
# Returns for each pid what it had, as pairs of time and kilobytes.
sub watch_memory
{
	my ($psql, $interval, @loads) = @_;
	my %seen;

	while (goes_on(@loads))
	{
		foreach my $pid (split /\n/,
			$psql->run(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()}))
		{
			my $used = private_memory($pid);
			push @{ $seen{$pid} }, [ time, $used ] if defined $used;
		}
		my $until = time + $interval;
		sleep 0.1 while time < $until && goes_on(@loads);
	}
	return \%seen;
}

sub mean_between
{
	my ($pairs, $from, $to) = @_;
	my @values = map { $_->[1] } grep { $_->[0] >= $from && $_->[0] < $to } @$pairs;

	return @values ? sum0(@values) / @values : undef;
}

# By how much the mean of the last quarter is above that of the one before, on
# average over the backends, with the mean of the first quarter and the most
# that any had at any time.
sub growth
{
	my ($seen) = @_;
	my @times = map { $_->[0] } map { @$_ } values %$seen;
	return undef unless @times;
	my ($start, $end) = (min(@times), max(@times));
	my @quarters = map { $start + ($end - $start) * $_ / 4 } 0 .. 4;
	my (@first, @growth);

	$quarters[4]++;
	foreach my $pairs (values %$seen)
	{
		my ($first, $third, $last) = map { mean_between($pairs, @quarters[ $_, $_ + 1 ]) } 0, 2, 3;
		next unless defined $first && defined $third && defined $last;
		push @first, $first;
		push @growth, $last - $third;
	}
	return undef unless @growth;
	return {
		backends => scalar @growth,
		first => sum0(@first) / @first,
		last => sum0(@first, @growth) / @first,
		growth => sum0(@growth) / @growth,
		peak => max(map { $_->[1] } map { @$_ } values %$seen)
	};
}

# Loads of the same kinds as one
sub together
{
	my @loads = @_;

	return {
		kinds => $loads[0]{kinds},
		seconds => sum0(map { $_->{seconds} } @loads),
		times => {
			map {
				my $kind = $_;
				$kind => [ sort { $a <=> $b } map { @{ $_->{times}{$kind} } } @loads ]
			} @{ $loads[0]{kinds} }
		}
	};
}

# The p-th percentile of sorted times, in milliseconds.
sub percentile
{
	my ($times, $p) = @_;

	return $times->[ min(int(@$times * $p / 100), $#$times) ] / 1000;
}

# A line for each kind of transaction: how many, how many per second, and how
# long they took; beside the only kind of another load, if that is given.
sub report_kinds
{
	my ($load, $peer) = @_;
	my ($base) = $peer ? values %{ $peer->{times} } : ();

	note sprintf '%-18s %9s %9s %9s %9s %9s', '', 'number', 'per s', 'p50 ms', 'p99 ms', 'max ms';
	foreach my $kind (@{ $load->{kinds} })
	{
		my $times = $load->{times}{$kind};
		next unless @$times;
		my ($median, $late) = map { percentile($times, $_) } 50, 99;
		my $rate = @$times / $load->{seconds};
		note sprintf '%-18s %9d %9.1f %9.2f %9.2f %9.2f', $kind, scalar @$times, $rate,
		  $median, $late, $times->[-1] / 1000;
		note sprintf '%-18s %19.2f %9.2f %9.2f', '  of the peer', $rate * $peer->{seconds} / @$base,
		  $median / percentile($base, 50), $late / percentile($base, 99)
		  if $base;
	}
	return;
}

1;
