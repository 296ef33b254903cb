# Classification of a large table goes parallel by itself, and gives the same
# answer as when it does not.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');

# 100,000 rows of 90 epochs, each of three pieces from a pool.
$node->safe_psql(
	'postgres', qq{
CREATE TABLE pieces AS
	SELECT n, random_curve($seed, n, 30) AS curve FROM generate_series(0, 999) AS n;
CREATE TABLE samples AS
	SELECT i AS id, a.curve || b.curve || c.curve AS curve
	FROM generate_series(1, 100000) AS i
	JOIN pieces AS a ON a.n = i % 1000
	JOIN pieces AS b ON b.n = i / 1000
	JOIN pieces AS c ON c.n = floor(1000 * noise($seed + 1, i, 0));
CREATE TABLE probes AS
	SELECT (ARRAY['early', 'late', 'memorised', 'plateau', 'flat'])[n % 5 + 1] AS label,
		random_curve($seed + 2, n, 90) AS curve
	FROM generate_series(0, 29) AS n;
CREATE TABLE suites AS
	SELECT 'thirty' AS name, probe_suite_agg(label, curve) AS suite FROM probes;
CREATE VIEW live AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
ANALYZE;
});

# The statistics on which the plans of the grouping queries rest: no count of
# distinct curves, and no curves.
is( $node->safe_psql(
		'postgres', q{
SELECT stadistinct, stanullfrac, stawidth, stakind1, stakind2, stanumbers1 IS NULL
FROM pg_statistic
WHERE starelid = 'samples'::regclass AND staattnum = 2}),
	'0|0|368|0|0|t',
	'statistics of curves have a width and nothing else');
is( $node->safe_psql(
		'postgres', q{
CREATE TABLE mixed (curve loss_curve);
INSERT INTO mixed SELECT CASE WHEN i % 4 > 0 THEN '[1,2]'::loss_curve END
	FROM generate_series(1, 1000) AS i;
ANALYZE mixed;
SELECT stadistinct, stanullfrac, stawidth FROM pg_statistic
WHERE starelid = 'mixed'::regclass;
DELETE FROM mixed;
ANALYZE mixed}),
	'0|0.25|13',
	'statistics count the NULLs');

my %suites = (
	'value'    => "(SELECT suite FROM suites WHERE name = 'thirty')",
	'relation' => "'probes'::regclass",
	'view'     => "'live'::regclass",
	'default'  => undef);
my %calls = (
	'classify_metadata' => 'classify_metadata(curve%s)',
	'tag_metadata' => 'tag_metadata(curve%s)',
	'label_score' => q{label_score(curve, 'late'%s)},
	'grouping' => 'classify_metadata(curve%s)');

sub query
{
	my ($kind, $form) = @_;
	my $call = sprintf $calls{$kind},
	  defined $suites{$form} ? ", $suites{$form}" : '';

	return $kind eq 'grouping'
	  ? "SELECT $call AS id, count(*) AS x FROM samples GROUP BY 1"
	  : "SELECT id, $call AS x FROM samples";
}

my $psql = session($node);

sub with_settings
{
	my ($settings, $sql) = @_;

	return $psql->run(
		"RESET ALL; SET metaprobe.default_suite = 'public.live';\n$settings\n$sql");
}

my $has_jit =
  $node->safe_psql('postgres', 'SET jit = on; SELECT pg_jit_available()') eq
  't';
my %jit = ('without JIT' => 'SET jit = off;');
$jit{'with JIT'} = q{
SET jit = on; SET jit_above_cost = 0;
SET jit_optimize_above_cost = 0; SET jit_inline_above_cost = 0;
} if $has_jit;
note 'the server has no JIT' unless $has_jit;

# Plans under default settings, but for JIT.
foreach my $jit (sort keys %jit)
{
	foreach my $kind (sort keys %calls)
	{
		foreach my $form (sort keys %suites)
		{
			my $plan =
			  with_settings($jit{$jit}, 'EXPLAIN ' . query($kind, $form));

			if ($kind eq 'grouping')
			{
				like(
					$plan,
					qr/Finalize .*Gather.*Partial HashAggregate.*Parallel Seq Scan on samples/s,
					"$kind, $form, $jit: the workers aggregate");
				unlike($plan, qr/Sort[^\n]*\n[^\n]*\n[^\n]*Parallel Seq Scan/,
					"$kind, $form, $jit: no sort of the rows");
			}
			else
			{
				like(
					$plan,
					qr/^Gather .*Workers Planned: 2.*Parallel Seq Scan on samples/s,
					"$kind, $form, $jit: the workers classify");
			}
			like($plan, qr/JIT:/, "$kind, $form, $jit: JIT is in the plan")
			  if $jit eq 'with JIT';
		}
	}
}

# Workers do start.  (Whether they find anything left to do is up to chance.)
my $run = with_settings('',
	'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) '
	  . query('grouping', 'value'));
like($run, qr/Workers Launched: [12]/, 'workers are launched');

# The same rows, whatever the plan.
sub rows
{
	my ($settings, $kind, $form) = @_;
	my $query = query($kind, $form);

	return with_settings($settings,
		"CREATE TEMP TABLE result AS $query;
		 SELECT count(*), sum(hashtextextended(id::text || ' ' || x::text, 0))
		 FROM result; DROP TABLE result");
}

# All forms for classify_metadata, one by turns for the others.
my $serial = 'SET jit = off; SET max_parallel_workers_per_gather = 0;';
my $parallel = 'SET jit = off;';
my $no_leader = "$parallel SET parallel_leader_participation = off;";
my @runs = (
	[ 'classify_metadata', 'value', 'parallel', $parallel ],
	[ 'classify_metadata', 'relation', 'without the leader', $no_leader ],
	[ 'tag_metadata', 'relation', 'without the leader', $no_leader ],
	[ 'label_score', 'view', 'parallel', $parallel ],
	[ 'grouping', 'default', 'parallel', $parallel ]);
push @runs,
  (
	[
		'classify_metadata', 'value', 'serial with JIT',
		"$jit{'with JIT'} SET max_parallel_workers_per_gather = 0;"
	],
	map { [ @$_, 'parallel with JIT', $jit{'with JIT'} ] } (
		[ 'classify_metadata', 'value' ],
		[ 'classify_metadata', 'relation' ],
		[ 'classify_metadata', 'view' ],
		[ 'classify_metadata', 'default' ],
		[ 'tag_metadata', 'default' ],
		[ 'grouping', 'value' ])) if $has_jit;

my %expected;
foreach my $kind (sort keys %calls)
{
	$expected{$kind} = rows($serial, $kind, 'value');
	like($expected{$kind},
		$kind eq 'grouping' ? qr/^5\|-?\d+$/ : qr/^100000\|-?\d+$/,
		"$kind, value, serial: rows");
}
foreach my $run (@runs)
{
	my ($kind, $form, $name, $settings) = @$run;

	is(rows($settings, $kind, $form),
		$expected{$kind}, "$kind, $form, $name: the same rows");
}

# A suite is aggregated in parallel too, to the same bytes.
my $bytes = q{SELECT md5(probe_suite_send(probe_suite_agg(
	(id % 5)::text, curve, id::text))) FROM samples WHERE id <= 20000};
my $aggregated_in_parallel = q{
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
};
like(with_settings($aggregated_in_parallel, "EXPLAIN $bytes"),
	qr/Finalize Aggregate.*Partial Aggregate/s,
	'probe_suite_agg: the workers aggregate');
is( with_settings($aggregated_in_parallel, $bytes),
	with_settings($serial, $bytes),
	'probe_suite_agg: the same suite, serial or parallel');

# A temporary relation cannot be read by a worker: an error that says what to
# do, and doing it helps.
my $in_worker = in_worker($node);
my $temporary = q{
CREATE TEMP TABLE "My Probes" AS SELECT * FROM probes;
CREATE TEMP VIEW my_suite AS SELECT probe_suite_agg(label, curve) AS suite FROM "My Probes";
};
foreach my $relation ('"My Probes"', 'my_suite')
{
	foreach my $call ("classify_metadata(curve, '$relation'::regclass)",
		'classify_metadata(curve)')
	{
		my $error = error_of($node, qq{
$temporary
SELECT set_config('metaprobe.default_suite', quote_ident(nspname) || '.$relation', false)
FROM pg_namespace WHERE oid = pg_my_temp_schema();
$in_worker
SELECT $call FROM samples WHERE id < 10});

		like($error,
			qr/ERROR:  0A000: temporary relation "(My Probes|my_suite)" cannot be read by a parallel worker/,
			"$relation, $call: an error in a worker");
		like($error, qr/HINT:  Pass the suite as a value/,
			"$relation, $call: its hint");
	}
	is( $node->safe_psql(
			'postgres', qq{
$temporary
SET max_parallel_workers_per_gather = 0;
SELECT count(classify_metadata(curve, '$relation'::regclass)) FROM samples WHERE id < 10}),
		'9',
		"$relation: no error without workers");
}
is( $node->safe_psql(
		'postgres', qq{
$temporary
$in_worker
SELECT count(classify_metadata(curve, (SELECT probe_suite_agg(label, curve) FROM "My Probes"))),
	count(classify_metadata(curve, (SELECT suite FROM my_suite)))
FROM samples WHERE id < 10}),
	'9|9', 'as a value it goes to the workers');

$psql->quit;
$node->stop;
done_testing();
