# Tag tables of distributed sources: co-located with them, refreshed on the shards,
# and after each refresh what a refresh on one node makes of the same rows.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use ThreeNodes;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_three_nodes(conf => 'log_min_duration_statement = -1');
my $seed = random_seed();

distribute_real_curves($coordinator, gaps => $seed, samples => 4000);
$coordinator->safe_psql('postgres', q{
CREATE TABLE suites AS SELECT suite FROM plain.suites;
CREATE TABLE reference_suites (suite probe_suite);
SELECT create_reference_table('reference_suites');
INSERT INTO reference_suites SELECT suite FROM plain.suites;
CREATE TABLE plain.one_suite AS SELECT suite FROM plain.suites;
SELECT create_tag_table('tags', 'samples');
SELECT create_tag_table('plain.tags', 'plain.samples')});

# Co-located, and with the source's distribution column
my $where = q{
SELECT partmethod, colocationid, column_to_column_name(logicalrelid, partkey)
FROM pg_dist_partition WHERE logicalrelid = '%s'::regclass};
is( $coordinator->safe_psql('postgres', sprintf($where, 'tags')),
	$coordinator->safe_psql('postgres', sprintf($where, 'samples')),
	'a tag table is co-located with its source');

sub refresh
{
	my ($tags, $source, $suite, @more) = @_;

	return $coordinator->safe_psql('postgres', "@more CALL refresh_tags('$tags', '$source', '$suite')");
}

# Refreshes both, and compares counts and all tags.
sub same_refresh
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $expected) = @_;
	my $here = refresh('tags', 'samples', 'suites');

	is($here, refresh('plain.tags', 'plain.samples', 'plain.one_suite'), "$name: counts as on one node");
	like($here, $expected, "$name: the right ones") if defined $expected;
	same_answer($coordinator, $name, "SELECT $tag_columns FROM tags");
	is(refresh('tags', 'samples', 'suites'), '0|0|0|' . $coordinator->safe_psql('postgres', 'SELECT count(*) FROM samples'),
		"$name: then there is nothing to do");
	return;
}

sub change
{
	my ($statements) = @_;

	$coordinator->safe_psql('postgres', $statements);
	$coordinator->safe_psql('postgres', "SET search_path = plain, public; $statements");
	return;
}

same_refresh('all rows new', qr/^4000\|0\|0\|0$/);
change(q{UPDATE samples SET curve[3] = 7.5 WHERE id % 100 = 7});
same_refresh('one row in a hundred changed', qr/^0\|\d+\|0\|\d+$/);
change(q{DELETE FROM samples WHERE id % 50 = 8});
same_refresh('rows went', qr/^0\|0\|80\|3920$/);
change(q{INSERT INTO samples SELECT id + 100000, run, is_mislabelled, curve FROM plain.samples WHERE id % 40 = 9});
same_refresh('rows came', qr/^\d\d+\|0\|0\|3920$/);
change(q{
UPDATE samples SET curve = NULL WHERE id % 100 = 11;
DELETE FROM samples WHERE id % 100 = 12;
INSERT INTO samples SELECT id + 200000, run, is_mislabelled, curve FROM plain.samples WHERE id % 100 = 13});
same_refresh('rows changed, went and came', qr/^[1-9]\d*\|[1-9]\d*\|[1-9]\d*\|\d+$/);
$coordinator->safe_psql('postgres', "UPDATE $_ SET suite = configure_probe_suite(suite, k => 7, weights => 'distance')")
  foreach 'suites', 'reference_suites', 'plain.one_suite';
same_refresh('another suite', qr/^0\|[1-9]\d*\|0\|0$/);
change(q{UPDATE samples SET curve[1] = 0.125 WHERE id % 10 = 1});
is(refresh('tags', 'samples', 'reference_suites'),
	refresh('plain.tags', 'plain.samples', 'plain.one_suite'),
	'a suite in a reference table');
same_answer($coordinator, 'a suite in a reference table', "SELECT $tag_columns FROM tags");

# A suite of distributed probes, live
$coordinator->safe_psql('postgres', q{
CREATE VIEW live_suite AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;
CREATE VIEW plain.live_suite AS SELECT probe_suite_agg(label, curve, id) AS suite FROM plain.probes});
is(refresh('tags', 'samples', 'live_suite'), refresh('plain.tags', 'plain.samples', 'plain.live_suite'),
	'a suite of distributed probes');
same_answer($coordinator, 'a suite of distributed probes', "SELECT $tag_columns FROM tags");
is(refresh('tags', 'samples', 'probes'), refresh('plain.tags', 'plain.samples', 'plain.probes'),
	'distributed probes by name');
same_answer($coordinator, 'distributed probes by name', "SELECT id, label, distance FROM tags");

# In batches, inside a transaction, and from a function
change(q{UPDATE samples SET curve[2] = 0.25 WHERE id % 5 = 1});
is( $coordinator->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'suites', batch_size => 100)}),
	$coordinator->safe_psql('postgres', q{CALL refresh_tags('plain.tags', 'plain.samples', 'plain.one_suite', batch_size => 100)}),
	'small batches');
same_answer($coordinator, 'small batches', "SELECT $tag_columns FROM tags");
change(q{UPDATE samples SET curve[2] = 0.5 WHERE id % 5 = 2});
refresh('tags', 'samples', 'suites', 'BEGIN;');
is($coordinator->safe_psql('postgres', q{
SELECT count(*) FROM tags JOIN samples USING (id) WHERE curve_hash <> coalesce(loss_curve_hash_extended(curve, 0), 0)}) > 0,
	1, 'a refresh that is rolled back has changed nothing');
refresh('plain.tags', 'plain.samples', 'plain.one_suite');
$coordinator->safe_psql('postgres', q{BEGIN; CALL refresh_tags('tags', 'samples', 'suites'); COMMIT});
same_answer($coordinator, 'in a transaction', "SELECT $tag_columns FROM tags");

# As a user who is no superuser
$coordinator->safe_psql('postgres', q{
CREATE ROLE tagger LOGIN;
CREATE SCHEMA owned AUTHORIZATION tagger;
GRANT SELECT ON samples, suites TO tagger});
my $rows = $coordinator->safe_psql('postgres', 'SELECT count(*) FROM samples');
is( $coordinator->safe_psql('postgres', q{
SET ROLE tagger;
SELECT create_tag_table('owned.tags', 'samples');
CALL refresh_tags('owned.tags', 'samples', 'suites')}, extra_params => [ '-U', 'tagger' ]),
	"owned.tags\n$rows|0|0|0", 'a plain user makes a tag table and refreshes it');
same_answer($coordinator, 'as a plain user', "SELECT $tag_columns FROM owned.tags",
	plain => "SELECT $tag_columns FROM plain.tags");
like(error_of($coordinator, q{SET ROLE tagger; CALL refresh_tags('tags', 'samples', 'suites')}),
	qr/ERROR:  42501/, 'and of none but his own');

# Sources that are distributed in other ways, refreshed in full, after changes,
# and in small batches
sub other_source
{
	my ($name, $create, $keys, $distribution) = @_;

	$coordinator->safe_psql('postgres', qq{
CREATE TABLE plain.other AS SELECT id, run, curve FROM plain.samples WHERE id < 1000;
CREATE TABLE other (LIKE plain.other, PRIMARY KEY ($keys));
$create;
INSERT INTO other TABLE plain.other;
ALTER TABLE plain.other ADD PRIMARY KEY ($keys);
SELECT create_tag_table('other_tags', 'other');
SELECT create_tag_table('plain.other_tags', 'plain.other')});
	like($coordinator->safe_psql('postgres', sprintf($where, 'other_tags')), $distribution, "$name: the tags are so as well");
	foreach my $change ('SELECT', 'UPDATE other SET curve[2] = 5 WHERE id % 9 = 1; DELETE FROM other WHERE id % 9 = 2')
	{
		change($change);
		is( $coordinator->safe_psql('postgres', q{CALL refresh_tags('other_tags', 'other', 'suites', batch_size => 90)}),
			refresh('plain.other_tags', 'plain.other', 'plain.one_suite'), "$name: counts as on one node");
		same_answer($coordinator, $name, "SELECT $tag_columns FROM other_tags");
	}
	$coordinator->safe_psql('postgres', 'DROP TABLE other, other_tags, plain.other, plain.other_tags');
	return;
}
other_source('a reference table', q{SELECT create_reference_table('other')}, 'id', qr/^n\|/);
other_source('a table of one shard', q{SELECT create_distributed_table('other', NULL, colocate_with => 'none')}, 'id', qr/^n\|/);
other_source('a key of two columns, by the first', q{SELECT create_distributed_table('other', 'run', colocate_with => 'none')}, 'run, id', qr/^h\|\d+\|run$/);
other_source('a key of two columns, by the second', q{SELECT create_distributed_table('other', 'id', colocate_with => 'none')}, 'run, id', qr/^h\|\d+\|id$/);
other_source('partitions', q{
DROP TABLE other;
CREATE TABLE other (LIKE plain.other, PRIMARY KEY (run, id)) PARTITION BY LIST (run);
CREATE TABLE other_0 PARTITION OF other FOR VALUES IN ('run 0');
CREATE TABLE other_1 PARTITION OF other DEFAULT;
SELECT create_distributed_table('other', 'id')}, 'run, id', qr/^h\|\d+\|id$/);

# A view of distributed rows
$coordinator->safe_psql('postgres', q{
CREATE VIEW one_run AS SELECT id, curve FROM samples WHERE run = 'run 1';
CREATE VIEW plain.one_run AS SELECT id, curve FROM plain.samples WHERE run = 'run 1';
SELECT create_tag_table('plain.one_run_tags', 'plain.one_run', '{id}');
SELECT create_tag_table('one_run_tags', 'one_run', '{id}')});
like(error_of($coordinator, q{CALL refresh_tags('one_run_tags', 'one_run', 'suites')}),
	qr/ERROR:  0A000: .*distributed table "samples"\nHINT: .*create_distributed_table/s, 'a view: its tag table must be distributed');
$coordinator->safe_psql('postgres', q{SELECT create_distributed_table('one_run_tags', 'id', colocate_with => 'samples')});
is(refresh('one_run_tags', 'one_run', 'suites'), refresh('plain.one_run_tags', 'plain.one_run', 'plain.one_suite'), 'a view: counts as on one node');
same_answer($coordinator, 'a view', "SELECT $tag_columns FROM one_run_tags");

# Tables that do not lie together
$coordinator->safe_psql('postgres', q{
CREATE TABLE astray (LIKE tags INCLUDING ALL);
CREATE TABLE lone (LIKE tags INCLUDING ALL);
SELECT create_distributed_table('astray', 'id', colocate_with => 'none')});
like(error_of($coordinator, "CALL refresh_tags('$_', 'samples', 'suites')"),
	qr/ERROR:  0A000: .*\nHINT: .*create_tag_table/, "$_: tags must lie with their rows")
  foreach 'astray', 'lone';

# What travels: the coordinator never asks for curves.
change(q{UPDATE samples SET curve[2] = 0.75 WHERE id % 5 = 3});
my $said = (
	$coordinator->psql(
		'postgres', q{
SET citus.log_remote_commands = on;
SET client_min_messages = debug1;
CALL refresh_tags('tags', 'samples', 'suites')}))[2];
$said =~ s/\Q{"version"\E.*?\]\}\]?\}'/...'/g;
unlike($said, qr/Collecting INSERT \.\.\. SELECT results on coordinator/, 'no INSERT ... SELECT is pulled to the coordinator');
unlike($said, qr/performing repartitioned INSERT/, 'nor are rows sent from worker to worker');
my @commands = $said =~ /issuing (.*)/g;
my @writing = grep { /^(?:INSERT INTO|UPDATE|DELETE FROM) public\.tags_\d+ .*public\.samples_\d+ / } @commands;
cmp_ok(scalar @writing, '>=', $shards, 'each shard of the tags is written by a command about the shard of its rows');
is(join("\n", grep { /COPY .* FROM STDIN/i } @commands), '', 'no rows are copied to the workers');

$_->stop foreach $coordinator, @workers;
done_testing();
