# Many clients at once that tag rows, record losses, change curves and probes,
# build suites and refresh tag tables, on the curves of a real run.  No error
# and no deadlock; all that was acknowledged is there; after a last refresh every
# tag is what a comparison with every probe says; memory stays flat.
#
# METAPROBE_LOAD_SECONDS and METAPROBE_LOAD_CLIENTS make it longer and larger:
# script/test-long load.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use List::Util qw(max sum0);
use Load;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $seconds = $ENV{METAPROBE_LOAD_SECONDS} // 8;
my $clients = $ENV{METAPROBE_LOAD_CLIENTS} // 16;
my $refreshers = 4;

# With default settings but for the number of clients.  The cache of suites is
# small in a short run, so that it is full before memory is looked at.
my $cache = $seconds < 60 ? '2MB' : '16MB';
my $node = start_bare_node('main');
$node->append_conf('postgresql.conf', qq{
max_connections = 100
log_statement = none
metaprobe.suite_cache_size = '$cache'
});
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION metaprobe');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', "data=$FindBin::RealBin/../data/mnist",
		'-f', load_script('schema'), $node->connstr('postgres')
	],
	'real curves in tables');
my $one = session($node);

sub value
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

#
# All of it at once
#
my $mix = start_load($node, $clients - $refreshers, $seconds, $seed,
	read_subselect => 30, read_tag => 20, read_relation => 4, read_default => 20, read_why => 5,
	read_stored => 10,
	insert_curve => 5, update_curve => 20, remove_curve => 3, record_losses => 20, read_log => 1,
	add_probe => 3, drop_probe => 2, change_probe => 3, build_suite => 1, look_at_memory => 2);
my $refreshes = start_load($node, $refreshers, $seconds, $seed + 1, refresh_tags => 1, refresh_live_tags => 1);
my $private = watch_memory($one, max(1, $seconds / 60), $mix, $refreshes);

ok(finish_load($mix), 'readers and writers met no error');
ok(finish_load($refreshes), '... nor did the refreshers');
report_kinds($mix);
report_kinds($refreshes);
# In seconds on a busy machine a refresh may not come to its end; the last one does.
cmp_ok(scalar @{ $mix->{times}{$_} }, '>', 0, "transactions of kind $_") foreach @{ $mix->{kinds} };
is(value('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()'), '0', 'no deadlock');

#
# Nothing that was acknowledged is lost
#
my %done = map { $_ => scalar @{ $mix->{times}{$_} } } @{ $mix->{kinds} };

is(value('SELECT count(*) FROM samples WHERE id > 10000'), $done{insert_curve}, 'every new row');
is(value('SELECT sum(version) FROM samples'), $done{update_curve}, 'every change of a row');
is( value(q{SELECT (SELECT count(*) FROM samples WHERE id <= 10000) + (SELECT count(*) FROM removed),
		(SELECT count(*) FROM samples JOIN removed USING (id))}),
	'8000|0', 'every row that went');
is(value(q{SELECT version FROM suites WHERE name = 'rolling'}), $done{build_suite}, 'every suite that was built');
is( value(q{SELECT count(*), count(DISTINCT (run, epoch, ids)), sum(cardinality(losses)) FROM loss_log}),
	join('|', $done{record_losses}, $done{record_losses}, 100 * $done{record_losses}),
	'every chunk of losses');
is( value(q{
SELECT count(*) FILTER (WHERE c.curve = o.curve[0:epochs(c.curve) - 1]), sum(observed_epochs(c.curve))
FROM (SELECT DISTINCT run FROM loss_log) AS r, loss_curves('loss_log', run) AS c JOIN originals AS o USING (id)}),
	join('|', value('SELECT count(DISTINCT (run, ids)) * 100 FROM loss_log'), 100 * $done{record_losses}),
	'the curves that the log gives are those that were recorded');
is( value(q{SELECT count(*) FROM recorded AS r JOIN originals AS o USING (id)
		WHERE o.curve[0:epochs(r.curve) - 1] <-> r.curve[0:epochs(r.curve) - 1] > 0}),
	'0', 'so are those that were read meanwhile');

#
# After a last refresh all tags are true
#

# What the suite's probes say of a part of the rows, one by one, in plain SQL:
# votes of the 20 nearest, ties to the smaller sum of distances
sub brute_force
{
	my ($probes, $rows) = @_;

	return qq{
SELECT DISTINCT ON (id) id, label FROM (
	SELECT s.id, n.label, count(*) AS votes, sum(d) AS distances
	FROM (SELECT * FROM samples ORDER BY hashint8extended(id, $seed) LIMIT $rows) AS s, LATERAL (
		SELECT p.label, l2_distance(s.curve, p.curve) AS d FROM $probes AS p
		ORDER BY l2_distance(s.curve, p.curve), p.label COLLATE "C" LIMIT 20) AS n
	GROUP BY s.id, n.label) AS v
ORDER BY id, votes DESC, distances, label COLLATE "C"};
}

sub tags_are_true
{
	my ($tags, $suite, $probes) = @_;
	my $columns = 'label, probability, score, runner_up, margin, distance, novelty';
	my $rows = value('SELECT count(*) FROM samples');

	is(value("SELECT count(*), count(id), count(label) FROM $tags FULL JOIN samples USING (id)"),
		"$rows|$rows|$rows", "$tags: one for every row");
	is( value(qq{
SELECT count(*) FROM (SELECT ($columns) AS kept, tag_metadata(s.curve, ($suite)) AS new FROM samples AS s
	JOIN $tags AS t USING (id) OFFSET 0) AS t
WHERE kept IS DISTINCT FROM ((new).label, (new).probability, (new).score, (new).runner_up, (new).margin,
	(new).distance, (new).novelty)}),
		'0', "$tags: what tag_metadata says");
	is( value(qq{
SELECT count(*) FROM (SELECT s.id, knn_label(p.label, s.curve <-> p.curve, 20) AS label
	FROM samples AS s, $probes AS p GROUP BY s.id) AS b JOIN $tags AS t USING (id)
WHERE b.label IS DISTINCT FROM t.label}),
		'0', "$tags: what the vote over all probes says");
	is( value(
			"SELECT count(*), count(*) FILTER (WHERE b.label = t.label) FROM (@{[ brute_force($probes, 400) ]}) AS b JOIN $tags AS t USING (id)"
		),
		'400|400',
		"$tags: what plain SQL says of 400 of them");
	return;
}

$one->run(q{SET client_min_messages = warning});
like($one->run(q{CALL refresh_tags('tags', 'samples', 'rolling_suite')}), qr/^\d+\|\d+\|\d+\|\d+$/, 'a last refresh');
like($one->run(q{CALL refresh_tags('live_tags', 'samples', 'probes')}), qr/^\d+\|\d+\|\d+\|\d+$/, '... of both tables');
$node->safe_psql('postgres', q{
CREATE TABLE rolling_probes AS SELECT p.* FROM suites, probe_suite_probes(suite) AS p WHERE name = 'rolling'});
tags_are_true('tags', 'SELECT suite FROM rolling_suite', 'rolling_probes');
tags_are_true('live_tags', 'SELECT suite FROM live_suite', 'probes');

#
# Memory
#

# As the backends see it themselves
my %contexts;
foreach (split /\n/, value('SELECT pid, extract(epoch FROM at), bytes / 1024 FROM memory'))
{
	my ($pid, @pair) = split /\|/;
	push @{ $contexts{$pid} }, \@pair;
}

# Between the third and the last quarter of the time; in kilobytes
sub is_flat
{
	my ($name, $seen, $limit) = @_;
	my $found = growth($seen);

  SKIP:
	{
		skip "$name: not known", 1 unless $found;
		note sprintf '%s of %d backends, MB: first quarter %.1f, last %.1f, growth at the end %.2f, most of all %.1f',
		  $name, $found->{backends}, map { $found->{$_} / 1024 } qw(first last growth peak);
		cmp_ok($found->{growth}, '<', $limit, "$name stays flat");
	}
	return;
}
is_flat('memory in contexts', \%contexts, 3072);
is_flat('private memory', $private, 6144);

#
# Reads of one kind at a time, and the same label by pgvector, in turn
#
SKIP:
{
	skip 'pgvector: only in long runs, where it is installed', 1
	  unless $seconds >= 60
	  && value(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'});
	my $turn = max(4, int($seconds / 60));
	my %loads;

	$node->command_ok(
		[
			'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', load_script('peer_tables'),
			$node->connstr('postgres')
		],
		'the same curves as vectors');
	foreach my $kind ((qw(peer_label read_subselect read_default read_tag read_why read_relation)) x 2)
	{
		push @{ $loads{$kind} }, start_load($node, $clients, $turn, $seed, $kind => 1);
		ok(finish_load($loads{$kind}[-1]), "nothing but $kind");
	}
	my $peer = together(@{ delete $loads{peer_label} });
	report_kinds($peer);
	report_kinds(together(@{ $loads{$_} }), $peer) foreach sort keys %loads;
}

my @complaints = grep { /(ERROR|FATAL|PANIC):/ && !/canceling autovacuum task/ }
  split /\n/, slurp_file($node->logfile);
is(join("\n", @complaints[ 0 .. ($#complaints < 9 ? $#complaints : 9) ]), '', 'the server reports no error');

$node->stop;
done_testing();
