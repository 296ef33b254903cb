# A hot standby answers as its primary does, of what it has received.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $primary = start_node('primary', allows_streaming => 1);
my $standby = PostgreSQL::Test::Cluster->new('standby');

$primary->safe_psql(
	'postgres', qq{
CREATE TABLE samples AS SELECT n AS id, random_curve($seed, n, 24) AS curve
	FROM generate_series(1, 200) AS n;
CREATE TABLE probes AS
	SELECT n AS id, (ARRAY['early', 'late', 'flat'])[n % 3 + 1] AS label, random_curve($seed + 1, n, 24) AS curve
	FROM generate_series(1, 60) AS n;
CREATE INDEX samples_curve ON samples (curve);
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve, id::text) AS suite FROM probes;
CREATE VIEW live AS SELECT probe_suite_agg(label, curve, id::text) AS suite FROM probes;
ALTER DATABASE postgres SET metaprobe.default_suite = 'public.live';
});
$primary->backup('backup');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

my @queries = map { answer('samples', $_) }
  '(SELECT suite FROM suites)', "'probes'::regclass", "'live'::regclass", undef;
push @queries, q{SELECT count(*) FROM samples WHERE curve >= '[0.5]' AND curve < '[2]'};

sub same_answers
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name) = @_;

	$primary->wait_for_catchup('standby');
	foreach my $settings ('SET jit = off; SET enable_seqscan = off', q{
SET jit = off; SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0})
	{
		my $script = join(";\n", $settings, @queries);

		is($standby->safe_psql('postgres', $script),
			$primary->safe_psql('postgres', $script), $name);
	}
	return;
}

same_answers('of the base backup');

# A session on the standby that was open before the change sees it too.
my $session = session($standby);
my $query =
  q{SELECT classify_metadata('[7]', 'live'::regclass), classify_metadata('[7]'::loss_curve, (SELECT suite FROM suites))};
isnt($session->run($query), 'new|new', 'before the change');
$session->run('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $before = $session->run($query);
$primary->safe_psql(
	'postgres', q{
INSERT INTO probes SELECT 100 + n, 'new', '[7]' FROM generate_series(1, 60) AS n;
UPDATE samples SET curve = curve[0:20] WHERE id % 2 = 0;
UPDATE suites SET suite = (SELECT suite FROM live);
});
same_answers('of a change');
is($session->run($query), $before, 'a transaction keeps its snapshot');
$session->run('COMMIT');
is($session->run($query), 'new|new', 'the next one sees the change');
$session->quit;

$standby->promote;
is( $standby->safe_psql(
		'postgres', qq{
DELETE FROM probes WHERE label = 'new'; UPDATE suites SET suite = (SELECT suite FROM live); $query}),
	$before,
	'after the promotion');

$standby->stop;
$primary->stop;
done_testing();
