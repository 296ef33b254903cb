# Tags of partitioned tables: by list and by hash, with partitions below
# partitions, columns in other orders, partitions that come and go; in parallel,
# partition by partition, and from one partition alone.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');
my $psql = session($node);

# samples is partitioned by run: one partition has other columns before, another
# has lost one, the third is partitioned by hash, and one waits to be attached.
$node->safe_psql(
	'postgres', qq{
CREATE TABLE probes AS
	SELECT n::text AS id, 'label ' || (n % 5) AS label, random_curve($seed + 1, n, 12) AS curve
	FROM generate_series(1, 100) AS n;
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;

CREATE TABLE samples (run text, id integer, curve loss_curve, PRIMARY KEY (run, id)) PARTITION BY LIST (run);
CREATE TABLE run_a (note text DEFAULT 'a', curve loss_curve, id integer NOT NULL, run text NOT NULL);
ALTER TABLE run_a DROP note;
ALTER TABLE samples ATTACH PARTITION run_a FOR VALUES IN ('a');
CREATE TABLE run_b PARTITION OF samples FOR VALUES IN ('b');
CREATE TABLE run_c PARTITION OF samples FOR VALUES IN ('c') PARTITION BY HASH (id);
CREATE TABLE run_c_0 PARTITION OF run_c FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE run_c_1 (id integer NOT NULL, run text NOT NULL, curve loss_curve);
ALTER TABLE run_c ATTACH PARTITION run_c_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO samples SELECT run, n, random_curve($seed + ascii(run), n, 12)
	FROM unnest('{a,b,c}'::text[]) AS run, generate_series(1, 1000) AS n;

CREATE TABLE run_d (curve loss_curve, run text NOT NULL, id integer NOT NULL);
INSERT INTO run_d SELECT random_curve($seed + 4, n, 12), 'd', n FROM generate_series(1, 500) AS n;

-- A table of the same rows that is not partitioned, to compare with
CREATE VIEW plain_rows AS
	SELECT run, id, curve FROM run_a UNION ALL SELECT run, id, curve FROM run_b
	UNION ALL SELECT run, id, curve FROM run_c_0 UNION ALL SELECT run, id, curve FROM run_c_1;

-- One tag table for all, one with partitions like the source's
SELECT create_tag_table('tags', 'samples');
CREATE TABLE parted_tags (LIKE tags INCLUDING ALL) PARTITION BY LIST (run);
CREATE TABLE tags_a PARTITION OF parted_tags FOR VALUES IN ('a');
CREATE TABLE tags_b PARTITION OF parted_tags FOR VALUES IN ('b');
CREATE TABLE tags_c PARTITION OF parted_tags FOR VALUES IN ('c') PARTITION BY HASH (id);
CREATE TABLE tags_c_0 PARTITION OF tags_c FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE tags_c_1 PARTITION OF tags_c FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ANALYZE;
});

my $suite = '(SELECT suite FROM suites)';
my $in_parallel = q{
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
};

sub refresh
{
	my ($tags, $source, @more) = @_;

	return $node->safe_psql('postgres', join(' ', @more) . "; CALL refresh_tags('$tags', '$source', 'suites')");
}

# How many tags there are, and how many rows differ in any of their columns
sub state_of
{
	my ($tags, $source) = @_;
	my $columns = 'label, probability, score, runner_up, margin, distance, novelty';

	return $node->safe_psql(
		'postgres', qq{
SELECT (SELECT count(*) FROM $tags), count(*)
FROM (SELECT run, id, tag_metadata(curve, $suite) AS new FROM $source OFFSET 0) AS s
	FULL JOIN $tags AS t USING (run, id)
WHERE ($columns, suite_hash) IS DISTINCT FROM ((new).label, (new).probability, (new).score, (new).runner_up,
	(new).margin, (new).distance, (new).novelty, (SELECT (probe_suite_info(suite)).hash FROM suites))});
}

#
# Classification
#
is( $node->safe_psql('postgres', answer('(SELECT run || id AS id, curve FROM samples) AS s', $suite, 'label 1')),
	$node->safe_psql('postgres', answer('(SELECT run || id AS id, curve FROM plain_rows) AS s', $suite, 'label 1')),
	'the same answers from the partitioned table');
foreach my $enabled ('off', 'on')
{
	my $query = "SELECT run, classify_metadata(curve, $suite) AS label, count(*) FROM %s GROUP BY 1, 2";
	my $settings = "$in_parallel SET enable_partitionwise_aggregate = $enabled;";
	my $plan = $node->safe_psql('postgres', "$settings EXPLAIN (VERBOSE, COSTS OFF) " . sprintf($query, 'samples'));

	like($plan, qr/Gather.*Partial.*Aggregate.*Parallel Append.*Parallel Seq Scan on public\.run_c_1/s,
		"partitionwise aggregates $enabled: the workers classify and count");
	is( $node->safe_psql('postgres', "$settings " . sprintf($query, 'samples') . ' ORDER BY 1, 2'),
		$node->safe_psql('postgres', sprintf($query, 'plain_rows') . ' ORDER BY 1, 2'),
		"partitionwise aggregates $enabled: the same counts");
}
unlike(
	$node->safe_psql('postgres', qq{
EXPLAIN (VERBOSE, COSTS OFF) SELECT classify_metadata(curve, $suite) FROM samples WHERE run = 'a'}),
	qr/run_[bc]/, 'other partitions are not read');
is( $node->safe_psql('postgres', "SELECT avg(curve)::text FROM samples WHERE run IN ('a', 'c')"),
	$node->safe_psql('postgres', "SET enable_partitionwise_aggregate = on; $in_parallel SELECT avg(curve)::text FROM samples WHERE run <> 'b'"),
	'aggregates of curves do not depend on it');

#
# Refreshes of both tag tables: all, none, changes, rows that move
#
my @tables = ('tags', 'parted_tags');
my $settings = "$in_parallel SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on";

foreach my $tags (@tables)
{
	is(refresh($tags, 'samples', $settings), '3000|0|0|0', "$tags: all rows of all partitions");
	is(state_of($tags, 'plain_rows'), '3000|0', "$tags: as without partitions");
	is(refresh($tags, 'samples', $settings), '0|0|0|3000', "$tags: nothing to do");
}
$node->safe_psql('postgres', q{
UPDATE samples SET curve[3] = 7.5 WHERE id % 100 = 7;
UPDATE samples SET run = 'b', id = id + 1000 WHERE run = 'a' AND id % 100 = 8;
UPDATE run_c SET id = id + 1000 WHERE id % 100 = 9;
DELETE FROM samples WHERE id % 100 = 10;
INSERT INTO samples SELECT run, 5000, NULL FROM unnest('{a,b,c}'::text[]) AS run;
ANALYZE;
});
foreach my $tags (@tables)
{
	is(refresh($tags, 'samples', $settings), '23|30|50|2920', "$tags: rows changed, moved, went and came");
	is(state_of($tags, 'plain_rows'), '2973|0', "$tags: all is true");
}

# What the classifying statement does, with its suite cut out
sub classifying_plan
{
	my ($tags, $source, $more) = @_;
	my $plan = $psql->run(qq{
RESET ALL;
$settings;
$more;
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_verbose = on;
SET client_min_messages = log;
CALL refresh_tags('$tags', '$source', 'suites');
RESET ALL});

	$plan =~ s/\Q{"version"\E.*?\]\}\]?\}'/.../g;
	my ($classifying) = $plan =~ /(CREATE TEMPORARY TABLE.*?)NOTICE/s;
	return $classifying // $plan;
}
my $plan = classifying_plan('tags', 'samples', '');
like($plan, qr/Gather.*Parallel Append.*Parallel Seq Scan on public\.run_c_1/s, 'it runs in parallel over all partitions');
$plan = classifying_plan('parted_tags', 'samples', '');
foreach my $part ('a', 'b', 'c_0', 'c_1')
{
	like($plan, qr/(?:Left|Right) Join  (?:(?!Join|Append).)*public\.(run|tags)_$part (?:(?!Join|Append).)*public\.(?!\1)(?:run|tags)_$part /s,
		"partitioned alike: $part is joined with its own tags");
}

#
# Partitions that come and go
#
$node->safe_psql('postgres', q{
ALTER TABLE samples ATTACH PARTITION run_d FOR VALUES IN ('d');
ALTER TABLE samples DETACH PARTITION run_b;
});
$node->safe_psql('postgres', q{
CREATE OR REPLACE VIEW plain_rows AS
	SELECT run, id, curve FROM run_a UNION ALL SELECT run, id, curve FROM run_d
	UNION ALL SELECT run, id, curve FROM run_c_0 UNION ALL SELECT run, id, curve FROM run_c_1});
like(
	error_of($node, q{CALL refresh_tags('parted_tags', 'samples', 'suites')}),
	qr/ERROR:  23514: no partition of relation "parted_tags" found for row/,
	'tags of a new run need a partition');
$node->safe_psql('postgres', q{CREATE TABLE tags_rest PARTITION OF parted_tags DEFAULT});
my $b = $node->safe_psql('postgres', 'SELECT count(*) FROM run_b');
foreach my $tags (@tables)
{
	is(refresh($tags, 'samples', $settings), "500|0|$b|" . (2973 - $b), "$tags: one run came, another went");
	is(state_of($tags, 'plain_rows'), 2973 - $b + 500 . '|0', "$tags: all is true");
}

# A run goes with its tags, without a refresh having to delete them.
$node->safe_psql('postgres', q{
DROP TABLE run_a;
ALTER TABLE parted_tags DETACH PARTITION tags_a;
CREATE OR REPLACE VIEW plain_rows AS
	SELECT run, id, curve FROM run_d UNION ALL SELECT run, id, curve FROM run_c_0
	UNION ALL SELECT run, id, curve FROM run_c_1;
} =~ s/DROP TABLE run_a/ALTER TABLE samples DETACH PARTITION run_a/r);
like(refresh('parted_tags', 'samples'), qr/^0\|0\|0\|\d+$/, 'both detached: nothing to do');
is(state_of('parted_tags', 'plain_rows') =~ s/.*\|//r, '0', 'all is true');

#
# One partition alone, which leaves the others unread and unlocked
#
$node->safe_psql('postgres', q{
UPDATE samples SET curve[0] = 7 WHERE id % 10 = 1;
UPDATE run_a SET curve[0] = 7 WHERE id % 10 = 1;
});
my $changed = $node->safe_psql('postgres', 'SELECT count(*) FROM run_c WHERE id % 10 = 1');
$psql->run('BEGIN; LOCK TABLE run_d, tags_rest IN ACCESS EXCLUSIVE MODE');
like(refresh('tags_c', 'run_c'), qr/^0\|$changed\|0\|/, 'a partition, itself partitioned');
like(refresh('tags_a', 'run_a'), qr/^0\|100\|0\|/, 'a table that was a partition');
$psql->run('ROLLBACK');
is(state_of('tags_c', 'run_c') =~ s/.*\|//r, '0', 'its tags are true');
is(refresh('parted_tags', 'samples') =~ s/^0\|(\d+)\|0\|.*/$1/r,
	$node->safe_psql('postgres', 'SELECT count(*) FROM run_d WHERE id % 10 = 1'),
	'a refresh of all does the rest');

# A tag table that is made for a partition can join those of its parent.
$node->safe_psql('postgres', q{
CREATE TABLE run_e PARTITION OF samples FOR VALUES IN ('e');
INSERT INTO samples SELECT 'e', id, curve FROM run_b;
SELECT create_tag_table('tags_e', 'run_e');
});
is(refresh('tags_e', 'run_e'), "$b|0|0|0", 'a new run, tagged by itself');
$node->safe_psql('postgres', q{ALTER TABLE parted_tags ATTACH PARTITION tags_e FOR VALUES IN ('e')});
like(refresh('parted_tags', 'samples'), qr/^0\|0\|0\|\d+$/, 'attached, it needs no refresh');

#
# By hash of the key, and without any key
#
$node->safe_psql('postgres', q{
CREATE TABLE hashed (id integer PRIMARY KEY, curve loss_curve) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE hashed_1 (curve loss_curve, id integer NOT NULL);
ALTER TABLE hashed ATTACH PARTITION hashed_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO hashed SELECT id, curve FROM run_b;
SELECT create_tag_table('hashed_tags', 'hashed');
CREATE TABLE keyless (id integer, curve loss_curve) PARTITION BY HASH (id);
CREATE TABLE keyless_0 PARTITION OF keyless FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE keyless_1 PARTITION OF keyless FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO keyless TABLE hashed;
SELECT create_tag_table('keyless_tags', 'keyless', '{id}');
});
is(refresh('hashed_tags', 'hashed', $settings), "$b|0|0|0", 'partitions by hash');
is(refresh('keyless_tags', 'keyless', $settings), "$b|0|0|0", 'partitions without a key');
is( $node->safe_psql('postgres', q{
SELECT count(*) FROM (SELECT id, label, score, distance FROM hashed_tags EXCEPT SELECT id, label, score, distance FROM keyless_tags) AS d}),
	'0', 'the same tags');
$node->safe_psql('postgres', 'INSERT INTO keyless SELECT id, curve FROM keyless WHERE id = 5');
like(
	error_of($node, q{CALL refresh_tags('keyless_tags', 'keyless', 'suites')}),
	qr/ERROR:  21000: public\.keyless has more than one row with the key \(5\)/,
	'two rows of one key in a partition');

$node->stop;
done_testing();
