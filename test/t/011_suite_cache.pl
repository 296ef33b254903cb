# Suites that stay ready between statements answer for nothing but themselves:
# not for what replaced them, not to whoever may not read them, not after an
# error while they were loaded.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main');

# A suite's labels tell its name; names of one length make suites of one size,
# which are stored out of line.
my $objects = q{
CREATE FUNCTION line(i bigint, epochs bigint) RETURNS loss_curve LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT array_fill(i::real, ARRAY[epochs::integer])::loss_curve $$;
CREATE FUNCTION made(name text, probes bigint) RETURNS probe_suite LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT configure_probe_suite(probe_suite_agg(name || ' ' || (i % 2)::text, line(i, 40)), k => 1)
	FROM generate_series(1, probes) AS i $$;
CREATE TABLE suites (name text, suite probe_suite);
INSERT INTO suites VALUES ('a', made('a', 100)), ('b', made('b', 100));
CREATE TABLE samples AS SELECT i AS id, line(i % 10 + 1, 40) AS curve FROM generate_series(1, 1000) AS i;
ANALYZE;
};
my $prepare = q{
PREPARE tag(bigint, text) AS SELECT classify_metadata(line($1, 40), (SELECT suite FROM suites WHERE name = $2));
};
$node->safe_psql(
	'postgres', qq{
$objects
CREATE FUNCTION kept() RETURNS bigint LANGUAGE sql AS
	\$\$ SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'metaprobe suite' \$\$;
CREATE FUNCTION toast_of(relation regclass) RETURNS regclass LANGUAGE sql AS
	\$\$ SELECT reltoastrelid::regclass FROM pg_class WHERE oid = relation \$\$;
});

#
# What replaced a suite
#

# Another value in the same place: the counter of OIDs is set back to the old
# value's id, which is free again once that has been vacuumed away.
$node->safe_psql('postgres',
	q{CREATE TABLE reused AS SELECT made('old', 100) AS suite});
my $toast = $node->safe_psql('postgres', q{SELECT toast_of('reused')});
my $ids = "SELECT string_agg(DISTINCT chunk_id::text, ' ') FROM $toast";
my $id = $node->safe_psql('postgres', $ids);

like($id, qr/^\d+$/, 'a suite is stored out of line');
$node->stop;
command_ok(
	[
		$node->installed_command('pg_resetwal'), '-o', $id, '-D',
		$node->data_dir
	],
	'its id will be given again');
$node->start;

my $session = session($node);
my $reads = q{EXECUTE read; SELECT classify_metadata(line(1, 40), suite), (tag_metadata(line(1, 40), suite)).label FROM reused};
$session->run(
	'PREPARE read AS SELECT classify_metadata(line(1, 40), (SELECT suite FROM reused))');
is($session->run($reads), "old 1\nold 1|old 1", 'the old suite');
is($session->run($reads), "old 1\nold 1|old 1", 'and again');
$node->safe_psql('postgres', 'DELETE FROM reused');
$node->safe_psql('postgres', 'VACUUM reused');
$node->safe_psql('postgres',
	q{INSERT INTO reused SELECT made('new', 100)});
is($node->safe_psql('postgres', $ids), $id, 'the new one is in the same place');
is($session->run($reads), "new 1\nnew 1|new 1", 'and is known to be another');

# The same value in another place
$session->run($prepare);
is($session->run(q{EXECUTE tag(1, 'a'); EXECUTE tag(2, 'b')}), "a 1\nb 0", 'two suites');
my $kept = $session->run('SELECT kept()');
foreach my $move ('VACUUM FULL suites', 'UPDATE suites SET suite = configure_probe_suite(suite)',
	'CREATE TABLE moved AS TABLE suites; DROP TABLE suites; ALTER TABLE moved RENAME TO suites')
{
	$node->safe_psql('postgres', $move);
	is( $session->run(q{EXECUTE tag(1, 'b'); EXECUTE tag(2, 'a'); EXECUTE tag(3, 'b'); SELECT kept()}),
		"b 1\na 0\nb 1\n$kept",
		"the same suites after: $move");
}
$node->safe_psql('postgres', q{UPDATE suites SET name = CASE name WHEN 'a' THEN 'b' ELSE 'a' END});
is($session->run(q{EXECUTE tag(1, 'a'); EXECUTE tag(2, 'b')}), "b 1\na 0", 'names have changed');
$node->safe_psql('postgres', q{UPDATE suites SET name = CASE name WHEN 'a' THEN 'b' ELSE 'a' END});

#
# Who may not read it
#
$node->safe_psql(
	'postgres', q{
CREATE ROLE reader; CREATE ROLE stranger;
GRANT SELECT ON suites TO reader;
CREATE TABLE own (suite probe_suite);
GRANT SELECT, INSERT ON own TO stranger;
});
$session->run('\set VERBOSITY sqlstate');
is($session->run("SET ROLE reader; EXECUTE tag(1, 'a'); RESET ROLE"), 'a 1', 'who may read it');
like(
	$session->run(q{SET ROLE stranger; EXECUTE tag(1, 'a')}),
	qr/^psql:\S+ ERROR:  42501$/,
	'who may not');
like(
	$session->run(q{SELECT classify_metadata(line(1, 40), suite) FROM suites}),
	qr/^psql:\S+ ERROR:  42501$/,
	'nor in another statement');
is( $session->run(q{
INSERT INTO own VALUES (made('a', 100));
SELECT classify_metadata(line(1, 40), suite) FROM own;
RESET ROLE}),
	'a 1', 'but their own of the same content');
is( $session->run(q{
ALTER TABLE suites ENABLE ROW LEVEL SECURITY;
CREATE POLICY no_b ON suites USING (name <> 'b');
SET ROLE reader;
EXECUTE tag(1, 'a'); SELECT coalesce(classify_metadata(line(1, 40), (SELECT suite FROM suites WHERE name = 'b')), 'none');
RESET ROLE;
EXECUTE tag(1, 'b');
DROP POLICY no_b ON suites;
ALTER TABLE suites DISABLE ROW LEVEL SECURITY}),
	"a 1\nnone\nb 1", 'row security');

#
# Parallel workers
#
my $query = q{SELECT classify_metadata(curve, (SELECT suite FROM suites WHERE name = 'b')), count(*) FROM samples GROUP BY 1 ORDER BY 1};
my $parallel = q{
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0; SET parallel_leader_participation = %s};
foreach my $leader ('on', 'off')
{
	$session->run(sprintf $parallel, $leader);
	like($session->run("EXPLAIN (COSTS OFF) $query"), qr/Gather/, 'a parallel plan');
	is($session->run($query) . $session->run($query),
		"b 0|500\nb 1|500" x 2,
		"parallel workers, leader participation $leader");
}
$session->run('RESET ALL');

#
# Errors while a suite is loaded
#

# The head can be read, but then a piece is missing.
SKIP:
{
	skip 'no pg_surgery here', 5
	  unless $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_surgery'});
	$node->safe_psql(
		'postgres', q{
CREATE EXTENSION pg_surgery;
CREATE TABLE broken AS SELECT 'broken' AS name, made('broken', 101) AS suite;
});
	my $broken_toast = $node->safe_psql('postgres', q{SELECT toast_of('broken')});
	my $pieces = $node->safe_psql('postgres',
		"SELECT array_agg(ctid) FROM $broken_toast WHERE chunk_seq = 3");
	$node->safe_psql('postgres',
		"SELECT heap_force_kill('$broken_toast', '$pieces'::tid[])");
	$kept = $session->run('SELECT kept()');
	foreach my $call ('classify_metadata(line(1, 40), suite)', 'tag_metadata(line(1, 40), suite)',
		q{classify_metadata(line(1, 40), 'broken'::regclass)})
	{
		like(
			$session->run("SELECT $call FROM broken"),
			qr/^psql:\S+ ERROR:  XX001$/,
			"a broken value: $call");
	}
	is($session->run(q{SELECT kept(); EXECUTE tag(1, 'a'); EXECUTE tag(2, 'b'); SELECT kept()}),
		"$kept\na 1\nb 0\n$kept", 'leaves nothing behind');
	is( $session->run(q{
INSERT INTO broken VALUES ('whole', made('broken', 101));
SELECT classify_metadata(line(1, 40), suite) FROM broken WHERE name = 'whole'}),
		'broken 1', 'the same suite, whole');
}

# Cancelled at any point, over and over
$node->safe_psql('postgres',
	q{INSERT INTO suites VALUES ('large', made('large', 20000))});
$session->run('SET metaprobe.suite_cache_size = 0');
my %outcomes;
foreach my $time (1 .. 30)
{
	my $output = $session->run(
		"SET statement_timeout = $time; EXECUTE tag(1, 'large')");

	$session->run('SET statement_timeout = 0');
	$output =~ s/^psql:\S+ //;
	$outcomes{$output}++;
}
note "$_: $outcomes{$_} times" foreach sort keys %outcomes;
delete @outcomes{ 'large 1', 'ERROR:  57014' };
is_deeply(\%outcomes, {}, 'cancelled or answered');
is($session->run('SELECT kept()'), '0', 'cancelled calls leave nothing behind');
$session->run('RESET ALL');
is($session->run(q{EXECUTE tag(1, 'large'); EXECUTE tag(2, 'large'); EXECUTE tag(1, 'a')}),
	"large 1\nlarge 0\na 1", 'and the next answers are right');

#
# Large and small ones, more than there is room for
#
my $size = q{SELECT sum(total_bytes) < 17 * 1024 * 1024 FROM pg_backend_memory_contexts WHERE name LIKE 'metaprobe %'};
is( $session->run(qq{
SELECT count(DISTINCT classify_metadata(line(1, 40), made('small ' || i, i % 30 + 2)))
FROM generate_series(1, 2000) AS i;
SELECT count(DISTINCT classify_metadata(line(1, 40), configure_probe_suite(suite, k => i)))
FROM suites, generate_series(1, 30) AS i WHERE name = 'large';
$size;
EXECUTE tag(1, 'large'); EXECUTE tag(1, 'b');
$size}),
	"2000\n1\nt\nlarge 1\nb 1\nt",
	'memory is bounded');
$session->quit;

#
# The extension is dropped and made anew in a session that has used it
#
$node->safe_psql('postgres', 'CREATE DATABASE again');
$session = session($node, 'again');
$session->run('SET client_min_messages = warning');
my $answers = q{
SELECT pg_typeof(t), t.* FROM suites, tag_metadata(line(1, 40), suite) AS t WHERE name = 'a';
SELECT (tag_metadata(line(2, 40), 'only_a'::regclass)).label;
SELECT count(*) FROM suites, nearest_probes(line(1, 40), suite, 3);
SELECT count(*) FROM suites, metadata_probabilities(line(1, 40), suite)};
my $expected = "metadata_tag|a 1|1|1||1|0|0\na 0\n6\n4";
foreach my $round (1 .. 3)
{
	my $create = qq{
CREATE EXTENSION metaprobe;
$objects
CREATE VIEW only_a AS SELECT suite FROM suites WHERE name = 'a'};

	$session->run($create);
	is($session->run($answers), $expected, "extension $round");
	is( $session->run("BEGIN; DROP EXTENSION metaprobe CASCADE; DROP TABLE suites, samples;\n"
			. "SAVEPOINT s; $create; $answers; ROLLBACK"),
		$expected,
		"extension $round, dropped and made in a transaction");
	is($session->run($answers), $expected, "extension $round, after the rollback");
	$session->run('DROP EXTENSION metaprobe CASCADE; DROP TABLE suites, samples');
}
$session->quit;

$node->stop;
done_testing();
