# Classification of distributed rows: whatever table the suite comes from, it runs
# in the tasks on the workers, and says what it says on one node.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use ThreeNodes;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_three_nodes();
my $seed = random_seed();

distribute_real_curves($coordinator, gaps => $seed);
$coordinator->safe_psql('postgres', q{
CREATE TABLE local_suites AS TABLE plain.suites;
CREATE TABLE reference_suites (name text PRIMARY KEY, suite probe_suite);
SELECT create_reference_table('reference_suites');
INSERT INTO reference_suites TABLE plain.suites;
CREATE TABLE reference_probes (LIKE plain.probes INCLUDING ALL);
SELECT create_reference_table('reference_probes');
INSERT INTO reference_probes TABLE plain.probes;
CREATE TABLE local_probes AS TABLE plain.probes;
CREATE VIEW live_suite AS SELECT probe_suite_agg(label, curve, id) AS suite FROM local_probes});

my $one_node = '(SELECT suite FROM plain.suites)';
my $literal = $coordinator->safe_psql('postgres', q{SELECT quote_literal(suite) || '::probe_suite' FROM plain.suites});
my @suites = (
	[ 'in a local table', '(SELECT suite FROM local_suites)' ],
	[ 'in a reference table', q{(SELECT suite FROM reference_suites WHERE name = 'real')} ],
	[ 'built of local probes', '(SELECT probe_suite_agg(label, curve, id) FROM local_probes)' ],
	[ 'built of probes in a reference table', '(SELECT probe_suite_agg(label, curve, id) FROM reference_probes)' ],
	[ 'built of distributed probes', '(SELECT probe_suite_agg(label, curve, id) FROM probes)' ],
	[ 'of a view', '(SELECT suite FROM live_suite)' ],
	[ 'that is a constant', $literal ],
	[ 'that is configured', q{(SELECT configure_probe_suite(suite, k => 20) FROM local_suites)} ]);
my @queries = (
	[ 'labels, counted', 'SELECT classify_metadata(curve, %s) AS label, count(*) FROM samples GROUP BY 1' ],
	[ 'labels by run', 'SELECT run, classify_metadata(curve, %s) AS label, count(*) FROM samples GROUP BY 1, 2' ],
	[ 'labels', 'SELECT id, classify_metadata(curve, %s) FROM samples' ],
	[ 'tags', 'SELECT id, (tag_metadata(curve, %s)).* FROM samples' ],
	[ 'rows of a label', q{SELECT id FROM samples WHERE classify_metadata(curve, %s) = 'random_outputs'} ],
	[ 'mean score', q{SELECT run, max(label_score(curve, 'random_outputs', %s)) FROM samples GROUP BY run} ],
	[
		'rows ranked by a score',
		q{SELECT id, label_score(curve, 'random_outputs', %s) AS score FROM samples WHERE curve IS NOT NULL ORDER BY score DESC NULLS LAST, id LIMIT 100}
	]);

my %answers;

foreach my $pair (@suites)
{
	my ($source, $suite) = @$pair;

	foreach my $query (@queries)
	{
		same_answer($coordinator, "$query->[0], by a suite $source",
			sprintf($query->[1], $suite), plain => sprintf($query->[1], $one_node), answers => \%answers);
	}
	my $plan = plan_of($coordinator, sprintf($queries[0][1], $suite));
	like($plan, qr/-> +Task\n.*HashAggregate.*Group Key: classify_metadata/s,
		"by a suite $source: workers classify and count");
	like($plan, qr/Task Count: $shards\b/, "by a suite $source: in a task for each shard");
}

# Everything that functions say, set-returning ones too
foreach my $function ('metadata_probabilities', 'nearest_probes')
{
	same_answer($coordinator, $function,
		"SELECT s.id, f.* FROM samples AS s, $function(s.curve, (SELECT suite FROM local_suites)) AS f WHERE s.id % 10 = 3",
		plain => "SELECT s.id, f.* FROM samples AS s, $function(s.curve, $one_node) AS f WHERE s.id % 10 = 3");
}

# And by arithmetic on plain numbers, computed beside the rows: distances of all rows
# and probes to each other, votes, scores and novelties, in SQL without metaprobe's
# functions.  A fifth of the probes are enough.
$coordinator->safe_psql('postgres', q{
CREATE TABLE few_probes AS
	SELECT id, label, curve FROM (SELECT *, row_number() OVER (PARTITION BY label ORDER BY id) AS n FROM plain.probes) AS p WHERE n % 5 = 1;
CREATE TABLE few_suites (suite probe_suite);
SELECT create_reference_table('few_suites');
INSERT INTO few_suites SELECT probe_suite_agg(label, curve, id) FROM few_probes;
CREATE TABLE numbers (id integer PRIMARY KEY, losses float8[]);
SELECT create_distributed_table('numbers', 'id', colocate_with => 'samples');
INSERT INTO numbers SELECT id, translate(curve::text, '[]', '{}')::real[]::float8[] FROM samples WHERE id % 20 = 7 AND curve IS NOT NULL;
CREATE TABLE probe_numbers (id text PRIMARY KEY, label text, losses float8[]);
SELECT create_reference_table('probe_numbers');
INSERT INTO probe_numbers SELECT id, label, translate(curve::text, '[]', '{}')::real[]::float8[] FROM few_probes;
INSERT INTO numbers SELECT -row_number() OVER (ORDER BY id), losses FROM probe_numbers;
CREATE TABLE plain.pairs AS
	SELECT s.id, p.id AS probe, p.label, p.losses, e.d
	FROM numbers AS s CROSS JOIN probe_numbers AS p CROSS JOIN LATERAL (
		SELECT sqrt(sum((x - y) * (x - y)) * (40 / nullif(count(*), 0)::float8)) AS d
		FROM unnest(s.losses, p.losses) WITH ORDINALITY AS u(x, y, epoch)
		WHERE x IS NOT NULL AND y IS NOT NULL AND epoch <= 40) AS e;
DELETE FROM plain.pairs AS p USING (SELECT -row_number() OVER (ORDER BY id) AS id, id AS probe FROM probe_numbers) AS itself
	WHERE p.id = itself.id AND p.probe = itself.probe;
CREATE TABLE plain.ranked AS
	SELECT *, row_number() OVER (PARTITION BY id ORDER BY d, label COLLATE "C", losses, probe COLLATE "C") AS rank
	FROM plain.pairs WHERE d IS NOT NULL;
CREATE TABLE plain.wanted AS
WITH votes AS (
	SELECT id, label, count(*) / 20.0 AS share, row_number() OVER (PARTITION BY id ORDER BY count(*) DESC, sum(d), label COLLATE "C") AS place
	FROM plain.ranked WHERE rank <= 20 GROUP BY id, label
), reaches AS (
	SELECT p.id AS probe, avg(d) AS reach
	FROM (SELECT id, -row_number() OVER (ORDER BY id) AS n FROM probe_numbers) AS p JOIN plain.ranked AS r ON r.id = n WHERE rank <= 20 GROUP BY 1
), novelties AS (
	SELECT id, min(d) AS distance, avg(d) / avg(reach) AS novelty FROM plain.ranked JOIN reaches USING (probe) WHERE rank <= 20 GROUP BY id
), parts AS (
	SELECT r.id, r.label = v.label AS is_own, d, row_number() OVER (PARTITION BY r.id, r.label = v.label ORDER BY d) AS rank
	FROM plain.ranked AS r JOIN votes AS v ON v.id = r.id AND v.place = 1
), means AS (
	SELECT id, avg(d) FILTER (WHERE is_own) AS own, avg(d) FILTER (WHERE NOT is_own) AS others FROM parts WHERE rank <= 20 GROUP BY id
)
SELECT v.id, v.label, v.share AS probability, others / (others + own) AS score, r.label AS runner_up,
	v.share - coalesce(r.share, 0) AS margin, distance, novelty
FROM votes AS v LEFT JOIN votes AS r ON r.id = v.id AND r.place = 2
	JOIN novelties AS n ON n.id = v.id JOIN means AS m ON m.id = v.id
WHERE v.place = 1 AND v.id > 0;
CREATE TABLE plain.got AS
	SELECT id, classify_metadata(curve, (SELECT suite FROM few_suites)) AS classified, (tag_metadata(curve, (SELECT suite FROM few_suites))).*
	FROM samples WHERE id % 20 = 7});
my ($compared, $different) = split /\|/, $coordinator->safe_psql('postgres', q{
SELECT count(*), coalesce(string_agg(format('%s and not %s', w, g), '; ')
	FILTER (WHERE NOT coalesce(g.classified = w.label AND g.label = w.label AND g.runner_up IS NOT DISTINCT FROM w.runner_up
		AND abs(g.probability - w.probability) < 1e-12 AND abs(g.margin - w.margin) < 1e-12 AND abs(g.score - w.score) < 1e-9
		AND abs(g.distance - w.distance) <= 1e-12 * w.distance AND abs(g.novelty - w.novelty) <= 1e-9 * w.novelty, false)), '')
FROM plain.wanted AS w FULL JOIN (SELECT * FROM plain.got WHERE classified IS NOT NULL) AS g USING (id)});
cmp_ok($compared, '>', 300, 'arithmetic on plain numbers: hundreds of rows');
is(substr($different, 0, 1000), '', 'arithmetic on plain numbers: the same labels and tags');
is( $coordinator->safe_psql('postgres', q{
SELECT count(*) FROM (SELECT s.id, knn_label(p.label, s.curve <-> p.curve, 20) AS label
	FROM samples AS s, (SELECT id, label, curve FROM reference_probes) AS p WHERE s.id % 20 = 7 AND epochs(s.curve) = 40
		AND p.id IN (SELECT id FROM probe_numbers) GROUP BY s.id) AS k
	FULL JOIN (SELECT * FROM plain.wanted WHERE id IN (SELECT id FROM plain.samples WHERE epochs(curve) = 40)) AS w USING (id)
WHERE k.label IS DISTINCT FROM w.label}), '0', 'arithmetic on plain numbers: the label that knn_label gives');

# What travels is a row for each label of each shard, and not the curves.
my $analyzed = $coordinator->safe_psql('postgres',
	'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ' . sprintf($queries[0][1], $suites[1][1]));
my ($bytes, $unit) = $analyzed =~ /Custom Scan \(Citus Adaptive\).*?Tuple data received from nodes: (\d+) (\w+)/s;
ok(defined $bytes && $unit eq 'bytes' && $bytes < 20 * 8 * $shards, 'some bytes for each label come back')
  or diag($analyzed =~ s/\Q{"version"\E.*?\]\}\]?\}'/...'/gr);

# Settings go with the suite.
foreach my $settings (q{k => 5, metric => 'l1'}, q{metric => 'dtw', band => 2, k => 7}, q{weights => 'distance', max_novelty => 2})
{
	my ($query, $plain) = map {
		"SELECT id, (tag_metadata(curve, (SELECT configure_probe_suite(suite, $settings) FROM $_))).* FROM samples WHERE id % 8 = 1"
	} 'reference_suites', 'plain.suites';

	same_answer($coordinator, "a suite with $settings", $query, plain => $plain);
}

# In parallel workers of the workers
my $in_parallel = join ' ', map { "SET LOCAL $_;" } 'min_parallel_table_scan_size = 0', 'parallel_setup_cost = 0',
  'parallel_tuple_cost = 0', 'max_parallel_workers_per_gather = 2';
my $plan = plan_of($coordinator, sprintf($queries[0][1], $suites[0][1]),
	"SET citus.propagate_set_commands = 'local'; BEGIN; $in_parallel");
like($plan, qr/-> +Task\n.*Gather.*Parallel Seq Scan on public\.samples_\d+ samples\s+Output: classify_metadata/s,
	'a task has parallel workers, with SET LOCAL sent to the nodes');

# By name a suite is looked for on the worker, within a query on a shard, where
# Citus lets nobody read a distributed or a reference table.
foreach my $form (q{classify_metadata(curve, 'reference_suites'::regclass)}, 'classify_metadata(curve)')
{
	like(error_of($coordinator, "SET metaprobe.default_suite = 'public.reference_suites'; SELECT $form, count(*) FROM samples GROUP BY 1"),
		qr/ERROR:  .*(?:cannot execute a distributed query from a query on a shard|no probe suite)/,
		"$form: an error");
}
# A table that every node has for itself might hold another suite on each.
$_->safe_psql('postgres', q{
SET citus.enable_ddl_propagation = off;
CREATE TABLE suite_of_node (suite probe_suite)}) foreach $coordinator, @workers;
like(error_of($coordinator, q{SELECT classify_metadata(curve, 'suite_of_node'::regclass), count(*) FROM samples GROUP BY 1}),
	qr/ERROR:  0A000: local relation "suite_of_node" cannot be read in a distributed query\n(?:.*\n)?HINT:  Pass the suite as a value/,
	'a suite by name, in a table of one node: an error');

$_->stop foreach $coordinator, @workers;
done_testing();
