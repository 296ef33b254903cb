# Aggregates over distributed tables: by the distribution column, by another one,
# and over all rows, they have the bits that they have on one node.

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

# Losses one by one, with epochs that are missing, by sample.
distribute_real_curves($coordinator, gaps => $seed, samples => 2000);
$coordinator->safe_psql('postgres', q{
CREATE TABLE plain.losses AS
	SELECT id, run, epoch - 1 AS epoch, loss
	FROM plain.samples, unnest(curve::float8[]) WITH ORDINALITY AS u(loss, epoch);
CREATE TABLE losses (id integer, run text, epoch bigint, loss float8);
SELECT create_distributed_table('losses', 'id', colocate_with => 'samples');
INSERT INTO losses TABLE plain.losses;
CREATE TABLE reference_probes (LIKE plain.probes INCLUDING ALL);
SELECT create_reference_table('reference_probes');
INSERT INTO reference_probes TABLE plain.probes;
CREATE TABLE plain.reference_probes AS TABLE plain.probes;
ANALYZE});

# An aggregate of rows, in all groupings.  The query's %s is what groups it.
sub all_groupings
{
	my ($name, $aggregate, $from, $where) = @_;

	foreach my $grouping (
		[ 'ungrouped', undef ],
		[ 'by the distribution column', 'id' ],
		[ 'by another column', 'run' ],
		[ 'by both', 'id, run' ])
	{
		my ($how, $columns) = @$grouping;
		my $query = defined $columns
		  ? "SELECT $columns, $aggregate FROM $from $where GROUP BY $columns"
		  : "SELECT $aggregate FROM $from $where";

		same_answer($coordinator, "$name, $how", $query);
	}
	return;
}

all_groupings('avg', 'avg(curve)', 'samples', '');
all_groupings('stddev', 'stddev(curve)', 'samples', '');
all_groupings('avg, stddev and others at once', 'avg(curve), stddev(curve), count(*), count(curve), max(epochs(curve))',
	'samples', '');
all_groupings('avg of no curve', 'avg(curve), stddev(curve)', 'samples', 'WHERE curve IS NULL');
same_answer($coordinator, 'avg of no row', 'SELECT avg(curve), stddev(curve) FROM samples WHERE id < 0');
all_groupings('probe_suite_agg', 'probe_suite_agg(run, curve, id::text)::text', 'samples', q{WHERE id % 10 = 3 AND observed_epochs(curve) > 0});
all_groupings('probe_suite_agg without ids', 'probe_suite_agg(run, curve)::text', 'samples', q{WHERE id % 10 = 4 AND observed_epochs(curve) > 0});
all_groupings('auroc', 'auroc(observed_epochs(curve), is_mislabelled), average_precision(observed_epochs(curve), is_mislabelled)', 'samples', '');
all_groupings('detector_quality', 'detector_quality(observed_epochs(curve), is_mislabelled)', 'samples', '');

# Two rows of a group may stand on any node, and have no common epoch.
same_answer($coordinator, 'loss_curve_agg, by the distribution column',
	'SELECT id, loss_curve_agg(loss, epoch) FROM losses GROUP BY id');
same_answer($coordinator, 'loss_curve_agg, as the curves were',
	'SELECT id, loss_curve_agg(loss, epoch) FROM losses GROUP BY id',
	plain => 'SELECT id, curve FROM samples WHERE epochs(curve) > 0');
same_answer($coordinator, 'loss_curve_agg, by another column',
	q{SELECT run, loss_curve_agg(loss, id) FROM losses WHERE epoch = 2 GROUP BY run});
same_answer($coordinator, 'loss_curve_agg, ungrouped',
	q{SELECT loss_curve_agg(loss, id) FROM losses WHERE epoch = 3});
same_answer($coordinator, 'loss_curve_agg of a curve that is filtered and sorted',
	q{SELECT loss_curve_agg(loss, id ORDER BY loss DESC) FILTER (WHERE id % 2 = 0) FROM losses WHERE epoch = 4});
same_error($coordinator, 'loss_curve_agg, two losses for an epoch',
	q{SELECT loss_curve_agg(loss, epoch) FROM losses WHERE id < 60 AND epoch = 2}, qr/21000/);
same_answer($coordinator, 'small_loss_mixture', 'SELECT small_loss_mixture(loss) FROM losses WHERE epoch = 5');
same_answer($coordinator, 'small_loss_mixture by run', 'SELECT run, small_loss_mixture(loss) FROM losses WHERE epoch = 5 GROUP BY run');

# Votes over a join of rows and probes
my $pairs = q{(SELECT s.id, s.run, p.label, nullif(l2_distance(s.curve, p.curve), 'NaN') AS distance
	FROM samples AS s, reference_probes AS p WHERE s.id % 40 = 1 AND epochs(s.curve) = 40) AS pairs};
foreach my $aggregate ('knn_label(label, distance, 20)', 'knn_probabilities(label, distance, 20)')
{
	all_groupings($aggregate, $aggregate, $pairs, '');
}
# One row and all probes, wherever those are: the nearest of each shard are combined.
my $to_one_row = q{(SELECT label, nullif(curve <-> (SELECT curve FROM plain.samples WHERE epochs(curve) = 40 ORDER BY id LIMIT 1), 'NaN') AS distance, hashtext(id) % 3 AS part FROM probes) AS to_one_row};
foreach my $aggregate ('knn_label(label, distance, 20)', 'knn_probabilities(label, distance, 20)',
	'knn_label(label, distance, 20), knn_probabilities(label, distance, 20), count(*)', 'knn_probabilities(label, distance, 100000)',
	'knn_label(label::varchar, distance::numeric, 7::smallint)', q{knn_label(label, distance, 5) FILTER (WHERE label <> 'typical')},
	'knn_label(label, distance, 20 ORDER BY distance DESC)')
{
	same_answer($coordinator, "$aggregate of distributed probes", "SELECT $aggregate FROM $to_one_row");
	same_answer($coordinator, "$aggregate of distributed probes, in groups", "SELECT part, $aggregate FROM $to_one_row GROUP BY part");
}
same_answer($coordinator, 'knn_label of no neighbour', "SELECT knn_label(label, NULL, 3), knn_probabilities(label, 'NaN', 3) FROM probes");
same_answer($coordinator, 'knn_label of no row', 'SELECT knn_label(label, 1, 3), knn_probabilities(label, 1, 3) FROM probes WHERE label IS NULL');
same_answer($coordinator, 'knn_label of labels that are long and many',
	q{SELECT knn_label(repeat(id, 50), length(id), 300), md5(knn_probabilities(repeat(id, 50), length(id), 300)::text) FROM probes});
same_error($coordinator, 'knn_label, k of each row', "SELECT knn_label(label, 1, 1 + (hashtext(id) & 1)) FROM probes", qr/22023: k must be the same/);
same_error($coordinator, 'knn_label, k of none', 'SELECT knn_label(label, 1, 0) FROM probes', qr/22023: k must be at least 1/);
same_error($coordinator, 'knn_label, no label', 'SELECT knn_label(NULL, 1, 2) FROM probes', qr/22004: label of a neighbour/);
same_answer($coordinator, 'knn_label is classify_metadata',
	"SELECT id, knn_label(label, distance, 20) FROM $pairs GROUP BY id",
	plain => q{SELECT id, classify_metadata(curve, (SELECT suite FROM suites)) FROM samples WHERE id % 40 = 1 AND epochs(curve) = 40});

# A suite of distributed probes is that of the table on one node.
same_answer($coordinator, 'a suite of distributed probes', q{SELECT probe_suite_agg(label, curve, id)::text FROM probes});
same_answer($coordinator, 'its hash', q{SELECT (probe_suite_info(probe_suite_agg(label, curve, id))).hash FROM probes},
	plain => q{SELECT (probe_suite_info(suite)).hash FROM suites});
same_answer($coordinator, 'a fitted one',
	q{SELECT fit_probe_suite(probe_suite_agg(label, curve, id))::text FROM probes WHERE id < 'probe' OR length(id) > 0});

# What runs where: states of avg, stddev and knn_label are combined, whatever groups them.
foreach my $query (
	'SELECT avg(curve), stddev(curve) FROM samples',
	'SELECT run, avg(curve), stddev(curve) FROM samples GROUP BY run',
	'SELECT knn_label(run, epochs(curve), 20), knn_probabilities(run, epochs(curve), 20) FROM samples',
	'SELECT run, knn_label(run, epochs(curve), 20) FROM samples GROUP BY run')
{
	like(plan_of($coordinator, $query), qr/-> +Task\n.*worker_partial_agg.*Aggregate.*Seq Scan on public\.samples_/s,
		"$query: workers send states");
}
# Grouped by the distribution column all of it runs on the workers.
foreach my $aggregate ('avg(curve)', 'stddev(curve)', 'probe_suite_agg(run, curve, id::text)', 'knn_label(run, epochs(curve), 20)')
{
	like(plan_of($coordinator, "SELECT id, $aggregate FROM samples GROUP BY id"),
		qr/\ACustom Scan \(Citus Adaptive\).*-> +Task\n.*Aggregate/s,
		"$aggregate by the distribution column is computed in the tasks");
}

$_->stop foreach $coordinator, @workers;
done_testing();
