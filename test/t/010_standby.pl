# A hot standby answers as its primary does, of what it has received, gives way
# where the replay is in conflict with a query, and goes on with the refreshes
# once it is promoted.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Faults;
use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RealCurves;
use Test::More;

my $seed = random_seed();
my $primary = start_node('primary', allows_streaming => 1);
my $standby = PostgreSQL::Test::Cluster->new('standby');

# Conflicts come where they are meant to.
$primary->append_conf('postgresql.conf', 'autovacuum = off');
$primary->reload;
load_real_curves($primary, samples => 300);
my $gaps = random_gaps('curve', $seed, 'id');
$primary->safe_psql(
	'postgres', qq{
UPDATE samples SET curve = $gaps WHERE id % 2 = 1;
DELETE FROM probes WHERE substr(id, 2)::integer % 3 > 0;
CREATE INDEX samples_curve ON samples (curve);
CREATE VIEW live AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;
CREATE TABLE suites AS SELECT 'plain' AS name, suite FROM live
	UNION ALL SELECT 'dtw', configure_probe_suite(suite, metric => 'dtw', band => 2, weights => 'distance') FROM live
	UNION ALL SELECT 'fitted', fit_probe_suite(suite) FROM live;
SELECT create_tag_table('tags', 'samples');
CALL refresh_tags('tags', 'samples', 'live');
SELECT create_loss_log('training');
INSERT INTO training SELECT 'r', e - 1, array_agg(id::bigint), array_agg(loss::real)
	FROM samples, unnest(curve::float8[]) WITH ORDINALITY AS u(loss, e) WHERE loss IS NOT NULL GROUP BY e;
ALTER DATABASE postgres SET metaprobe.default_suite = 'public.live';
VACUUM ANALYZE;
});
$primary->backup('backup');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

my @queries = map { answer('samples', $_, 'typical') } (map { "(SELECT suite FROM suites WHERE name = '$_')" } 'plain', 'dtw', 'fitted'),
  "'probes'::regclass", "'live'::regclass", undef;
push @queries,
  q{SELECT count(*) FROM samples WHERE curve >= '[0.5]' AND curve < '[2]'},
  q{SELECT md5(string_agg(c::text, ' ' ORDER BY id)) FROM loss_curves('training') AS c},
  q{SELECT md5(string_agg(t::text, ' ' ORDER BY id)) FROM tags AS t},
  q{SELECT fit_probe_suite(suite) = (SELECT suite FROM suites WHERE name = 'fitted') FROM suites WHERE name = 'plain'};

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
$session->run('\set VERBOSITY verbose');
my $query =
  q{SELECT classify_metadata('[7]', 'live'::regclass), classify_metadata('[7]'::loss_curve, (SELECT suite FROM suites WHERE name = 'plain'))};
isnt($session->run($query), 'new|new', 'before the change');
$session->run('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $before = $session->run($query);
$primary->safe_psql(
	'postgres', q{
INSERT INTO probes SELECT 'new' || n, 'new', '[7]' FROM generate_series(1, 60) AS n;
UPDATE samples SET curve = curve[0:20] WHERE id % 10 = 0;
UPDATE suites SET suite = (SELECT suite FROM live) WHERE name = 'plain';
});
$primary->wait_for_catchup('standby');
is($session->run($query), $before, 'a transaction keeps its snapshot');
$session->run('COMMIT');
is($session->run($query), 'new|new', 'the next one sees the change');
$primary->safe_psql(
	'postgres', q{
UPDATE suites SET suite = (SELECT fit_probe_suite(suite) FROM live) WHERE name = 'fitted';
CALL refresh_tags('tags', 'samples', 'live')});
same_answers('of a change');

# What writes says that this cannot be done here.
like($session->run(q{CALL refresh_tags('tags', 'samples', 'live')}),
	qr/ERROR:  25006: cannot execute CREATE TABLE AS/, 'no refresh on a standby');
like($session->run(q{SELECT create_tag_table('other', 'samples')}), qr/ERROR:  25006: /, 'no tag table either');
like($session->run(q{SELECT create_loss_log('other')}), qr/ERROR:  25006: /, 'nor a log');

# A query that the replay cannot wait for any longer gives way, and others go on.
# (It may be asked twice, and then its session ends.)
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = '200ms'");
$standby->reload;
my $long = q{SELECT count(classify_metadata(s.curve, (SELECT suite FROM suites WHERE name = 'dtw'))) FROM samples AS s, generate_series(1, 100000) AS n};
my %conflicts = (
	'rows that are vacuumed away' => 'DELETE FROM samples WHERE id >= 290; VACUUM samples',
	'a lock' => 'BEGIN; LOCK TABLE samples IN ACCESS EXCLUSIVE MODE; COMMIT');
my %parallel = (0 => 'without workers', 2 => 'with workers');
foreach my $workers (sort keys %parallel)
{
	foreach my $name (sort keys %conflicts)
	{
		my $title = "$name, $parallel{$workers}";

		my $reader = worker($standby, 'reader',
			"SET max_parallel_workers_per_gather = $workers; SET min_parallel_table_scan_size = 0; $long;");
		$standby->poll_query_until('postgres',
			q{SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend' AND query LIKE 'SELECT count(classify%'})
		  or die 'the query does not run';
		$primary->safe_psql('postgres', 'INSERT INTO samples SELECT id, false, curve FROM generate_series(290, 299) AS id, LATERAL (SELECT curve FROM samples WHERE id = 1) AS s ON CONFLICT DO NOTHING');
		$primary->safe_psql('postgres', $conflicts{$name});
		$primary->wait_for_catchup('standby');
		$reader->finish;
		like(join(' ', $reader->errors), qr/ERROR:  40001: canceling statement due to conflict with recovery/,
			"$title: the query gives way");
		is($session->run($query), 'new|new', "$title: others go on");
	}
}
is( $session->run(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}),
	0, 'no worker goes on');
same_answers('after conflicts');

# Promoted, it does what is left to do.
$primary->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'live')});
$primary->wait_for_catchup('standby');
$standby->promote;
my $rows = $session->run('SELECT count(*) FROM samples');
like($session->run(q{CALL refresh_tags('tags', 'samples', 'live')}),
	qr/^0\|0\|0\|$rows$/m, 'after the promotion all tags are current');
$session->run(q{
UPDATE samples SET curve = curve || 0.125 WHERE id < 5;
DELETE FROM samples WHERE id BETWEEN 10 AND 12;
INSERT INTO samples VALUES (1000, false, '[1,2]'), (1001, false, NULL)});
like($session->run(q{CALL refresh_tags('tags', 'samples', 'live')}),
	qr/^2\|\d\|3\|\d+$/m, 'a refresh does what was changed');
is( $session->run(q{
SELECT count(*) FROM samples AS s FULL JOIN tags AS t USING (id), LATERAL (SELECT tag_metadata(curve, (SELECT suite FROM live)) AS m) AS m
WHERE (label, probability, score, runner_up, margin, distance, novelty) IS DISTINCT FROM
	((m).label, (m).probability, (m).score, (m).runner_up, (m).margin, (m).distance, (m).novelty)}),
	0,
	'and all tags are true');
is( $session->run(qq{
DELETE FROM probes WHERE label = 'new'; UPDATE suites SET suite = (SELECT suite FROM live) WHERE name = 'plain'; $query}),
	$before,
	'suites can be changed');

$session->quit;
$standby->stop;
$primary->stop;
done_testing();
