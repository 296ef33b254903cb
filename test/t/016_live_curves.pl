# Many writers at once fill the same curves, epoch by epoch, in any order: in the
# end every epoch has its loss.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use List::Util qw(shuffle);
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $ids = 40;
my $epochs = 60;
my $writers = 6;

my $seed = random_seed();
srand($seed);
my $node = start_node('main');

$node->safe_psql(
	'postgres', q{
CREATE TABLE live (id bigint PRIMARY KEY, curve loss_curve) WITH (fillfactor = 70);
CREATE TABLE fixed (id bigint PRIMARY KEY, curve loss_curve(60));
});

# A loss that tells where it belongs, and fits a real.
sub loss
{
	my ($id, $epoch) = @_;

	return $id + $epoch / 64;
}

sub upsert
{
	my ($table, $epoch, @ids) = @_;
	my $rows = @ids == 1
	  ? "VALUES ($ids[0], " . loss($ids[0], $epoch) . ')'
	  : sprintf q{SELECT * FROM unnest('{%s}'::bigint[], '{%s}'::real[]) AS batch (id, loss) ORDER BY id},
	  join(',', @ids), join(',', map { loss($_, $epoch) } @ids);

	return "INSERT INTO $table (id, curve[$epoch]) $rows
ON CONFLICT (id) DO UPDATE SET curve[$epoch] = EXCLUDED.curve[$epoch];\n";
}

# Each cell goes to a writer, one in eight to a second one as well.  A writer
# takes its cells in an order of its own: one by one, or all of an epoch in one
# statement, and sometimes several statements in a transaction for one row.
sub writer_scripts
{
	my ($table) = @_;
	my @cells = map { {} } 1 .. $writers;

	foreach my $id (1 .. $ids)
	{
		foreach my $epoch (0 .. $epochs - 1)
		{
			push @{ $cells[ rand $writers ]{$epoch} }, $id
			  foreach 1 .. (rand(8) < 1 ? 2 : 1);
		}
	}
	return map {
		my $mine = $_;
		join '', map {
			my $epoch = $_;
			my %seen;
			my @mine = shuffle(grep { !$seen{$_}++ } @{ $mine->{$epoch} });
			my $style = int rand 3;

			$style == 0 ? upsert($table, $epoch, @mine)
			  : $style == 1
			  ? join('', map { upsert($table, $epoch, $_) } @mine)
			  : join('', map { 'BEGIN; ' . upsert($table, $epoch, $_) . upsert($table, $epoch, $_) . "COMMIT;\n" } @mine);
		} shuffle(sort keys %$mine);
	} @cells;
}

# Runs scripts at once, each in a psql, and gives what they complain of.
sub run_at_once
{
	my @runs = map {
		my $self = { in => $_, err => '' };

		$self->{run} = IPC::Run::start(
			[
				$node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d',
				$node->connstr('postgres'), '-f', '-'
			],
			'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err},
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
		$self;
	} @_;

	$_->{run}->finish foreach @runs;
	return join '', map { $_->{err} } @runs;
}

foreach my $table ('live', 'fixed')
{
	is(run_at_once(writer_scripts($table), "VACUUM $table;\n" x 20),
		'', "$table: no writer fails");
	is( $node->safe_psql(
			'postgres', qq{
SELECT count(*), count(*) FILTER (WHERE curve = expected)
FROM $table JOIN (SELECT id, loss_curve_agg(id + epoch / 64.0, epoch) AS expected
	FROM generate_series(1, $ids) AS id, generate_series(0, $epochs - 1) AS epoch
	GROUP BY id) AS wanted USING (id)}),
		"$ids|$ids",
		"$table: every epoch has its loss");
}

# The check can fail: it sees a single loss that is missing.
is( $node->safe_psql(
		'postgres', qq{
UPDATE live SET curve[7] = NULL WHERE id = 3;
SELECT count(*) FROM live JOIN fixed USING (id) WHERE live.curve = fixed.curve}),
	$ids - 1,
	'a loss that is missing is seen');

$node->stop;
done_testing();
