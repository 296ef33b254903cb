# The same answer, to the last bit, however rows and probes are stored, and
# however the query is run.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');
my $host = $node->host;
my $port = $node->port;

# Rows as long as the probes, shorter, longer and empty, with missing epochs;
# probes of different lengths, some of them twice, under one label or two, so
# that there are ties to break.
$node->safe_psql(
	'postgres', qq{
CREATE TABLE samples AS
	SELECT n AS id, random_curve($seed, n, CASE n % 7
		WHEN 0 THEN 12 WHEN 1 THEN 30 WHEN 2 THEN n % 25 ELSE 24 END) AS curve
	FROM generate_series(1, 400) AS n;
CREATE TABLE probes AS
	SELECT n::text AS id,
		(ARRAY['early', 'late', 'memorised', 'plateau', 'flat'])[n % 5 + 1] AS label,
		random_curve($seed + 1, n, 24 - (n % 6)) AS curve
	FROM generate_series(1, 100) AS n;
INSERT INTO probes
	SELECT 'twin of ' || id::text, 'early', curve FROM probes WHERE label < 'm' AND id < '5';
CREATE TABLE suites AS
	SELECT 'frozen' AS name, probe_suite_agg(label, curve, id) AS suite FROM probes;
CREATE VIEW live AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;
ANALYZE;
});

my $frozen = "(SELECT suite FROM suites WHERE name = 'frozen')";
my $expected = $node->safe_psql('postgres', answer('samples', $frozen));

# In one session, which undoes what is done before.
my $psql = session($node);

sub same_answer
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $relation, $suite, %params) = @_;
	my $before = $params{before} // '';
	my $query = answer($relation, $suite);

	is($psql->run("BEGIN; $before; $query; ROLLBACK"), $expected, $name);
	return;
}

isnt($node->safe_psql('postgres', answer('samples', "(SELECT configure_probe_suite(suite, k => 19) FROM suites)")),
	$expected, 'answers can differ');
is( $node->safe_psql(
		'postgres', "SELECT count(DISTINCT classify_metadata(curve, $frozen)) FROM samples"),
	'5', 'rows of all labels');

# Where the suite comes from
same_answer('probe table', 'samples', "'probes'::regclass");
same_answer('view', 'samples', "'live'::regclass");
same_answer('value from a view', 'samples', '(SELECT suite FROM live)');
same_answer('relation with one suite', 'samples', "'suites'::regclass");
same_answer('default, frozen', 'samples', undef,
	before => "SET metaprobe.default_suite = 'public.suites'");
same_answer('default, live', 'samples', undef,
	before => "SET metaprobe.default_suite = 'public.live'");
same_answer('default, probe table', 'samples', undef,
	before => "SET metaprobe.default_suite = 'public.probes'");
same_answer('aggregate in the query', 'samples',
	'(SELECT probe_suite_agg(label, curve, id) FROM probes)');
same_answer('suite of every row', 'samples, suites', 'suite');
same_answer('probes of the suite', 'samples',
	"(SELECT probe_suite_agg(label, p.curve, p.id) FROM suites, probe_suite_probes(suite) AS p)");
same_answer('text form of the suite', 'samples',
	'(SELECT suite::text::probe_suite FROM suites)');
same_answer('temporary probe table', 'samples', "'t'::regclass",
	before => 'CREATE TEMP TABLE t AS SELECT * FROM probes');
same_answer('temporary table with a suite', 'samples', "'t'::regclass",
	before => 'CREATE TEMP TABLE t AS SELECT * FROM suites');
same_answer('suite stored compressed', 'samples', '(SELECT suite FROM t)',
	before => 'CREATE TEMP TABLE t (suite probe_suite);
		ALTER TABLE t ALTER suite SET STORAGE extended;
		INSERT INTO t SELECT suite FROM suites');
same_answer('suite stored inline', 'samples', '(SELECT suite FROM t)',
	before => 'CREATE TEMP TABLE t (suite probe_suite) WITH (toast_tuple_target = 8160);
		ALTER TABLE t ALTER suite SET STORAGE main;
		INSERT INTO t SELECT suite FROM suites');
same_answer('materialized view', 'samples', "'m'::regclass",
	before => 'CREATE MATERIALIZED VIEW m AS SELECT * FROM live');
same_answer('other columns, other text types', 'samples', "'t'::regclass",
	before => q{
		CREATE DOMAIN trace AS loss_curve CHECK (epochs(VALUE) < 100);
		CREATE TABLE t (kind varchar(20), gone int, trace trace, probe_id name);
		ALTER TABLE t DROP COLUMN gone;
		INSERT INTO t SELECT label, curve, id FROM probes});
same_answer('names to be quoted', 'samples', q{'"My Schema"."My ""Probes"""'::regclass},
	before => q{
		CREATE SCHEMA "My Schema";
		CREATE TABLE "My Schema"."My ""Probes""" ("The Label" text, "select" loss_curve, "ID" text);
		ALTER TABLE "My Schema"."My ""Probes""" RENAME "ID" TO id;
		INSERT INTO "My Schema"."My ""Probes""" SELECT label, curve, id FROM probes});
same_answer('names to be quoted, default', 'samples', undef,
	before => q{
		CREATE SCHEMA "My.Schema";
		CREATE VIEW "My.Schema"."My Suite" AS SELECT suite AS "The Suite" FROM suites;
		SET metaprobe.default_suite = '"My.Schema"."My Suite"'});
same_answer('inherited probe tables', 'samples', "'parent'::regclass",
	before => q{
		CREATE TABLE parent (LIKE probes);
		CREATE TABLE child () INHERITS (parent);
		INSERT INTO parent SELECT * FROM probes WHERE label < 'g';
		INSERT INTO child SELECT * FROM probes WHERE label >= 'g'});
same_answer('a search path that lacks the extension', 'samples',
	"'public.probes'::regclass",
	before => q{CREATE SCHEMA s; ALTER TABLE samples SET SCHEMA s;
		SET LOCAL search_path = s, public});

# Suites that change from row to row: each row's answer is the one that its
# suite gives alone.
$node->safe_psql(
	'postgres', q{
CREATE TABLE several AS
	SELECT 0 AS n, suite FROM suites
	UNION ALL SELECT 1, configure_probe_suite(suite, k => 3) FROM suites
	UNION ALL SELECT 2, configure_probe_suite(suite, metric => 'l1') FROM suites
	UNION ALL SELECT 3, probe_suite_agg('only', '[1]');
CREATE VIEW several_0 AS SELECT suite FROM several WHERE n = 0;
CREATE VIEW several_1 AS SELECT suite FROM several WHERE n = 1;
CREATE TABLE several_2 AS SELECT suite FROM several WHERE n = 2;
CREATE TABLE several_3 AS SELECT suite FROM several WHERE n = 3;
});
my %by_turns = (
	'stored' => 'suite',
	'in memory' => 'configure_probe_suite(suite)',
	'relations' => q{('several_' || n::text)::regclass});
foreach my $way (sort keys %by_turns)
{
	is( $node->safe_psql(
			'postgres', qq{
SELECT count(*) FILTER (WHERE tag IS DISTINCT FROM alone), count(DISTINCT alone) > 500
FROM (
	SELECT tag_metadata(curve, $by_turns{$way})::text AS tag,
		CASE n
			WHEN 0 THEN tag_metadata(curve, (SELECT suite FROM several WHERE n = 0))
			WHEN 1 THEN tag_metadata(curve, (SELECT suite FROM several WHERE n = 1))
			WHEN 2 THEN tag_metadata(curve, (SELECT suite FROM several WHERE n = 2))
			ELSE tag_metadata(curve, (SELECT suite FROM several WHERE n = 3))
		END::text AS alone
	FROM samples, several ORDER BY id, n OFFSET 0
) AS x}),
		'0|t', "suites by turns: $way");
}

# Physical order
foreach my $order (
	"noise($seed + 2, hashtext(id::text), 0)",
	'label DESC, curve DESC, id DESC',
	'curve', 'id')
{
	same_answer(
		"probes in the order of $order", 'samples', "'t'::regclass",
		before => "CREATE TEMP TABLE t AS SELECT * FROM probes ORDER BY $order");
	is( $node->safe_psql(
			'postgres', qq{
CREATE TEMP TABLE t AS SELECT * FROM probes ORDER BY $order;
SELECT probe_suite_send(probe_suite_agg(label, curve, id)) = (SELECT probe_suite_send(suite) FROM suites)
FROM t}),
		't',
		"probes in the order of $order: the same suite to the byte");
}
foreach my $order ("noise($seed + 3, id, 0)", 'curve', 'id DESC')
{
	same_answer("rows in the order of $order", 't', $frozen,
		before => "CREATE TEMP TABLE t AS SELECT * FROM samples ORDER BY $order");
}
same_answer(
	'clustered tables', 's', "'p'::regclass",
	before => q{
		CREATE TABLE s AS SELECT * FROM samples;
		CREATE INDEX s_curve ON s (curve);
		CLUSTER s USING s_curve;
		CREATE TABLE p AS SELECT * FROM probes;
		CREATE INDEX p_curve ON p (curve DESC);
		CLUSTER p USING p_curve});
same_answer(
	'updated in place', 's', "'p'::regclass",
	before => q{
		CREATE TABLE s AS SELECT * FROM samples;
		UPDATE s SET curve = curve WHERE id % 3 = 0;
		CREATE TABLE p AS SELECT * FROM probes;
		UPDATE p SET label = upper(label);
		UPDATE p SET label = lower(label) WHERE id LIKE '%1%';
		UPDATE p SET label = lower(label)});

# Partitions, with columns in another order and some dropped
same_answer(
	'partitions', 's', "'p'::regclass",
	before => q{
		CREATE TABLE s (id bigint, curve loss_curve) PARTITION BY RANGE (id);
		CREATE TABLE s1 PARTITION OF s FOR VALUES FROM (0) TO (100);
		CREATE TABLE s2 (gone int, curve loss_curve, id bigint);
		ALTER TABLE s2 DROP COLUMN gone;
		ALTER TABLE s ATTACH PARTITION s2 FOR VALUES FROM (100) TO (1000);
		INSERT INTO s SELECT id, curve FROM samples;
		CREATE TABLE p (LIKE probes) PARTITION BY LIST (label);
		CREATE TABLE p1 PARTITION OF p FOR VALUES IN ('flat', 'early');
		CREATE TABLE p2 (curve loss_curve, gone int, label text, id text);
		ALTER TABLE p2 DROP COLUMN gone;
		ALTER TABLE p ATTACH PARTITION p2 DEFAULT;
		INSERT INTO p (id, label, curve) SELECT id, label, curve FROM probes});

# Every metric and weighting, serial and parallel, on shuffled probes
my $force_parallel = q{
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0; SET max_parallel_workers_per_gather = 2;
};
my %settings = (
	'l1, distance' => "metric => 'l1', weights => 'distance', k => 7",
	'cosine, balanced' => "metric => 'cosine', weights => 'balanced'",
	'correlation, distance' => "metric => 'correlation', weights => 'distance'",
	'dtw, uniform' => "metric => 'dtw'",
	'banded dtw, balanced' => "metric => 'dtw', band => 3, weights => 'balanced', k => 5");
foreach my $name (sort keys %settings)
{
	my @answers;

	foreach my $before ('SET max_parallel_workers_per_gather = 0;', $force_parallel)
	{
		foreach my $order ('id', "noise($seed + 4, hashtext(id::text), 1)")
		{
			push @answers, $node->safe_psql(
				'postgres', qq{
$before
CREATE TEMP TABLE p AS SELECT * FROM probes ORDER BY $order;
} . answer('samples', "(SELECT configure_probe_suite(probe_suite_agg(label, curve, id), $settings{$name}) FROM p)"));
		}
	}
	is_deeply(\@answers, [ ($answers[0]) x 4 ], "$name: the same answers");
	isnt($answers[0], $expected, "$name: not those of other settings");
}

# Serial and parallel
foreach my $suite ($frozen, "'probes'::regclass", "'live'::regclass")
{
	my $plan =
	  $node->safe_psql('postgres', "$force_parallel EXPLAIN SELECT id, tag_metadata(curve, $suite) FROM samples");

	like($plan, qr/Gather.*Parallel Seq Scan on samples/s, "$suite: parallel plan");
	same_answer("$suite: parallel", 'samples', $suite,
		before => $force_parallel);
}
is( $node->safe_psql(
		'postgres', qq{
$force_parallel
CREATE TEMP TABLE parallel AS SELECT id, tag_metadata(curve, 'probes'::regclass) AS tag FROM samples;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT id, tag_metadata(curve, 'probes'::regclass) AS tag FROM samples;
SELECT count(*) FROM serial JOIN parallel USING (id)
WHERE serial.tag::text IS NOT DISTINCT FROM parallel.tag::text}),
	'400', 'tags of a parallel plan equal those of a serial one');

# Prepared statements: generic plans, suites as parameters, changing in between
is( $node->safe_psql(
		'postgres', qq{
SET plan_cache_mode = force_generic_plan;
PREPARE with_value(probe_suite) AS } . answer('samples', '$1') . q{;
PREPARE with_relation(regclass) AS } . answer('samples', '$1') . q{;
PREPARE with_default AS } . answer('samples', undef) . qq{;
CREATE TEMP TABLE other AS SELECT * FROM probes WHERE id NOT LIKE 'twin%';
SET metaprobe.default_suite = 'public.live';
SELECT suite AS suite FROM suites \\gset
SELECT probe_suite_agg(label, curve, id) AS other FROM other \\gset
EXECUTE with_value(:'suite');
EXECUTE with_value(:'other') \\g /dev/null
EXECUTE with_value(:'suite');
EXECUTE with_relation('probes');
EXECUTE with_relation('other') \\g /dev/null
EXECUTE with_relation('live');
EXECUTE with_default;
SET metaprobe.default_suite = 'public.probes';
EXECUTE with_default;
}),
	join("\n", ($expected) x 6),
	'prepared statements');

# Statements prepared by the driver, which fail if an answer is another one
my $script = '';
$script .= 'SELECT 1 / ((' . answer('samples', $_) . ") = '$expected')::int;\n"
  foreach $frozen, "'probes'::regclass", "'live'::regclass";
$node->pgbench(
	'--no-vacuum --client=2 --transactions=3 --protocol=prepared',
	0, [qr/processed: 6\/6/], [qr/^((?!ERROR).)*$/s],
	'statements prepared by the driver',
	{ 'prepared.sql' => $script });

# A cursor keeps its snapshot, whatever others do to the suite in between.
sub fetched
{
	my ($suite, $change) = @_;
	my $reader = session($node);
	my $writer = session($node);
	my $rows = '';

	$reader->run("SET metaprobe.default_suite = 'public.p'");
	$reader->run('BEGIN');
	$reader->run('DECLARE c CURSOR FOR SELECT id, tag_metadata(curve'
		  . (defined $suite ? ", $suite" : '')
		  . ') FROM samples ORDER BY id');
	foreach my $step (1 .. 5)
	{
		$rows .= $reader->run('FETCH 80 FROM c') . "\n";
		is($writer->run($change->[ $step % @$change ]), '', 'a change in between');
		$reader->run('SAVEPOINT s') if $step == 2;
		$reader->run("INSERT INTO p VALUES ('own', 'own', '[1]')") if $step == 3;
		$reader->run('ROLLBACK TO s') if $step == 4;
	}
	$reader->run('COMMIT');
	$reader->quit;
	$writer->quit;
	return $rows;
}

my $tags = $node->safe_psql('postgres',
	"SELECT id, tag_metadata(curve, $frozen) FROM samples ORDER BY id") . "\n";

$node->safe_psql('postgres',
	'CREATE TABLE p AS SELECT * FROM probes; CREATE TABLE q AS SELECT * FROM suites');
foreach my $suite ("'p'::regclass", undef)
{
	is( fetched($suite, [
				'DELETE FROM p WHERE random() < 0.3',
				"INSERT INTO p VALUES ('new', 'new', '[1,2,3]')"
			]),
		$tags,
		($suite // 'default') . ': a cursor keeps its snapshot');
	$node->safe_psql('postgres', 'DELETE FROM p; INSERT INTO p SELECT * FROM probes');
}
is( fetched('(SELECT suite FROM q)', [
			"UPDATE q SET suite = configure_probe_suite(suite, k => 3)",
			"UPDATE q SET suite = configure_probe_suite(suite, k => 4)",
			'VACUUM q'
		]),
	$tags,
	'value: a cursor keeps its snapshot');

# PL/pgSQL: a function called by a query and in a loop, with the suite as a
# variable, as a relation and as the default
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION tag_by_value(c loss_curve, s probe_suite) RETURNS text
	LANGUAGE plpgsql AS 'BEGIN RETURN tag_metadata(c, s); END';
CREATE FUNCTION tag_by_relation(c loss_curve, r regclass) RETURNS text
	LANGUAGE plpgsql AS 'BEGIN RETURN tag_metadata(c, r); END';
CREATE FUNCTION tag_by_stable_function(c loss_curve, r regclass) RETURNS text
	LANGUAGE plpgsql STABLE AS 'BEGIN RETURN tag_metadata(c, r); END';
CREATE FUNCTION tag_by_default(c loss_curve) RETURNS text
	LANGUAGE plpgsql AS 'BEGIN RETURN tag_metadata(c); END';
CREATE FUNCTION tag_by_sql(c loss_curve, s probe_suite) RETURNS text
	LANGUAGE sql VOLATILE AS 'SELECT tag_metadata(c, s)::text';
CREATE FUNCTION tags_in_loop(variant text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	s probe_suite := (SELECT suite FROM suites);
	tag text;
BEGIN
	FOR r IN SELECT * FROM samples ORDER BY id LOOP
		CASE variant
			WHEN 'value' THEN tag := tag_metadata(r.curve, s);
			WHEN 'relation' THEN tag := tag_metadata(r.curve, 'live'::regclass);
			WHEN 'default' THEN tag := tag_metadata(r.curve);
			WHEN 'subquery' THEN tag := tag_metadata(r.curve, (SELECT suite FROM suites));
			WHEN 'dynamic' THEN
				EXECUTE 'SELECT tag_metadata($1, $2)' INTO tag USING r.curve, s;
			WHEN 'lateral' THEN
				SELECT t::text INTO tag FROM tag_metadata(r.curve, s) AS t
				WHERE t.label IS NOT NULL;
		END CASE;
		RETURN NEXT r.id::text || '|' || coalesce(tag, '');
	END LOOP;
END $$;
});
chomp($tags);
foreach my $call (
	"tag_by_value(curve, $frozen)",
	"tag_by_relation(curve, 'probes')",
	"tag_by_stable_function(curve, 'probes')",
	'tag_by_default(curve)',
	"tag_by_sql(curve, $frozen)")
{
	is( $node->safe_psql(
			'postgres', qq{
SET metaprobe.default_suite = 'public.live';
SELECT id, $call FROM samples ORDER BY id}),
		$tags, "PL/pgSQL: $call");
}
foreach my $variant ('value', 'relation', 'default', 'subquery', 'dynamic', 'lateral')
{
	is( $node->safe_psql(
			'postgres', qq{
SET metaprobe.default_suite = 'public.live';
SELECT tags_in_loop('$variant')}),
		$tags, "PL/pgSQL loop: $variant");
}

# Foreign tables, of rows, of probes and of suites
$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION postgres_fdw;
CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '$host', port '$port', dbname 'postgres', extensions 'metaprobe');
CREATE USER MAPPING FOR CURRENT_USER SERVER loopback;
CREATE SCHEMA far;
IMPORT FOREIGN SCHEMA public LIMIT TO (samples, probes, suites, live)
	FROM SERVER loopback INTO far;
});
same_answer('foreign rows', 'far.samples', $frozen);
same_answer('foreign probe table', 'samples', "'far.probes'::regclass");
same_answer('foreign suite', 'samples', "'far.suites'::regclass");
same_answer('foreign view', 'samples', "'far.live'::regclass");
same_answer('foreign suite as a value', 'far.samples', '(SELECT suite FROM far.suites)');
same_answer('foreign suite as a value, parallel', 'samples',
	'(SELECT probe_suite_agg(label, curve, id) FROM far.probes)',
	before => $force_parallel);

# Workers have connections of their own, which do not see what the leader has
# written through its own, so they do not read foreign tables.
my $in_worker = in_worker($node);
foreach my $relation ('far.probes', 'far.suites', 'view_of_far')
{
	like(
		error_of($node, qq{
BEGIN;
CREATE VIEW view_of_far AS SELECT suite FROM far.suites;
$in_worker
SELECT count(tag_metadata(curve, '$relation'::regclass)) FROM samples}),
		qr/ERROR:  0A000: foreign relation "(probes|suites)" cannot be read by a parallel worker.*HINT:  Pass the suite as a value/s,
		"$relation: an error in a worker");
}
is( $psql->run(qq{
BEGIN;
INSERT INTO far.probes SELECT 'own', 'own', '[1]' FROM generate_series(1, 20);
SELECT count(*) FROM nearest_probes('[1]', 'far.probes'::regclass, 1000) WHERE label = 'own';
ROLLBACK}),
	'20', 'a foreign probe table shows what the transaction has written there');

# What is immutable goes to the other server, and filters alike there.  (What
# takes or returns text does not, because of its collation.)
my $filtered = q{
SELECT id FROM %s WHERE dtw_distance(curve, '[2.3,1.5,1,1,0.8,0.7]', 3) < 3
};
like(
	$node->safe_psql('postgres',
		'EXPLAIN (VERBOSE, COSTS OFF) ' . sprintf($filtered, 'far.samples')),
	qr/Remote SQL: .*dtw_distance/,
	'a filter by a distance is pushed down');
my $rows = $node->safe_psql('postgres',
	sprintf($filtered, 'samples') . ' ORDER BY id');
like($rows, qr/^\d+\n\d+/, 'a filter that some rows pass');
is( $node->safe_psql('postgres',
		sprintf($filtered, 'far.samples') . ' ORDER BY id'),
	$rows,
	'it gives the same rows here and there');

# COPY, binary and text
foreach my $format ('binary', 'text', 'csv')
{
	my $folder = $node->basedir;

	same_answer(
		"COPY, $format", 's', "'p'::regclass",
		before => join(
			';',
			map {
				my ($copy, $original) = @$_;
				"COPY $original TO '$folder/$original.$format' (FORMAT $format);
				 CREATE TEMP TABLE $copy (LIKE $original);
				 COPY $copy FROM '$folder/$original.$format' (FORMAT $format)"
			} ([ 's', 'samples' ], [ 'p', 'probes' ])));
	is( $node->safe_psql(
			'postgres', qq{
COPY suites TO '$folder/suites.$format' (FORMAT $format);
CREATE TEMP TABLE s (LIKE suites);
COPY s FROM '$folder/suites.$format' (FORMAT $format);
SELECT probe_suite_send(s.suite) = probe_suite_send(suites.suite) FROM s, suites}),
		't', "COPY, $format: the same suite to the byte");
}

# After a crash
$psql->quit;
$node->stop('immediate');
$node->start;
$psql = session($node);
same_answer('after a crash', 'samples', $frozen);
same_answer('after a crash, live', 'samples', "'live'::regclass");

$psql->quit;
$node->stop;
done_testing();
