# Memory stays flat: over a million classifications in one connection, over
# rescans, over suites that change, and over calls that end in an error.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');

# used() is what the backend has in memory contexts and, where the system tells
# it, in private memory at all, in bytes.
$node->safe_psql(
	'postgres', qq{
CREATE FUNCTION used() RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS \$\$
DECLARE
	private bigint := 0;
BEGIN
	BEGIN
		private := 1024 * (regexp_match(pg_read_file('/proc/self/status'),
			'RssAnon:\\s+(\\d+)'))[1]::bigint;
	EXCEPTION WHEN OTHERS THEN
		private := 0;
	END;
	RETURN ARRAY[(SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts), private];
END \$\$;

CREATE TABLE samples AS SELECT n AS id, random_curve($seed, n, 6) AS curve
	FROM generate_series(0, 999) AS n;
ALTER TABLE samples ADD PRIMARY KEY (id);
CREATE TABLE probes AS SELECT 'label ' || (n % 5)::text AS label, random_curve($seed + 1, n, 6) AS curve
	FROM generate_series(1, 20) AS n;
CREATE TABLE many_probes AS SELECT 'label ' || (n % 5)::text AS label, random_curve($seed + 2, n, 6) AS curve
	FROM generate_series(1, 400) AS n;
CREATE TABLE suites AS SELECT 'small' AS name, probe_suite_agg(label, curve) AS suite FROM probes
	UNION ALL SELECT 'large', probe_suite_agg(label, curve) FROM many_probes
	UNION ALL SELECT 'other', configure_probe_suite(probe_suite_agg(label, curve), k => 3) FROM many_probes
	UNION ALL SELECT 'tiny', probe_suite_agg('a', '[1]');
CREATE VIEW live AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
CREATE TABLE empty (LIKE probes);
SELECT create_loss_log('loss_log');
INSERT INTO loss_log (run, epoch, ids, losses) VALUES ('r', 0, '{1,2,1}', '{1,NULL,3}'), ('r', 1, '{1,2}', '{1,2}');
CREATE TABLE long_samples AS SELECT i, random_curve($seed, i, 6) AS curve FROM generate_series(1, 10) AS i;
ALTER DATABASE postgres SET metaprobe.default_suite = 'public.live';
ANALYZE;
});

# Rows are numbered by the outer side of nested loops, in order.
my $settings = q{
SET jit = off; SET max_parallel_workers_per_gather = 0;
SET enable_hashjoin = off; SET enable_mergejoin = off;
};

# Check what used() gave early and late.  A leak of the smallest piece of
# memory in every one of 20,000 calls would be more.
sub is_flat
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $output, $count) = @_;
	my @used = $output =~ /\{\{(\d+),(\d+)\},\{(\d+),(\d+)\}\}/;

	if (!@used || (defined $count && $output !~ /^$count\|/m))
	{
		fail($name);
		diag($output);
		return;
	}
	note "$name: @used";
	ok( $used[2] - $used[0] < 256 * 1024 && $used[3] - $used[1] < 4096 * 1024,
		$name)
	  or diag(sprintf 'memory contexts grew by %d, private memory by %d bytes',
		$used[2] - $used[0], $used[3] - $used[1]);
	return;
}

# A query over n rows (i, curve), of which an expression gives a value each.
# Memory is looked at from inside the query, since what leaks into the query's
# own memory is given back at its end.
sub rows_are_flat
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $n, $expression, $from) = @_;
	my ($early, $late) = ($n / 10, 9 * $n / 10);

	$from //= '';
	is_flat(
		$name,
		$node->safe_psql(
			'postgres', qq{
$settings
SELECT used() \\g /dev/null
SELECT count($expression), array_agg(used()) FILTER (WHERE i IN ($early, $late))
FROM generate_series(1, $n) AS i JOIN samples ON id = i % 1000 $from}),
		$n);
	return;
}

# A PL/pgSQL loop of n rounds, in one transaction.
sub loop_is_flat
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $n, $body) = @_;
	my ($early, $late) = ($n / 10, 9 * $n / 10);
	my ($status, $stdout, $stderr) = $node->psql(
		'postgres', qq{
$settings
SELECT used() \\g /dev/null
DO \$\$
DECLARE
	c loss_curve := (SELECT curve FROM samples WHERE id = 1);
	s probe_suite := (SELECT suite FROM suites WHERE name = 'small');
	used bigint[][] := '{}';
	said text;
	score float8;
BEGIN
	FOR i IN 1 .. $n LOOP
		$body
		IF i IN ($early, $late) THEN
			used := used || ARRAY[used()];
		END IF;
	END LOOP;
	RAISE INFO '%', used;
END \$\$});

	is_flat($name, $stderr);
	return;
}

my $small = "(SELECT suite FROM suites WHERE name = 'small')";
my $large = "(SELECT suite FROM suites WHERE name = 'large')";

# A million, and fewer where the way is the same but for its end
rows_are_flat('a million calls with a value', 1000000, "classify_metadata(curve, $small)");
rows_are_flat('a million calls with a relation', 1000000,
	"classify_metadata(curve, 'probes'::regclass)");
rows_are_flat('the default suite', 100000, 'classify_metadata(curve)');
rows_are_flat('a suite stored out of line', 100000, 'classify_metadata(curve, suite)',
	"JOIN suites ON name = 'large'");
rows_are_flat('tag_metadata, value', 100000, "tag_metadata(curve, $large)");
rows_are_flat('tag_metadata, relation', 100000, "tag_metadata(curve, 'live'::regclass)");
rows_are_flat('label_score', 100000, "label_score(curve, 'label 1', $small)");

# Suites that change from row to row
rows_are_flat('two suites by turns, stored', 20000, 'tag_metadata(curve, suite)',
	"JOIN suites ON name = CASE i % 2 WHEN 0 THEN 'large' ELSE 'other' END");
rows_are_flat('two suites by turns, stored inline', 20000, 'coalesce(classify_metadata(curve, suite), $$$$)',
	"JOIN suites ON name = CASE i % 2 WHEN 0 THEN 'small' ELSE 'tiny' END");
rows_are_flat('suites computed for every row', 20000,
	"classify_metadata(curve, configure_probe_suite(suite, k => i % 20 + 1))",
	"JOIN suites ON name = 'small'");
rows_are_flat('two relations by turns', 4000,
	"classify_metadata(curve, CASE i % 2 WHEN 0 THEN 'probes' ELSE 'live' END::regclass)");

# Rescans of a LATERAL
my %laterals = (
	'classify_metadata, value' => "SELECT classify_metadata(curve, $small) AS x",
	'classify_metadata, relation' => "SELECT classify_metadata(curve, 'probes'::regclass) AS x",
	'tag_metadata, value' => "SELECT label AS x FROM tag_metadata(curve, $small)",
	'tag_metadata, default' => 'SELECT label AS x FROM tag_metadata(curve)',
	'metadata_probabilities, value' => "SELECT count(*) AS x FROM metadata_probabilities(curve, $large)",
	'metadata_probabilities, relation' =>
	  "SELECT count(*) AS x FROM metadata_probabilities(curve, 'live'::regclass)",
	'nearest_probes, value' => "SELECT count(*) AS x FROM nearest_probes(curve, $small)",
	'nearest_probes, relation' => "SELECT count(*) AS x FROM nearest_probes(curve, 'probes'::regclass, 3)",
	'nearest_probes, in the select list' =>
	  "SELECT count(*) AS x FROM (SELECT nearest_probes(curve, $small, 3)) AS y",
	'probe_suite_probes' => "SELECT count(*) AS x FROM probe_suite_probes(configure_probe_suite($small, k => i % 20 + 1))",
	'probe_suite_confusion' =>
	  "SELECT sum(count) AS x FROM probe_suite_confusion(configure_probe_suite($small, k => i % 20 + 1))",
	'probe_suite_info' => "SELECT hash AS x FROM probe_suite_info(configure_probe_suite($small, k => i % 20 + 1))",
	'probe_suite_agg' =>
	  'SELECT probe_suite_agg(label || (i % 3)::text, p.curve, i::text) AS x FROM probes AS p',
	'aggregates of curves' => q{
		SELECT avg(p.curve || samples.curve) <-> stddev(p.curve || samples.curve) AS x FROM probes AS p},
	'loss_curve_agg' => 'SELECT loss_curve_agg(i + e, e) AS x FROM generate_series(0, 10) AS e',
	'loss_curves' => "SELECT count(*) AS x FROM loss_curves('loss_log', repeated => 'last', invalid => 'missing')",
	'knn_label' => 'SELECT knn_label(label, p.curve <-> samples.curve, 3) AS x FROM probes AS p',
	'knn_probabilities' =>
	  'SELECT knn_probabilities(label, p.curve <-> samples.curve, 3) AS x FROM probes AS p');
foreach my $name (sort keys %laterals)
{
	rows_are_flat("rescans: $name", 20000, 'x', ", LATERAL ($laterals{$name} OFFSET 0) AS l");
}

# What a curve can be asked
my %expressions = (
	'text' => 'curve::text::loss_curve',
	'arrays' => 'curve::real[]::loss_curve::double precision[]::loss_curve',
	'jsonb' => 'curve::jsonb::loss_curve',
	'slices' => 'curve[1:3]',
	'shapes' => 'sparkline(smooth_curve(resample_curve(curve || 1.5::float8, 9), 3))',
	'distances' => q{coalesce((curve <-> '[1,2,3,4,5,6]') + (curve <=> '[1,2,3,4,5,6]')
		+ (curve <+> '[1,2,3,4,5,6]') + (curve <~> '[1,2,3,4]'), 0)},
	'suites as text' => "$small\::text::probe_suite");
foreach my $name (sort keys %expressions)
{
	rows_are_flat($name, 20000, $expressions{$name});
}

# PL/pgSQL, which keeps what a call has read for the next one
loop_is_flat('loop: value', 200000, 'said := classify_metadata(c, s);');
loop_is_flat('loop: relation', 200000, "said := classify_metadata(c, 'probes'::regclass);");
loop_is_flat('loop: default, a view', 3000, 'said := classify_metadata(c);');
loop_is_flat('loop: the suite changes', 20000,
	'said := classify_metadata(c, configure_probe_suite(s, k => i % 20 + 1));');
loop_is_flat('loop: the probes change', 3000, q{
	UPDATE probes SET label = label WHERE ctid = (SELECT ctid FROM probes ORDER BY random() LIMIT 1);
	said := (tag_metadata(c, 'probes'::regclass)).label;
});
$node->safe_psql('postgres', 'VACUUM FULL probes');

# Calls that end in an error
loop_is_flat('loop: errors of a call', 10000, q{
	BEGIN
		score := label_score(c, 'no such label', s);
	EXCEPTION WHEN invalid_parameter_value THEN
		said := SQLERRM;
	END;
});
loop_is_flat('loop: errors of the suite', 5000, q{
	BEGIN
		said := classify_metadata(c, 'empty'::regclass);
	EXCEPTION WHEN invalid_parameter_value THEN
		said := SQLERRM;
	END;
});
loop_is_flat('loop: errors of the relation', 5000, q{
	BEGIN
		said := classify_metadata(c, CASE i % 3 WHEN 0 THEN 'suites' WHEN 1 THEN 'long_samples' ELSE 'pg_class_oid_index' END::regclass);
	EXCEPTION WHEN OTHERS THEN
		said := SQLERRM;
	END;
});
loop_is_flat('loop: errors of a loss log', 5000, q{
	BEGIN
		said := (SELECT count(*) FROM loss_curves('loss_log', invalid => 'missing'));
	EXCEPTION WHEN cardinality_violation THEN
		said := SQLERRM;
	END;
});
loop_is_flat('loop: errors and successes', 5000, q{
	BEGIN
		said := classify_metadata(c, CASE i % 2 WHEN 0 THEN 'empty' ELSE 'probes' END::regclass);
	EXCEPTION WHEN invalid_parameter_value THEN
		said := SQLERRM;
	END;
});
loop_is_flat('loop: errors of text', 10000, q{
	BEGIN
		s := replace(s::text, '"k":', '"l":')::probe_suite;
	EXCEPTION WHEN invalid_text_representation THEN
		said := SQLERRM;
	END;
	BEGIN
		c := '[1,2,3,x]';
	EXCEPTION WHEN invalid_text_representation THEN
		said := SQLERRM;
	END;
});
loop_is_flat('loop: errors of aggregates', 5000, q{
	BEGIN
		PERFORM probe_suite_agg(nullif(label, 'label 4'), curve) FROM probes;
	EXCEPTION WHEN null_value_not_allowed THEN
		said := SQLERRM;
	END;
});

# Many statements in one connection
foreach my $statement (
	"classify_metadata(\$\$[1,2,3]\$\$, \$\$probes\$\$::regclass)",
	'tag_metadata($$[1,2,3]$$::loss_curve)',
	'(SELECT count(*) FROM suites, nearest_probes($$[1,2,3]$$, suite))')
{
	my $statements =
	  "SELECT 'SELECT $statement' FROM generate_series(1, 2000) \\gexec\n";
	is_flat(
		"statements: $statement",
		$node->safe_psql(
			'postgres', qq{
$settings
SELECT used() \\g /dev/null
\\o /dev/null
$statements
\\o
SELECT used() \\gset early_
\\o /dev/null
$statements
$statements
\\o
SELECT ARRAY[:'early_used'::bigint[], used()]}));
}

$node->stop;
done_testing();
