# Logical replication of curves, suites and tag tables, in text and in binary:
# the subscriber has the same values and gives the same answers, whatever is
# inserted, updated and deleted, also where a curve is part of what identifies
# a row.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use RealCurves;
use Test::More;

my $seed = random_seed();
my $publisher = start_node('publisher', allows_streaming => 'logical');
my $subscriber = start_node('subscriber', allows_streaming => 'logical');

# Each format has a database of its name.
my @formats = ('text', 'binary');

load_real_curves($publisher, samples => 250);

# keyed and full have the same rows: the one with a key, the other
# identified by all of a row, curve and suite included.  full has two rows that
# differ in one missing epoch.
my $gaps = random_gaps('curve', $seed, 'id');
$publisher->safe_psql(
	'postgres', qq{
CREATE TABLE keyed AS SELECT id, $gaps AS curve, curve::loss_curve(40) AS whole FROM samples;
ALTER TABLE keyed ADD PRIMARY KEY (id);
INSERT INTO keyed VALUES (-1, '[NaN,1,NaN]', NULL), (-2, ARRAY['NaN', '-0', 1e-45, 3e38]::real[]::loss_curve, NULL);
CREATE TABLE full_rows AS SELECT 1 + (id & 7) AS half, curve FROM keyed;
INSERT INTO full_rows VALUES (0, '[1,null]'), (0, '[1]'), (0, '[1,null]');
ALTER TABLE full_rows REPLICA IDENTITY FULL;
CREATE TABLE suites (name text, suite probe_suite);
ALTER TABLE suites REPLICA IDENTITY FULL;
INSERT INTO suites
	WITH s AS (SELECT probe_suite_agg(label, curve, id) AS suite FROM probes),
		f AS (SELECT fit_probe_suite(suite) AS suite FROM s)
	SELECT 'plain', suite FROM s
	UNION ALL SELECT 'dtw', configure_probe_suite(suite, metric => 'dtw', band => 3, weights => 'distance') FROM s
	UNION ALL SELECT 'fitted', suite FROM f
	UNION ALL SELECT 'small', probe_suite_agg(label, curve[0:n % 40]) FROM (SELECT label, curve, row_number() OVER (ORDER BY id) AS n FROM held_out LIMIT 60) AS p;
INSERT INTO suites SELECT 'fitted k', configure_probe_suite(suite, k => 3) FROM suites WHERE name = 'fitted';
SELECT create_tag_table('tags', 'keyed');
CALL refresh_tags('tags', 'keyed', 'probes');
CREATE TABLE wide AS SELECT id, resample_curve(curve, 3000) AS curve FROM samples WHERE id < 5;
ALTER TABLE wide REPLICA IDENTITY FULL;
CREATE PUBLICATION everything FOR TABLE keyed, full_rows, suites, tags, wide, probes;
});

foreach my $format (@formats)
{
	my $connection = $publisher->connstr('postgres') =~ s{'}{}gr;
	my $binary = $format eq 'binary' ? 'true' : 'false';

	$subscriber->safe_psql('postgres', qq{CREATE DATABASE "$format"});
	install_generators($subscriber, $format);
	$subscriber->safe_psql(
		$format, qq{
CREATE TABLE keyed (id integer PRIMARY KEY, curve loss_curve, whole loss_curve(40));
CREATE TABLE full_rows (half integer, curve loss_curve);
CREATE TABLE suites (name text, suite probe_suite);
CREATE TABLE wide (id integer, curve loss_curve);
CREATE TABLE probes (id text PRIMARY KEY, label text, curve loss_curve);
SELECT create_tag_table('tags', 'keyed');
CREATE SUBSCRIPTION "$format" CONNECTION '$connection' PUBLICATION everything WITH (binary = $binary);
});
}

# The content of all tables: that of stored bytes where there is a binary form.
my $content = q{
SELECT 'keyed', count(*), md5(string_agg(concat_ws(' ', id, encode(loss_curve_send(curve), 'hex'), whole), ';' ORDER BY id)) FROM keyed
UNION ALL SELECT 'full_rows', count(*), md5(string_agg(concat_ws(' ', half, encode(loss_curve_send(curve), 'hex')), ';' ORDER BY half, curve)) FROM full_rows
UNION ALL SELECT 'suites', count(*), md5(string_agg(concat_ws(' ', name, (probe_suite_info(suite)).hash, probe_suite_info(suite), encode(probe_suite_send(suite), 'hex')), ';' ORDER BY name)) FROM suites
UNION ALL SELECT 'tags', count(*), md5(string_agg(tags::text, ';' ORDER BY id)) FROM tags
UNION ALL SELECT 'wide', count(*), md5(string_agg(wide::text, ';' ORDER BY id)) FROM wide
UNION ALL SELECT 'probes', count(*), md5(string_agg(probes::text, ';' ORDER BY id)) FROM probes};
my @answers = map { answer('keyed', "(SELECT suite FROM suites WHERE name = '$_')", 'typical') }
  'plain', 'dtw', 'fitted', 'small', 'fitted k';
push @answers, answer('keyed', "'probes'::regclass", 'typical');

sub same_everywhere
{
	my ($name, @queries) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $script = join ";\n", $content, @queries;
	my $expected = $publisher->safe_psql('postgres', $script);

	foreach my $format (@formats)
	{
		$publisher->wait_for_catchup($format);
		is($subscriber->safe_psql($format, $script), $expected, "$format: $name");
	}
	return;
}

$subscriber->wait_for_subscription_sync($publisher, $_, $_) foreach @formats;
same_everywhere('the first copy', @answers);

$publisher->safe_psql(
	'postgres', q{
UPDATE keyed SET curve = curve || 0.25 WHERE id % 3 = 0;
UPDATE keyed SET curve[41] = NULL WHERE id % 5 = 0;
UPDATE keyed SET curve[2:4] = '[null,-7,1e30]' WHERE id % 7 = 0 AND epochs(curve) > 4;
UPDATE keyed SET id = id + 10000 WHERE id % 11 = 0;
DELETE FROM keyed WHERE id % 13 = 0;
INSERT INTO keyed SELECT id + 20000, smooth_curve(curve, 3), NULL FROM samples WHERE id % 17 = 0;
UPDATE full_rows SET curve = curve || curve WHERE half = 3;
UPDATE full_rows SET half = 9 WHERE half = 4;
DELETE FROM full_rows WHERE half = 5 AND observed_epochs(curve) % 2 = 0;
DELETE FROM full_rows WHERE half = 6 AND curve IS NULL;
DELETE FROM full_rows WHERE half = 0 AND curve = '[1]';
UPDATE wide SET id = id + 1;
UPDATE wide SET curve = curve[0:2000] WHERE id = 2;
DELETE FROM wide WHERE id = 3;
});
same_everywhere('updates and deletes');
is( $subscriber->safe_psql($_, 'SELECT curve, count(*) FROM full_rows WHERE half = 0 GROUP BY curve'),
	'[1,null]|2', "$_: the row that was deleted is the one with that curve")
  foreach @formats;


# Rows that are identified by a suite.
$publisher->safe_psql(
	'postgres', q{
UPDATE suites SET suite = configure_probe_suite(suite, k => 7) WHERE name = 'small';
UPDATE suites SET name = 'other' WHERE name = 'fitted k';
INSERT INTO suites SELECT 'fitted k', fit_probe_suite(suite) FROM suites WHERE name = 'plain';
DELETE FROM suites WHERE name = 'other';
});
same_everywhere('suites', @answers);

# Tags go on being refreshed by the publisher; a subscriber that has no use for
# these refreshes its own, and only what changed.
$publisher->safe_psql('postgres', q{CALL refresh_tags('tags', 'keyed', 'probes')});
same_everywhere('refreshed tags');
my $rows = $publisher->safe_psql('postgres', 'SELECT count(*) FROM keyed');
foreach my $format (@formats)
{
	is( $subscriber->safe_psql($format, q{CALL refresh_tags('tags', 'keyed', 'probes')}),
		"0|0|0|$rows", "$format: replicated tags are current there too");
	$subscriber->safe_psql($format, q{SELECT create_tag_table('own_tags', 'keyed'); CALL refresh_tags('own_tags', 'keyed', 'probes')});
}
my $changed = $publisher->safe_psql('postgres',
	q{UPDATE keyed SET curve = curve || '[0.5,null,0.25]' WHERE id % 19 = 1 RETURNING id}) =~ tr/\n// + 1;
my $deleted = $publisher->safe_psql('postgres', q{DELETE FROM keyed WHERE id % 19 = 2 RETURNING id}) =~ tr/\n// + 1;
foreach my $format (@formats)
{
	$publisher->wait_for_catchup($format);
	is( $subscriber->safe_psql($format, q{CALL refresh_tags('own_tags', 'keyed', 'probes')}),
		join('|', 0, $changed, $deleted, $rows - $changed - $deleted),
		"$format: a refresh there does what changed here");
	is( $subscriber->safe_psql($format, q{
SELECT count(*) FROM keyed LEFT JOIN own_tags AS t USING (id), tag_metadata(curve, 'probes'::regclass) AS m
WHERE (t.label, t.probability, t.score, t.runner_up, t.margin, t.distance, t.novelty)
	IS DISTINCT FROM (m.label, m.probability, m.score, m.runner_up, m.margin, m.distance, m.novelty)}),
		0,
		"$format: to tags that are what classification gives");
	is( $subscriber->safe_psql($format, q{SELECT apply_error_count, sync_error_count FROM pg_stat_subscription_stats WHERE subname = current_database()}),
		'0|0', "$format: no error on the way");
	$subscriber->safe_psql($format, "DROP SUBSCRIPTION \"$format\"");
}
$_->stop foreach $subscriber, $publisher;
done_testing();
