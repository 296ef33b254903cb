# Crashes at random moments, while losses are recorded, curves are built of
# them, copied and updated, and tags are refreshed: whatever was acknowledged is
# there once, the rest is there whole or not at all, nothing temporary is left
# behind, and the next refresh makes all tags true.
#
# METAPROBE_ROUNDS says how many crashes, METAPROBE_SEED which ones.

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
use Time::HiRes qw(time usleep);

my $rounds = rounds(5);
my $seed = random_seed();
my $rows = 2000;
my $copy_rows = 300;
my @ways = ('kill all', 'kill a backend', 'kill the postmaster', 'immediate shutdown');
my %done = map { $_ => 0 } @ways;

srand($seed);

# On disk and synchronised, unlike other tests' servers.  Checkpoints come in
# between, and what needs memory spills.
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => ['--username=postgres']);
$node->append_conf(
	'postgresql.conf', '
fsync = on
restart_after_crash = on
log_statement = none
wal_level = ' . ($seed % 2 ? 'minimal' : 'replica') . '
shared_buffers = 4MB
max_wal_size = 32MB
min_wal_size = 32MB
checkpoint_timeout = 30s
work_mem = 64kB
autovacuum_naptime = 1s
max_wal_senders = 0
');
$node->start;
install_generators($node, 'postgres');
load_real_curves($node, samples => $rows);

# chunks is what there is to record.  Of every row of live as many epochs as it
# had updates should be there.
my $files = $PostgreSQL::Test::Utils::tmp_check;
$node->safe_psql(
	'postgres', qq{
CREATE TABLE chunks AS
	SELECT (row_number() OVER (ORDER BY epoch, part))::integer AS n, c.*
	FROM (SELECT (e - 1)::integer AS epoch, id / 100 AS part,
			array_agg(id::bigint ORDER BY id) AS ids, array_agg(loss::real ORDER BY id) AS losses
		FROM samples, unnest(curve::float8[]) WITH ORDINALITY AS u(loss, e) GROUP BY e, part) AS c;
ALTER TABLE chunks ADD PRIMARY KEY (n);
SELECT create_loss_log('training');
CREATE TABLE copied (batch text DEFAULT current_setting('test.batch'), id integer, curve loss_curve);
CREATE TABLE live AS SELECT id, 0::bigint AS updates, curve[0:0] AS curve FROM samples;
ALTER TABLE live ADD PRIMARY KEY (id);
CREATE INDEX live_curve ON live (curve);
CREATE TABLE all_suites AS
	WITH s AS (SELECT probe_suite_agg(label, curve, id) AS suite FROM probes)
	SELECT 0 AS n, suite FROM s
	UNION ALL SELECT 1, configure_probe_suite(suite, k => 5, weights => 'distance') FROM s
	UNION ALL SELECT 2, fit_probe_suite(suite) FROM s;
CREATE TABLE suites AS SELECT suite FROM all_suites WHERE n = 0;
SELECT create_tag_table('tags', 'live');
CHECKPOINT;
\\copy (SELECT id, curve FROM samples WHERE id < $copy_rows) TO '$files/curves.txt'
\\copy (SELECT id, curve FROM samples WHERE id < $copy_rows) TO '$files/curves.bin' (FORMAT binary)
});
my $chunks = $node->safe_psql('postgres', 'SELECT count(*) FROM chunks');

#
# The workers' scripts, which print what they did, with SQL that says of each
# line whether it is there.
#

# Two record the same run, each every other chunk, now and then two at once.
sub recorder
{
	my ($round, $number) = @_;
	my $sql = '';

	foreach my $pass (0 .. 3)
	{
		for (my $n = 1 + $number; $n <= $chunks; $n += 2)
		{
			my @both = $n % 7 == 0 && $n + 2 <= $chunks ? ($n, $n + 2) : ($n);

			$sql .= "BEGIN;\n" if @both > 1;
			$sql .= "INSERT INTO training SELECT '$round.$pass', epoch, ids, losses FROM chunks WHERE n = $_;\n"
			  foreach @both;
			$sql .= "COMMIT;\n" if @both > 1;
			$sql .= "\\echo $round.$pass $_\n" foreach @both;
			$n += 2 if @both > 1;
		}
	}
	return $sql;
}

# Curves of what is recorded by then, by both ways.
sub builder
{
	my ($round) = @_;
	my $sql = '';

	foreach my $n (1 .. 200)
	{
		my $query =
		  $n % 2
		  ? "SELECT id, loss_curve_agg(loss, epoch) AS curve FROM training, unnest(ids, losses) AS u(id, loss) WHERE run = '$round.0' GROUP BY id"
		  : "SELECT * FROM loss_curves('training', '$round.0')";
		$sql .= "CREATE TABLE built_$n AS $query;\n"
		  . "SELECT 'built_$n ' || count(*) || ' ' || coalesce(sum(loss_curve_hash_extended(curve, id)), 0) FROM built_$n;\n";
	}
	return $sql;
}

sub copier
{
	my ($round) = @_;

	return join '', map {
		my $file = $_ % 2 ? "'$files/curves.bin' (FORMAT binary)" : "'$files/curves.txt'";
		"SET test.batch = '$round.$_';\n\\copy copied (id, curve) FROM $file\n\\echo $round.$_\n"
	} 1 .. 1000;
}

# Two update rows of their own.
sub updater
{
	my ($number) = @_;

	return join '', map {
		my $id = 2 * int(rand($rows / 2)) + $number;
		"UPDATE live AS l SET updates = updates + 1, curve[updates + 1] = s.curve[updates + 1]
			FROM samples AS s WHERE s.id = $id AND l.id = $id RETURNING l.id, updates;\n"
	} 1 .. 5000;
}

sub refresher
{
	return join '', map {
		my $n = int(rand(3));
		"UPDATE suites SET suite = (SELECT suite FROM all_suites WHERE n = $n);\n" x ($_ % 3 == 0)
		  . "CALL refresh_tags('tags', 'live', 'suites', batch_size => 200);\n"
	} 1 .. 500;
}

#
# Crashing
#

sub crash
{
	my ($way) = @_;

	if ($way eq 'kill a backend')
	{
		my @pids = split /\n/,
		  $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE application_name ~ '^[a-z]+_[0-9]$'});

		kill 'KILL', $pids[ int(rand(@pids)) ];
	}
	elsif ($way eq 'immediate shutdown')
	{
		$node->stop('immediate');
	}
	else
	{
		kill_server($node, postmaster_only => $way eq 'kill the postmaster');
	}
	return;
}

# What of the workers' temporary relations is on disk
sub temporary_files
{
	my $data = $node->data_dir;

	return map { s/^\Q$data\E\///r } glob("$data/base/*/t[0-9]*_* $data/base/pgsql_tmp/*");
}

sub query
{
	return $node->safe_psql('postgres', $_[0]);
}

#
# Looking at what is there
#

my $recorded_before = 0;
my %updates_before = map { $_ => 0 } 0 .. $rows - 1;

# At most one statement of a worker, which may be of two chunks, can have been
# committed and not acknowledged.
sub check_recorded
{
	my ($round, @acknowledged) = @_;
	my %there = map { $_ => 1 } split /\n/,
	  query(qq{
SELECT run || ' ' || n FROM training AS t JOIN chunks AS c USING (epoch, ids, losses) WHERE run LIKE '$round.%'});
	my $unacknowledged = keys(%there) - @acknowledged;

	is(scalar(grep { !$there{$_} } @acknowledged), 0, 'every chunk that was acknowledged is there');
	ok($unacknowledged >= 0 && $unacknowledged <= 4, 'no more others than can be');
	is(query('SELECT count(*) FROM training'), $recorded_before + keys %there, 'none twice, and those of before');
	is( query(qq{
SELECT count(*) FROM (SELECT id, loss_curve_agg(loss, epoch) AS curve
		FROM training, unnest(ids, losses) AS u(id, loss) WHERE run = '$round.0' GROUP BY id) AS a
	FULL JOIN loss_curves('training', '$round.0') AS b USING (id) WHERE a.curve IS DISTINCT FROM b.curve}),
		0,
		'both ways give the same curves');
	$recorded_before += keys %there;
	return;
}

sub check_built
{
	my (@acknowledged) = @_;

	is( join("\n", map {
				my ($table, $count, $hash) = split / /;
				query(qq{SELECT '$table ' || count(*) || ' ' || coalesce(sum(loss_curve_hash_extended(curve, id)), 0) FROM $table})
			} @acknowledged),
		join("\n", @acknowledged),
		'tables of curves are there');

	# Another one, if it was committed, has only what was recorded.
	my @tables = split /\n/, query(q{SELECT relname FROM pg_class WHERE relname LIKE 'built\_%'});
	my $unlike = join ' + ', 0, map {
		qq{(SELECT count(*) FROM $_ AS b LEFT JOIN samples AS s USING (id) WHERE s.id IS NULL OR EXISTS (
			SELECT FROM unnest(b.curve::float8[]) WITH ORDINALITY AS u(loss, e) WHERE loss IS DISTINCT FROM s.curve[e - 1] AND loss IS NOT NULL))}
	} @tables;
	ok(@tables - @acknowledged >= 0 && @tables - @acknowledged <= 1, 'and at most another one');
	is(query("SELECT $unlike"), 0, '... with the losses that were recorded');
	query("DROP TABLE $_") foreach @tables;
	return;
}

sub check_copied
{
	my ($round, @acknowledged) = @_;
	my %there = map { split /\|/ } split /\n/,
	  query(q{
SELECT batch, count(*) FILTER (WHERE c.curve = s.curve) FROM copied AS c LEFT JOIN samples AS s USING (id) GROUP BY batch});

	is(scalar(grep { ($there{$_} // 0) != $copy_rows } @acknowledged), 0, 'batches that were copied are there');
	is(scalar(grep { $_ != $copy_rows } values %there), 0, 'and no part of one');
	ok(keys(%there) - @acknowledged <= 1, 'and at most another one');
	is(query('SELECT count(*) FROM copied'), $copy_rows * keys %there, 'none twice');
	query('TRUNCATE copied');
	return;
}

sub check_updated
{
	my (@acknowledged) = @_;
	my %expected = (%updates_before, map { split /\|/ } @acknowledged);
	my %there = map { split /\|/ } split /\n/, query('SELECT id, updates FROM live');
	my $others = 0;

	$others += $there{$_} - $expected{$_} foreach keys %there;
	is(scalar(keys %there), $rows, 'every row is there');
	is(scalar(grep { $there{$_} < $expected{$_} } keys %there), 0, 'with the updates that were acknowledged');
	cmp_ok($others, '<=', 2, 'and no more others than can be');
	is( query(q{SELECT count(*) FROM live AS l JOIN samples AS s USING (id) WHERE l.curve <> s.curve[0:least(updates, 39)]}),
		0, 'their curves have just these epochs');
	%updates_before = %there;
	return;
}

# The tags that were committed before the crash are by some suite and some
# state of the curve; those that are by the present ones stay.
sub check_tags
{
	my $stays = query(q{
SELECT count(*) FROM tags AS t JOIN live AS l USING (id)
WHERE t.curve_hash = loss_curve_hash_extended(l.curve, 0) AND suite_hash = (SELECT (probe_suite_info(suite)).hash FROM suites)});
	my $untrue = q{
SELECT count(*) FROM live AS l FULL JOIN tags AS t USING (id), LATERAL (SELECT tag_metadata(l.curve, (SELECT suite FROM suites)) AS m) AS m
WHERE (label, probability, score, runner_up, margin, distance, novelty, t.curve_hash, t.suite_hash) IS DISTINCT FROM
	((m).label, (m).probability, (m).score, (m).runner_up, (m).margin, (m).distance, (m).novelty,
		loss_curve_hash_extended(l.curve, 0), (SELECT (probe_suite_info(suite)).hash FROM suites))};
	my ($added, $changed, $removed, $unchanged) =
	  split /\|/, query(q{CALL refresh_tags('tags', 'live', 'suites', batch_size => 500)});

	is("$added + $changed, $removed, $unchanged", "$added + $changed, 0, $stays", 'the refresh does what is left to do');
	is($added + $changed + $unchanged, $rows, 'for every row');
	is(query($untrue), 0, 'every tag is what classification gives');
	is(query(q{CALL refresh_tags('tags', 'live', 'suites')}), "0|0|0|$rows", 'and nothing is left to do');
	return $stays;
}

foreach my $round (1 .. $rounds)
{
	my $way = $ways[ ($round + $seed) % @ways ];
	my $name = "round $round, $way";
	my %workers = (
		recorder_0 => recorder($round, 0),
		recorder_1 => recorder($round, 1),
		builder_0 => builder($round),
		copier_0 => copier($round),
		updater_0 => updater(0),
		updater_1 => updater(1),
		refresher_0 => refresher());
	my $moment = 0.05 + rand(1.5);

	$workers{$_} = worker($node, $_, $workers{$_}) foreach keys %workers;
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 7 FROM pg_stat_activity WHERE application_name ~ '^[a-z]+_[0-9]$'})
	  or die 'not all workers are there';
	usleep(1e6 * $moment);
	crash($way);

	my %said = map { $_ => [ $workers{$_}->finish ] } keys %workers;
	my @errors = map { $_->errors } values %workers;
	if ($way eq 'kill a backend')
	{
		wait_until_ready($node);
	}
	else
	{
		$node->start;
	}
	my @left = temporary_files();

	subtest $name => sub {
		is("@errors", '', 'no worker met an error of its own');
		ok(!(grep { $_->{is_through} } values %workers), 'all were broken off');
		is("@left", '', 'no temporary file is left');
		check_recorded($round, map { @{ $said{"recorder_$_"} } } 0, 1);
		check_built(@{ $said{builder_0} });
		check_copied($round, @{ $said{copier_0} });
		check_updated(map { @{ $said{"updater_$_"} } } 0, 1);
		my $stays = check_tags();
		ok( $node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_class WHERE relpersistence = 't'}),
			'no temporary relation is left');
		is_amcheck_clean($node, 'tables and indexes are sound');
		note sprintf '%s after %.3f s: %d chunks, %d tables, %d copies, %d updates, %d refreshes acknowledged, %d tags current',
		  $name, $moment, @{ $said{recorder_0} } + @{ $said{recorder_1} },
		  scalar @{ $said{builder_0} }, scalar @{ $said{copier_0} },
		  @{ $said{updater_0} } + @{ $said{updater_1} }, scalar @{ $said{refresher_0} }, $stays;
	};
	$done{$way}++;
}
note join ', ', map { "$_: $done{$_}" } @ways;

$node->stop;
done_testing();
