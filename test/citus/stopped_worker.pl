# A worker, and in the last round the coordinator, that stops in the middle of a
# refresh and is started again: batches that are through stay, the next refresh does
# the rest, nothing is doubled or lost.
#
# METAPROBE_ROUNDS says how often, METAPROBE_SEED when.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use ThreeNodes;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

# What a worker had prepared is committed or rolled back once it is there again,
# by a daemon that looks for it once a second here.
my ($coordinator, @workers) = start_three_nodes(conf => "citus.recover_2pc_interval = '1s'");
my $seed = random_seed();
my $rounds = $ENV{METAPROBE_ROUNDS} // 4;

distribute_real_curves($coordinator, gaps => $seed);
create_twin_tags($coordinator);

sub refresh
{
	return $coordinator->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'suites')});
}

# Tags by this suite and this curve
my $current = q{
SELECT count(*) FROM tags JOIN samples USING (id)
WHERE suite_hash = '%s' AND curve_hash = coalesce(loss_curve_hash_extended(curve, 0), 0)};

for my $round (1 .. $rounds)
{
	my $stopped = $round == $rounds ? $coordinator : $workers[ random_below($seed, 2) ];
	my $mode = ('immediate', 'fast')[ random_below($seed, 2) ];
	my $k = 2 + $round;

	# All rows need a new tag, and some go and come.
	foreach my $schema ('public', 'plain')
	{
		my $suites = $schema eq 'plain' ? 'plain.one_suite' : 'suites';

		$coordinator->safe_psql('postgres', qq{
UPDATE $suites SET suite = configure_probe_suite(suite, k => $k);
DELETE FROM $schema.samples WHERE id % 50 = $round;
INSERT INTO $schema.samples SELECT id + 100000 * $round, run, is_mislabelled, curve
	FROM plain.samples WHERE id % 100 = 20 + $round AND id < 8000});
	}
	my $hash = $coordinator->safe_psql('postgres', 'SELECT (probe_suite_info(suite)).hash FROM suites');
	my $rows = $coordinator->safe_psql('postgres', 'SELECT count(*) FROM samples');
	my $wanted = random_below($seed, int($rows * 0.8));

	# Stop the node once so many rows have their tag.
	my $statement = start_statement($coordinator, q{CALL refresh_tags('tags', 'samples', 'suites', batch_size => 100)});
	while ($statement->{run}->pumpable)
	{
		last if $coordinator->safe_psql('postgres', sprintf($current, $hash)) >= $wanted;
		usleep(10_000);
		$statement->{run}->pump_nb;
	}
	$stopped->stop($mode);
	my ($succeeded, $said) = finish_statement($statement);
	note 'round ', $round, ': ', $stopped->name, " stopped ($mode) after $wanted of $rows rows; ", $said =~ /^((?:ERROR|FATAL): .*)/m;
	ok(!$succeeded, "round $round: the refresh could not go on");
	like($said, qr/ERROR: |FATAL: |server closed the connection/, "round $round: and said so");
	like(error_of($coordinator, q{CALL refresh_tags('tags', 'samples', 'suites')}), qr/ERROR: |connection to server .* failed/,
		"round $round: nor is there another one meanwhile");

	$stopped->start;
	my $done = $coordinator->safe_psql('postgres', sprintf($current, $hash));
	cmp_ok($done, '>=', $wanted, "round $round: what was committed stays");
	my ($added, $changed, $removed, $unchanged) = split /\|/, refresh();
	is($added + $changed + $unchanged, $rows, "round $round: the next refresh finishes");
	cmp_ok($unchanged, '>=', $done, "round $round: and does the rest only");
	$coordinator->safe_psql('postgres', q{CALL refresh_tags('plain.tags', 'plain.samples', 'plain.one_suite')});
	same_answer($coordinator, "round $round", "SELECT $tag_columns FROM tags");
	is(refresh(), "0|0|0|$rows", "round $round: then there is nothing to do");
}
is( join(' ', on_every_node('SELECT count(*) FROM pg_prepared_xacts', $coordinator, @workers)),
	'0 0 0', 'no transaction is left over');

$_->stop foreach $coordinator, @workers;
done_testing();
