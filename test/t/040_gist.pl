# The index for the nearest curves finds what a scan finds: on real curves, on
# random ones while a tree grows and shrinks, after a crash, on a standby, built
# beside writers, and beside other columns; and the planner takes it where it
# should.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $data = "$FindBin::RealBin/../data";
my $node = start_node('primary', allows_streaming => 1);
my $by_index =
  'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;';
my $by_scan =
  'SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;';

# The distances of the 10 nearest of some rows of a table by both operators, as
# one hash: rows at equal distances may come in any order.
sub nearest
{
	my ($table, $condition) = @_;
	my @parts;

	$condition //= 'true';
	foreach my $operator ('<->', '<+>')
	{
		push @parts, qq{
SELECT q.id, '$operator' AS operator, (SELECT string_agg(distance::text, ' ')
		FROM (SELECT s.curve $operator q.curve AS distance FROM $table AS s WHERE $condition
			ORDER BY s.curve $operator q.curve LIMIT 10) AS found) AS distances
FROM (SELECT * FROM $table WHERE curve IS NOT NULL ORDER BY hashint8extended(id, $seed), id LIMIT 25) AS q};
	}
	return 'SELECT count(distances), md5(string_agg(distances, E\'\n\' ORDER BY operator, id)) FROM ('
	  . join(' UNION ALL ', @parts)
	  . ') AS answers;';
}

sub within
{
	my ($table, $radius) = @_;

	return qq{
SELECT count(*), sum(s.id) FROM (SELECT * FROM $table ORDER BY hashint8extended(id, $seed), id LIMIT 25) AS q,
	$table AS s WHERE curves_within(s.curve, q.curve, $radius);};
}

sub same_by_index
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($server, $query, $name) = @_;

	# what ran by the index must have been planned so
	like($server->safe_psql('postgres', "$by_index EXPLAIN (COSTS OFF) $query"),
		qr/Index Scan using \w*curve/, "$name: planned");
	is( $server->safe_psql('postgres', "$by_index $query"),
		$server->safe_psql('postgres', "$by_scan $query"),
		$name);
	return;
}

#
# Real curves
#

foreach my $set ('mnist', 'mnist_hard')
{
	$node->safe_psql(
		'postgres', qq{
CREATE TABLE $set (id bigint, true_label text, given_label text, is_mislabelled text, curve loss_curve);
COPY $set FROM PROGRAM 'gzip -dc "$data/$set/dataset.csv.gz"' (FORMAT csv, HEADER);
CREATE INDEX ${set}_curve ON $set USING gist (curve);
VACUUM ANALYZE $set;});
	same_by_index($node, nearest($set), "$set: nearest");
	same_by_index($node, nearest($set, 's.given_label = \'3\''),
		"$set: nearest of a label");
	same_by_index($node, nearest($set, 's.id % 500 = 7'),
		"$set: nearest of few");
	same_by_index($node, within($set, 0.6), "$set: within a distance");
}

# The index is much smaller than the table, and of its own order.
cmp_ok(
	$node->safe_psql(
		'postgres',
		q{SELECT pg_relation_size('mnist_curve')::float8 / pg_relation_size('mnist')}
	),
	'<', 0.45, 'size of the index of curves of 40 epochs');

#
# The planner, left alone
#

sub plan_of
{
	my ($query) = @_;

	return $node->safe_psql('postgres', "EXPLAIN (COSTS OFF) $query");
}

my $row = '(SELECT curve FROM mnist WHERE id = 1)';

like(plan_of("SELECT id FROM mnist ORDER BY curve <-> $row LIMIT 10"),
	qr/Index Scan using mnist_curve/, 'a few rows by the index');
like(plan_of("SELECT id FROM mnist ORDER BY curve <+> $row LIMIT 10"),
	qr/Index Scan using mnist_curve/, 'a few rows by <+>');
unlike(plan_of("SELECT id FROM mnist ORDER BY curve <-> $row"),
	qr/mnist_curve/, 'all rows by a scan and a sort');
unlike(plan_of("SELECT id FROM mnist ORDER BY curve <=> $row LIMIT 10"),
	qr/mnist_curve/, 'no other distance');
like(plan_of("SELECT id FROM mnist WHERE curves_within(curve, $row, 0.1)"),
	qr/mnist_curve/, 'within a distance by the index');
unlike(plan_of("SELECT count(*) FROM mnist WHERE curve IS NOT NULL"),
	qr/Index Only Scan/, 'never from the index alone');
unlike(
	plan_of("SELECT curve FROM mnist ORDER BY curve <-> $row LIMIT 10"),
	qr/Index Only Scan/,
	'not even for the curve itself');

# A WHERE that few rows meet: by an index of its own, or by statistics that say
# so, or where the query says so.
$node->safe_psql(
	'postgres', q{
CREATE TABLE few AS SELECT m.id, m.id % 4000 AS part, m.curve FROM mnist AS m;
CREATE INDEX few_curve ON few USING gist (curve);
ANALYZE few;});
unlike(
	plan_of("SELECT id FROM few WHERE part = 7 ORDER BY curve <-> $row LIMIT 10"),
	qr/few_curve/,
	'few rows by a scan, as the column\'s statistics advise');
like(
	plan_of("SELECT id FROM few WHERE (part + 1) % 4000 < 2 ORDER BY curve <-> $row LIMIT 10"),
	qr/few_curve/,
	'not if the planner cannot know how few');
unlike(
	plan_of("SELECT id FROM few WHERE (part + 1) % 4000 < 2 ORDER BY (curve <-> $row) + 0 LIMIT 10"),
	qr/few_curve/,
	'but where the order is not the index\'s');
$node->safe_psql('postgres',
	'CREATE STATISTICS few_parts ON ((part + 1) % 4000) FROM few; ANALYZE few;'
);
unlike(
	plan_of("SELECT id FROM few WHERE (part + 1) % 4000 < 2 ORDER BY curve <-> $row LIMIT 10"),
	qr/few_curve/,
	'and with statistics of the expression');
$node->safe_psql('postgres', 'CREATE INDEX few_part ON few (part)');
like(
	plan_of("SELECT id FROM few WHERE part = 7 ORDER BY curve <-> $row LIMIT 10"),
	qr/Sort.*few_part/s,
	'few rows by the index of the condition, and sorted');

#
# A tree that grows by insertion and shrinks
#

$node->safe_psql(
	'postgres', qq{
CREATE TABLE grown (id bigint, run int, curve loss_curve);
CREATE INDEX grown_curve ON grown USING gist (curve);
INSERT INTO grown SELECT n, n % 3, random_curve($seed, n, 24) FROM generate_series(1, 1500) AS n;});
same_by_index($node, nearest('grown'), 'grown by insertion');
$node->safe_psql(
	'postgres', qq{
INSERT INTO grown SELECT n, n % 3, random_curve($seed, 7, 24) FROM generate_series(2001, 6000) AS n;
INSERT INTO grown SELECT n, n % 3, NULL FROM generate_series(6001, 6020) AS n;});
same_by_index($node, nearest('grown'), 'with thousands of duplicates');
$node->safe_psql(
	'postgres', qq{
DELETE FROM grown WHERE hashint8extended(id, $seed) % 3 = 0;
UPDATE grown SET curve[5] = noise($seed, id, 5) WHERE id % 7 = 0 AND curve IS NOT NULL;});
$node->safe_psql('postgres', 'VACUUM grown');
same_by_index($node, nearest('grown'), 'after deletion and VACUUM');
$node->safe_psql(
	'postgres', qq{
DELETE FROM grown WHERE id > 1000; VACUUM grown;
INSERT INTO grown SELECT n, n % 3, random_curve($seed + 1, n, 24) FROM generate_series(10001, 11000) AS n;});
same_by_index($node, nearest('grown'), 'where pages are used again');

# Missing epochs in all of them: nothing is known of a segment then.
$node->safe_psql(
	'postgres', qq{
CREATE TABLE sparse AS SELECT n AS id, n % 3 AS run, random_curve($seed, n, 60) AS curve FROM generate_series(1, 2000) AS n;
UPDATE sparse SET curve[12] = NULL WHERE id % 2 = 0;
CREATE INDEX sparse_curve ON sparse USING gist (curve);});
same_by_index($node, nearest('sparse'), 'with gaps everywhere');

#
# Built beside writers
#

my $writer = session($node);
my $builder = session($node);

$node->safe_psql('postgres', q{CREATE TABLE busy AS SELECT * FROM grown});
$writer->run(
	"BEGIN; INSERT INTO busy SELECT n, 1, random_curve($seed + 2, n, 24) FROM generate_series(20001, 20300) AS n"
);
$builder->{in} .=
  "CREATE INDEX CONCURRENTLY busy_curve ON busy USING gist (curve);\n";
$builder->{run}->pump_nb;
$node->poll_query_until('postgres',
	q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' AND wait_event_type = 'Lock'}
) or die 'the build does not wait for the writer';
$writer->run('COMMIT; DELETE FROM busy WHERE id % 4 = 1');
is($builder->run('SELECT 1'), '1', 'built concurrently');
$writer->quit;
$builder->quit;
is( $node->safe_psql(
		'postgres',
		q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'busy_curve'::regclass}
	),
	't', 'and valid');
same_by_index($node, nearest('busy'), 'built beside a writer');

#
# With other columns: those of btree_gist, where the server has it
#

SKIP:
{
	skip 'this server has no btree_gist', 3
	  unless $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_available_extensions WHERE name = 'btree_gist'});
	$node->safe_psql(
		'postgres', q{
CREATE EXTENSION btree_gist;
CREATE TABLE runs AS SELECT * FROM grown;
CREATE INDEX runs_run_curve ON runs USING gist (run, curve);
ANALYZE runs;});
	like(
		plan_of("SELECT id FROM runs WHERE run = 1 ORDER BY curve <-> '[1]' LIMIT 5"),
		qr/Index Cond: \(run = 1\)\s+Order By: \(curve <->/,
		'both columns are used');
	same_by_index($node, nearest('runs', 's.run = 1'), 'of a run');
}

#
# A standby, and a crash
#

my $standby = PostgreSQL::Test::Cluster->new('standby');

$node->backup('backup');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->safe_psql(
	'postgres', qq{
INSERT INTO grown SELECT n, n % 3, random_curve($seed + 3, n, 24) FROM generate_series(30001, 31000) AS n;
DELETE FROM grown WHERE id % 5 = 2;
CREATE INDEX sparse_curve_2 ON sparse USING gist (curve) WHERE run = 2;});
$node->wait_for_catchup('standby');
foreach my $table ('grown', 'sparse', 'mnist')
{
	same_by_index($standby, nearest($table), "on the standby: $table");
	is( $standby->safe_psql('postgres', $by_index . nearest($table)),
		$node->safe_psql('postgres', $by_scan . nearest($table)),
		"as on the primary: $table");
}
$standby->stop;

$node->safe_psql(
	'postgres', qq{
CHECKPOINT;
INSERT INTO grown SELECT n, n % 3, random_curve($seed + 4, n, 24) FROM generate_series(40001, 42000) AS n;
CREATE INDEX busy_curve_2 ON busy USING gist (curve);
DROP INDEX busy_curve;});
$node->stop('immediate');
$node->start;
same_by_index($node, nearest('grown'), 'after a crash');
same_by_index($node, nearest('busy'), 'built just before it');
$node->safe_psql('postgres', 'REINDEX INDEX grown_curve');
same_by_index($node, nearest('grown'), 'built anew');

$node->stop;
done_testing();
