# Refreshes of tag tables beside writers, beside each other, and broken off in
# the middle: a tag is never older than the refresh that looked at it, nothing
# is lost, and the next refresh makes all of it true.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Faults;
use IPC::Run;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main');
my $seed = random_seed();
my $rows = 1500;

# All that was ever in samples is in history; versions of a row are numbered in
# the order of their commits, a deleted row being a version without a curve.
# "untrue" finds the tags that are not what tag_metadata says of that curve by
# one of the suites there were.
$node->safe_psql(
	'postgres', qq{
CREATE TABLE samples (id integer PRIMARY KEY, curve loss_curve);
CREATE TABLE history (id integer, version bigint, curve loss_curve, curve_hash bigint);
CREATE INDEX ON history (id, curve_hash);
CREATE SEQUENCE versions;
CREATE TABLE all_suites AS
	SELECT n, configure_probe_suite(suite, k => 3 + n) AS suite,
		(probe_suite_info(configure_probe_suite(suite, k => 3 + n))).hash
	FROM generate_series(0, 3) AS n,
		(SELECT probe_suite_agg('label ' || n % 5, random_curve($seed, n, 8)) AS suite
		FROM generate_series(1, 60) AS n) AS s;
CREATE TABLE suites AS SELECT suite FROM all_suites WHERE n = 0;

CREATE FUNCTION write_row(which integer, chance integer) RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE
	version bigint;
	written loss_curve;
BEGIN
	PERFORM pg_advisory_xact_lock(which);
	version := nextval('versions');
	IF chance < 20 THEN
		DELETE FROM samples WHERE id = which;
	ELSE
		written := random_curve($seed, version, 8);
		INSERT INTO samples VALUES (which, written)
			ON CONFLICT (id) DO UPDATE SET curve = written;
	END IF;
	INSERT INTO history VALUES (which, version, written, loss_curve_hash_extended(written, 0));
END \$\$;

SELECT write_row(n, 50) FROM generate_series(1, $rows) AS n WHERE n % 10 > 0;
SELECT create_tag_table('tags', 'samples');

CREATE VIEW untrue AS
	SELECT id FROM (
		SELECT t.*, tag_metadata(
			(SELECT curve FROM history h WHERE h.id = t.id AND h.curve_hash = t.curve_hash LIMIT 1),
			(SELECT suite FROM all_suites s WHERE s.hash = t.suite_hash)) AS m
		FROM tags t OFFSET 0) AS t
	WHERE ((m).label, (m).probability, (m).score, (m).runner_up, (m).margin, (m).distance, (m).novelty)
		IS DISTINCT FROM (label, probability, score, runner_up, margin, distance, novelty);
CREATE VIEW not_current AS
	SELECT id FROM (SELECT id, loss_curve_hash_extended(curve, 0) AS curve_hash,
			(SELECT (probe_suite_info(suite)).hash FROM suites) AS suite_hash FROM samples) s
		FULL JOIN (SELECT id, curve_hash AS tag_curve, suite_hash AS tag_suite FROM tags) t USING (id)
	WHERE (curve_hash, suite_hash) IS DISTINCT FROM (tag_curve, tag_suite);
});

my $no_fault = q{SELECT (SELECT count(*) FROM untrue), (SELECT count(*) FROM not_current)};

sub all_is_true
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name) = @_;

	is($node->safe_psql('postgres', $no_fault), '0|0', $name);
	return;
}

# Write at random from several sessions, in the background.
sub start_writers
{
	my ($script, $transactions) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/writers.sql";

	append_to_file($file, '');
	open(my $out, '>', $file) or die "cannot write $file: $!";
	print $out "\\set id random(1, $rows)\n\\set chance random(1, 100)\n$script\n";
	close($out);
	return IPC::Run::start(
		[
			$node->installed_command('pgbench'), '-n',
			'-c', 4, '-t', $transactions, '--random-seed', $seed,
			'-f', $file, $node->connstr('postgres')
		],
		'>', \my $stdout, '2>', \my $stderr);
}

# Refresh until the writers are through, and look at every refresh: each tag
# must be of a version that was current when it began, or later.
sub refresh_beside
{
	my ($session, $writers) = @_;
	my ($rounds, $faults) = (0, '');

	do
	{
		$session->run(q{
CREATE TEMP TABLE before AS SELECT id, max(version) AS version FROM history GROUP BY id;
SET client_min_messages = warning});
		my $refresh = $session->run(q{CALL refresh_tags('tags', 'samples', 'suites', batch_size => 40)});
		$faults .= "$refresh; " unless $refresh =~ /^\d+\|\d+\|\d+\|\d+$/;
		my $outdated = $session->run(qq{
SELECT string_agg(g.id::text, ' ') FROM generate_series(1, $rows) AS g(id)
	LEFT JOIN tags t USING (id) LEFT JOIN before b USING (id)
	WHERE NOT (t.id IS NULL AND b.id IS NULL) AND NOT EXISTS (
		SELECT FROM history h WHERE h.id = g.id AND version >= coalesce(b.version, 0)
			AND h.curve_hash IS NOT DISTINCT FROM t.curve_hash);
DROP TABLE before});
		$faults .= "outdated: $outdated; " if $outdated ne '';
		my $untrue = $session->run(q{SELECT string_agg(id::text, ' ') FROM untrue});
		$faults .= "untrue: $untrue; " if $untrue ne '';
		$rounds++;
		$writers->pump_nb;
	} while ($writers->pumpable);
	note "$rounds refreshes";
	return $faults;
}

my $one = session($node);
my $two = session($node);

#
# Writers of rows
#
my $writers = start_writers('SELECT write_row(:id, :chance);', 1500);
is(refresh_beside($one, $writers), '', 'no refresh beside writers leaves a tag older than itself');
ok($writers->finish, 'the writers wrote');
$one->run(q{CALL refresh_tags('tags', 'samples', 'suites')});
all_is_true('with the writers stopped, a refresh makes all true');

#
# Writers of rows and of the suite, and a second refresher who never pauses
#
my $other = IPC::Run::start(
	[
		$node->installed_command('pgbench'), '-n', '-c', 1, '-t', 30,
		'-f', do {
			my $file = "$PostgreSQL::Test::Utils::tmp_check/refresher.sql";
			append_to_file($file, "CALL refresh_tags('tags', 'samples', 'suites', batch_size => 30);\n");
			$file;
		},
		$node->connstr('postgres')
	],
	'>', \my $other_out, '2>', \my $other_err);
$writers = start_writers(
	'SELECT write_row(:id, :chance);
UPDATE suites SET suite = (SELECT suite FROM all_suites WHERE n = :chance / 2) WHERE :chance < 8;', 800);
is(refresh_beside($one, $writers), '', 'nor beside writers of the suite and another refresher');
ok($writers->finish, 'these writers wrote');
ok($other->finish, 'the other refresher met no error') or diag $other_err;
$one->run(q{CALL refresh_tags('tags', 'samples', 'suites')});
all_is_true('with all of them stopped, a refresh makes all true');

#
# Batches are committed one by one, and survive what breaks a refresh
#
my $many = 5000;
$node->safe_psql('postgres', qq{
SELECT write_row(n, 50) FROM generate_series(1, $many) AS n;
});

# Start a refresh of an empty tag table, and hold it after some of its batches.
# The session that holds it has the tag table locked, in a transaction.
sub refresh_held_midway
{
	my ($session) = @_;
	my $done = 0;

	$node->safe_psql('postgres', 'TRUNCATE tags');
	$session->{in} .= "CALL refresh_tags('tags', 'samples', 'suites', batch_size => 50);\n";
	$session->{run}->pump_nb;
	until ($done > 0)
	{
		$session->{run}->pump_nb;
		$done = $node->safe_psql('postgres', 'SELECT count(*) FROM tags');
	}
	$two->run('BEGIN; LOCK TABLE tags IN SHARE MODE');
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'tags'::regclass AND NOT granted})
	  or die 'the refresh does not wait';
	$done = $two->run('SELECT count(*) FROM tags');
	cmp_ok($done, '>', 0, 'some batches are committed');
	cmp_ok($done, '<', $many, '... and not all');
	return $done;
}

foreach my $way ('cancel', 'terminate', 'immediate', 'kill')
{
	my $broken = session($node);
	my $pid = $broken->run('SELECT pg_backend_pid()');
	my $done = refresh_held_midway($broken);

	if ($way eq 'cancel' || $way eq 'terminate')
	{
		$node->safe_psql('postgres', "SELECT pg_${way}_backend($pid)");
		$two->run('ROLLBACK');
	}
	elsif ($way eq 'immediate')
	{
		$node->stop('immediate');
	}
	else
	{
		kill_server($node);
	}
	if ($way eq 'cancel')
	{
		like($broken->run(''), qr/canceling statement/, "$way: the refresh ends");
		is($broken->run($no_fault) =~ /^0\|(\d+)$/ && $1, $many - $done, "$way: its batches are kept");
		like($broken->run(q{CALL refresh_tags('tags', 'samples', 'suites')}),
			qr/^@{[ $many - $done ]}\|0\|0\|$done$/m, "$way: the same session's next refresh does the rest");
	}
	else
	{
		$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid")
		  if $way eq 'terminate';
		if ($way ne 'terminate')
		{
			$node->start;
			$two = session($node);
		}
		is($node->safe_psql('postgres', 'SELECT count(*) FROM tags'), $done, "$way: the batches are kept");
		is( $node->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'suites')}),
			join('|', $many - $done, 0, 0, $done),
			"$way: the next refresh does the rest");
	}
	all_is_true("$way: all is true");
}

#
# Refreshes of one table at once share the work
#
$node->safe_psql('postgres', 'TRUNCATE tags');
my @refreshers = map { session($node) } 1 .. 3;
$two->run('BEGIN; LOCK TABLE tags IN SHARE MODE');
foreach my $refresher (@refreshers)
{
	$refresher->{in} .= "CALL refresh_tags('tags', 'samples', 'suites', batch_size => 50);\n";
	$refresher->{run}->pump_nb;
}
$node->poll_query_until('postgres',
	q{SELECT count(*) = 3 FROM pg_locks WHERE relation = 'tags'::regclass AND NOT granted})
  or die 'not all of the refreshes wait';
$two->run('ROLLBACK');
my @added = map { $_->run('') =~ /^(\d+)\|0\|0\|0$/m ? $1 : -$many } @refreshers;
note "added: @added";
is($added[0] + $added[1] + $added[2], $many, 'every row is tagged by one of them');
all_is_true('all is true after them');

#
# In a transaction block it is all or nothing
#
$node->safe_psql('postgres', 'TRUNCATE tags');
$one = session($node);
$one->run(q{BEGIN; CALL refresh_tags('tags', 'samples', 'suites', batch_size => 50)});
is($two->run('SELECT count(*) FROM tags'), 0, 'others see nothing before the commit');
$one->run('COMMIT');
all_is_true('and all after it');

# A snapshot that may not move never leads to an older tag.
$node->safe_psql('postgres', q{SELECT write_row(1, 50)});
$one->run(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM samples});
$node->safe_psql('postgres', q{SELECT write_row(1, 50)});
$node->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'suites')});
like($one->run(q{CALL refresh_tags('tags', 'samples', 'suites')}),
	qr/could not serialize access due to concurrent update/,
	'repeatable read: no older tag is written over a newer one');
$one->run('ROLLBACK');
all_is_true('repeatable read: all is as the other left it');

#
# The classifying statement runs in parallel, tags included
#
$one->run(q{
TRUNCATE tags;
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_verbose = on;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET client_min_messages = log});
my $plan = $one->run(q{CALL refresh_tags('tags', 'samples', 'suites')});
$plan =~ s/\Q{"version"\E.*?\]\}\]?\}'/.../g;
my ($classifying) = $plan =~ /(CREATE TEMPORARY TABLE.*?)NOTICE/s;
like($classifying // $plan, qr/Gather.*Parallel Append.*tag_metadata.*Parallel Seq Scan on public\.samples/s,
	'the tags are computed below the Gather');
all_is_true('in parallel');

done_testing();
