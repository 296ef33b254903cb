# Tags in a materialized view: computed in parallel, once per row, whatever way
# they are made and taken apart; refreshed without rewriting what did not change.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');

$node->append_conf('postgresql.conf', 'track_functions = all');
$node->reload;

# 48,000 rows of 40 epochs: more than min_parallel_table_scan_size.  Some have
# no curve, and some an empty one.
my $rows = 48000;
$node->safe_psql(
	'postgres', qq{
CREATE TABLE pieces AS
	SELECT n, random_curve($seed, n, 20) AS curve FROM generate_series(0, 999) AS n;
CREATE TABLE samples (id bigint PRIMARY KEY, curve loss_curve);
INSERT INTO samples
	SELECT i, CASE WHEN i % 1000 = 0 THEN NULL WHEN i % 1000 = 1 THEN '[]' ELSE a.curve || b.curve END
	FROM generate_series(1, $rows) AS i
	JOIN pieces AS a ON a.n = i % 1000
	JOIN pieces AS b ON b.n = i / 1000;
CREATE TABLE probes AS
	SELECT n AS id, (ARRAY['early', 'late', 'flat'])[n % 3 + 1] AS label, random_curve($seed + 1, n, 40) AS curve
	FROM generate_series(1, 60) AS n;
CREATE TABLE suites AS SELECT 'now' AS name, probe_suite_agg(label, curve, id::text) AS suite FROM probes;
CREATE VIEW mnist_suite AS SELECT suite FROM suites WHERE name = 'now';
ANALYZE;
});

my $composite =
  'SELECT id, tag_metadata(curve, (SELECT suite FROM mnist_suite)) AS tag FROM samples';
my $expanded = qq{
SELECT id, (t).*
FROM (SELECT id, tag_metadata(curve, (SELECT suite FROM mnist_suite)) AS t
      FROM samples OFFSET 0) AS tagged};
my $lateral =
  'SELECT id, t.* FROM samples, tag_metadata(curve, (SELECT suite FROM mnist_suite)) AS t';
my $naive =
  'SELECT id, (tag_metadata(curve, (SELECT suite FROM mnist_suite))).* FROM samples';
my $function = q{'tag_metadata(loss_curve, probe_suite)'::regprocedure};

# The calls that a statement costs, in all processes.  Strict functions are not
# called for the NULLs.
sub calls_of
{
	my ($sql) = @_;
	my $count = "SELECT coalesce(pg_stat_get_function_calls($function), 0)";
	my $before = $node->safe_psql('postgres', $count);

	$node->safe_psql('postgres', "$sql; SELECT pg_stat_force_next_flush()");
	return $node->safe_psql('postgres', $count) - $before;
}

# The calls by the leader, who is told to leave them to the workers.  (Without it
# the planner has to be told that more of them are worth while.)
sub leader_calls_of
{
	my ($sql) = @_;

	return $node->safe_psql(
		'postgres', qq{
BEGIN; SET LOCAL parallel_leader_participation = off; SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = '1MB';
$sql;
SELECT coalesce(pg_stat_get_xact_function_calls($function), 0);
ROLLBACK});
}

my $curves = $rows - $rows / 1000;
my %plans = map { $_->[0] => $node->safe_psql('postgres',
		"EXPLAIN (COSTS OFF) CREATE MATERIALIZED VIEW planned AS $_->[1]") }
  [ 'composite', $composite ], [ 'expanded', $expanded ], [ 'lateral', $lateral ];

foreach my $form ([ 'composite', $composite ], [ 'expanded', $expanded ])
{
	my ($name, $query) = @$form;

	like($plans{$name}, qr/Gather.*Workers Planned: [12].*Parallel Seq Scan on samples/s,
		"$name: parallel by itself");
	is(calls_of("CREATE MATERIALIZED VIEW $name AS $query"),
		$curves, "$name: one call per row to create the view");
	$node->safe_psql('postgres', "CREATE UNIQUE INDEX ON $name (id)");
	is(calls_of("REFRESH MATERIALIZED VIEW $name"),
		$curves, "$name: one call per row to refresh it");
	is(calls_of("REFRESH MATERIALIZED VIEW CONCURRENTLY $name"),
		$curves, "$name: one call per row to refresh it concurrently");
	is(leader_calls_of($_), '0', "$name: the workers do it: " . s/ AS .*//sr)
	  foreach "CREATE MATERIALIZED VIEW again AS $query",
	  "REFRESH MATERIALIZED VIEW $name", "REFRESH MATERIALIZED VIEW CONCURRENTLY $name";
}

# The ways that the documents warn of.
is(calls_of("CREATE TABLE seven AS $naive WHERE id < 1000"),
	7 * 999, 'without OFFSET 0: one call per row and column');
unlike($plans{lateral}, qr/Gather/, 'in FROM: serial by itself');
is(calls_of("CREATE TABLE lateral_tags AS $lateral"),
	$curves, 'in FROM: one call per row');
like(
	$node->safe_psql('postgres', qq{
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
EXPLAIN (COSTS OFF) $lateral}),
	qr/Gather.*Nested Loop.*Parallel Seq Scan on samples.*Function Scan on tag_metadata/s,
	'in FROM: parallel once the planner is told that workers are free');

# All say the same.
is( $node->safe_psql('postgres', q{
SELECT count(*), count(e.label), count(*) FILTER (WHERE (c.tag).label IS NOT DISTINCT FROM e.label
	AND ROW((c.tag).*) IS NOT DISTINCT FROM ROW(e.label, e.probability, e.score, e.runner_up, e.margin, e.distance, e.novelty)
	AND (e IS NOT DISTINCT FROM s OR id >= 1000) AND e IS NOT DISTINCT FROM l)
FROM composite AS c JOIN expanded AS e USING (id) JOIN lateral_tags AS l USING (id) LEFT JOIN seven AS s USING (id)}),
	join('|', $rows, $curves - $rows / 1000, $rows),
	'all ways give the same tags');

# A concurrent refresh writes the rows that changed and no others, NULLs to and
# from tags included.
$node->safe_psql(
	'postgres', q{
CREATE TABLE before AS SELECT id, c.xmin::text AS composite, e.xmin::text AS expanded
	FROM composite AS c JOIN expanded AS e USING (id);
UPDATE samples SET curve = NULL WHERE id = 2;
UPDATE samples SET curve = (SELECT curve FROM samples WHERE id = 3) WHERE id = 1000;
UPDATE samples SET curve = (SELECT curve FROM samples WHERE id = 4) WHERE id = 1001;
UPDATE samples SET curve = curve || '[1]' WHERE id = 5;	-- beyond the suite: the same tag
DELETE FROM samples WHERE id = 6;
INSERT INTO samples VALUES (0, '[1,2]');
REFRESH MATERIALIZED VIEW CONCURRENTLY composite;
REFRESH MATERIALIZED VIEW CONCURRENTLY expanded;
});
foreach my $name ('composite', 'expanded')
{
	is( $node->safe_psql('postgres', qq{
SELECT string_agg(id::text, ' ' ORDER BY id)
FROM (SELECT id, xmin::text AS $name FROM $name) AS after FULL JOIN before USING (id, $name)
WHERE NOT EXISTS (SELECT FROM before AS b JOIN $name AS n USING (id) WHERE b.id = after.id AND b.$name = n.xmin::text)
	AND after.id IS NOT NULL}),
		'0 2 1000 1001', "$name: rows written by a concurrent refresh");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM composite WHERE id IN (0, 6)'),
	'1', 'a row came and a row went');

# Tags with NaN and NULL in them are equal to themselves.
is( $node->safe_psql('postgres', q{
CREATE TABLE strange (id int PRIMARY KEY, tag metadata_tag);
INSERT INTO strange VALUES (1, ROW('x', 'NaN', NULL, NULL, 0, 'Infinity', 'NaN')), (2, NULL),
	(3, ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL)), (4, ROW('y', 1, 1, NULL, 1, 0, 0));
CREATE MATERIALIZED VIEW view_of_strange AS SELECT * FROM strange;
CREATE UNIQUE INDEX ON view_of_strange (id);
CREATE TABLE strange_before AS SELECT id, xmin::text AS writer FROM view_of_strange;
UPDATE strange SET tag.novelty = 'NaN' WHERE id = 4;
REFRESH MATERIALIZED VIEW CONCURRENTLY view_of_strange;
SELECT string_agg(id::text, ' ') FROM view_of_strange AS v JOIN strange_before USING (id) WHERE v.xmin::text <> writer}),
	'4', 'NaN and NULL are no changes');

$node->stop;
done_testing();
