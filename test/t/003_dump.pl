# A database with the extension in it is dumped and restored by its owner, who
# is no superuser, and gives the same answers afterwards.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');
my $folder = $node->basedir;

$node->safe_psql(
	'postgres', q{
CREATE ROLE alice LOGIN;
CREATE DATABASE source OWNER alice TEMPLATE template0;
});

# As the owner, who may create a trusted extension; in a schema of its own.
my $alice = $node->connstr('source') . ' user=alice';
my $ok = $node->psql(
	'source', 'CREATE SCHEMA tools; CREATE EXTENSION metaprobe SCHEMA tools',
	connstr => $alice);
is($ok, 0, 'the owner of a database creates the extension');

# Curves with all that is special: missing epochs, extreme values, none at all;
# columns, indexes, views, constraints, domains and defaults that depend on the
# types and functions; settings of the suite.
my ($status, undef, $stderr) = $node->psql(
	'source', qq{
SET search_path = public, tools;
CREATE TABLE samples (
	id bigint PRIMARY KEY,
	curve loss_curve NOT NULL DEFAULT '[]',
	fixed loss_curve(3) DEFAULT '[1,null,3]',
	CHECK (epochs(curve) <= 100)
);
INSERT INTO samples SELECT n, (SELECT array_agg(
		CASE WHEN hashint8extended(n * 100 + e, $seed) % 10 <> 0
		THEN (hashint8extended(n * 100 + e, $seed + 1) % 1000) / 300.0 END)
	FROM generate_series(1, 1 + n % 24) AS e)::loss_curve
FROM generate_series(1, 200) AS n;
INSERT INTO samples VALUES (1001, '[]'), (1002, '[null,null]'),
	(1003, '[1e-45,3.4028235e38,-3.4028235e38,1.1754942e-38,-0,0.1,null]');
CREATE INDEX samples_curve ON samples (curve);
CREATE INDEX samples_hash ON samples USING hash (curve);
CREATE DOMAIN trace AS loss_curve CHECK (epochs(VALUE) > 0);
CREATE TABLE probes (id int, label text, curve trace);
INSERT INTO probes SELECT id, 'label ' || (id % 5)::text, curve FROM samples
	WHERE id < 100 AND observed_epochs(curve) > 0;
CREATE TABLE suites (name text PRIMARY KEY, suite probe_suite NOT NULL);
INSERT INTO suites SELECT 'plain', probe_suite_agg(label, curve, id::text) FROM probes;
INSERT INTO suites SELECT 'warped', configure_probe_suite(suite, 3, 'dtw', 'distance', 2) FROM suites;
INSERT INTO suites SELECT 'quoted', probe_suite_agg(E'a "label"\\nof \\\\ two lines \\u00e9', curve) FROM probes;
INSERT INTO suites SELECT 'fitted', (suite::text::jsonb || jsonb_build_object('metric', 'fitted', 'scale', 'log',
		'shrinkage', 0.3, 'calibration', '[0.1, 1.5]'::jsonb, 'matrix', (SELECT jsonb_agg(
			(CASE WHEN j = i THEN 1 ELSE 0.1 END / (3 + i + j))::float8 ORDER BY i, j)
		FROM generate_series(1, epochs) AS i, generate_series(1, i) AS j)))::text::probe_suite
	FROM suites, probe_suite_info(suite) WHERE name = 'plain';
CREATE VIEW live AS SELECT probe_suite_agg(label, curve, id::text) AS suite FROM probes;
CREATE VIEW tags AS SELECT id, (tag_metadata(curve, 'live'::regclass)).* FROM samples;
CREATE MATERIALIZED VIEW kept AS
	SELECT id, tag_metadata(curve, (SELECT suite FROM suites WHERE name = 'warped')) AS tag FROM samples;
CREATE INDEX samples_final ON samples ((curve[epochs(curve) - 1]));
CREATE INDEX samples_label ON samples (classify_metadata(curve,
	'{"k":1,"probes":[{"label":"a","curve":[1,2]},{"label":"b","curve":[3]}]}'::probe_suite));
SELECT create_tag_table('sample_tags', 'samples');
ALTER TABLE sample_tags ADD reviewed boolean DEFAULT false;
CALL refresh_tags('sample_tags', 'samples', 'live');
SELECT create_tag_table('fitted_tags', 'samples');
CREATE VIEW fitted AS SELECT suite FROM suites WHERE name = 'fitted';
CALL refresh_tags('fitted_tags', 'samples', 'fitted');
CREATE VIEW suspects AS SELECT s.id, s.curve, t.score FROM samples s JOIN sample_tags t USING (id)
	WHERE t.label = 'label 1' AND NOT t.reviewed;
SELECT create_loss_log('losses');
INSERT INTO losses (run, epoch, ids, losses) SELECT 'run ' || id % 2, epoch, ARRAY[id, -id], ARRAY[curve[epoch], 1.5]
	FROM samples, generate_series(0, 5) AS epoch WHERE curve[epoch] IS NOT NULL AND id < 1000;
CREATE TABLE mixtures AS SELECT small_loss_mixture(curve[0]) AS mixture FROM samples WHERE id < 1000;
CREATE FUNCTION worst() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC
	SELECT id FROM samples ORDER BY resample_curve(curve, 3) <-> '[1,2,3]' DESC, id LIMIT 1;
END;
ALTER DATABASE source SET metaprobe.default_suite = 'public.live';
}, connstr => $alice);
is($status, 0, 'the owner of a database uses the extension') or diag $stderr;

# All that is to survive, from the bytes of the values to the answers.
my $facts = join(";\n",
	'SET search_path = public, tools',
	'SELECT count(*), md5(string_agg(loss_curve_send(curve)::text, $$ $$ ORDER BY id)) FROM samples',
	'SELECT count(*), md5(string_agg(loss_curve_send(fixed)::text, $$ $$ ORDER BY id)) FROM samples',
	'SELECT count(*), md5(string_agg(probe_suite_send(suite)::text, $$ $$ ORDER BY name)) FROM suites',
	'SELECT name, (probe_suite_info(suite)).* FROM suites ORDER BY name',
	(map { answer('samples', $_, 'label 1') }
		  "(SELECT suite FROM suites WHERE name = 'plain')",
		"(SELECT suite FROM suites WHERE name = 'warped')",
		"(SELECT suite FROM suites WHERE name = 'fitted')",
		"'live'::regclass", "'probes'::regclass", undef),
	'SELECT count(*), md5(string_agg(tags::text, $$ $$ ORDER BY id)) FROM tags',
	'SELECT count(*), md5(string_agg(kept::text, $$ $$ ORDER BY id)) FROM kept',
	'SELECT count(*), md5(string_agg(suspects::text, $$ $$ ORDER BY id)) FROM suspects',
	'SELECT count(*), md5(string_agg(l::text, $$ $$ ORDER BY id)) FROM loss_curves($$losses$$, $$run 1$$) AS l',
	'SELECT mixture, noise_posterior(0.1, mixture) FROM mixtures',
	'SELECT worst()',
	'SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
	 WHERE attrelid = $$samples$$::regclass AND attnum > 0',
	'SELECT extname, extversion, extowner::regrole, extnamespace::regnamespace FROM pg_extension
	 ORDER BY 1',
	q{SET enable_seqscan = off},
	q{SELECT count(*) FROM samples WHERE curve = '[null,null]'},
	q{SELECT count(*) FROM samples WHERE curve >= '[0.5]' AND curve < '[2]'},
	# nothing to refresh, until something changes
	map { qq{SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY id)) FROM $_->[0] AS t;
		CALL refresh_tags('$_->[0]', 'samples', '$_->[1]');
		BEGIN;
		UPDATE samples SET curve[0] = 0.75 WHERE id % 5 = 0;
		DELETE FROM samples WHERE id % 5 = 1;
		CALL refresh_tags('$_->[0]', 'samples', '$_->[1]');
		SELECT count(*), md5(string_agg((to_jsonb(t) - 'tagged_at')::text, ' ' ORDER BY id)) FROM $_->[0] AS t;
		ROLLBACK} } [ 'sample_tags', 'live' ], [ 'fitted_tags', 'fitted' ]);

sub facts
{
	my ($dbname) = @_;
	my ($status, $stdout, $stderr) =
	  $node->psql($dbname, $facts,
		connstr => $node->connstr($dbname) . ' user=alice');

	die $stderr if $status != 0;
	return $stdout;
}

my $expected = facts('source');
like($expected, qr/^203\|/, 'facts to compare');
is(scalar(() = $expected =~ /^0\|0\|0\|203$/mg), 2, 'tags are current');
is(scalar(() = $expected =~ /^0\|\d+\|4\d\|\d+$/mg), 2, 'and change with their rows');

my %ways = (
	'text'      => [ [], ],
	'inserts'   => [ ['--inserts'] ],
	'custom'    => [ ['--format=custom'] ],
	'directory' => [ [ '--format=directory', '--jobs=2' ], ['--jobs=2'] ],
	# All but the extension, which is in another schema, as schemas are moved.
	'schema_text' => [ ['--schema=public'] ],
	'schema_custom' => [ [ '--schema=public', '--format=custom' ] ],
	# The extension's schema has nothing in it but what CREATE EXTENSION makes.
	'two_schemas' => [ [ '--schema=public', '--schema=tools', '--extension=metaprobe', '--format=custom' ] ]);
foreach my $way (sort keys %ways)
{
	my ($dump_options, $restore_options) = @{ $ways{$way} };
	my $path = "$folder/dump.$way";
	my $target = $node->connstr("restored_$way") . ' user=alice';

	$node->safe_psql('postgres',
		"CREATE DATABASE restored_$way OWNER alice TEMPLATE template0");
	$node->command_ok(
		[ 'pg_dump', @$dump_options, '--file', $path, '--dbname', $alice ],
		"$way: dump by the owner");
	if ($way =~ /schema/)
	{
		my $prepare = 'DROP SCHEMA public';
		$prepare .= '; CREATE SCHEMA tools; CREATE EXTENSION metaprobe SCHEMA tools' if $way =~ /^schema/;
		is($node->psql("restored_$way", $prepare, connstr => $target), 0, "$way: schemas are made");
	}
	my @restore =
	  -d $path || grep({ /^--format=custom/ } @$dump_options)
	  ? ('pg_restore', @{ $restore_options // [] }, '--exit-on-error', '--dbname', $target, $path)
	  : ('psql', '-X', '--quiet', '-v', 'ON_ERROR_STOP=1', '--dbname', $target, '--file', $path);
	$node->command_ok(\@restore, "$way: restore by the owner");

	# Settings of a database are restored with --create alone.
	$node->safe_psql('postgres',
		"ALTER DATABASE restored_$way SET metaprobe.default_suite = 'public.live'");
	is(facts("restored_$way"), $expected, "$way: the same after the restore");
}

# Settings and all, into a server of which the other knows nothing.  To set what
# no library has defined yet takes a grant, since a restore does not call any
# function first.
my $other = start_bare_node('other');
my $other_alice = $other->connstr('postgres') . ' user=alice';

$other->safe_psql(
	'postgres', q{
CREATE ROLE alice LOGIN CREATEDB;
GRANT SET ON PARAMETER metaprobe.default_suite TO alice;
});
$node->command_ok(
	[ 'pg_dump', '--create', '--file', "$folder/dump.create", '--dbname', $alice ],
	'whole database: dump by the owner');
$node->command_ok(
	[
		'psql', '-X', '--quiet', '-v', 'ON_ERROR_STOP=1', '--dbname',
		$other_alice, '--file', "$folder/dump.create"
	],
	'whole database: restore by the owner');
is( $other->safe_psql('source', $facts),
	$expected, 'whole database: the same after the restore');

# The owner can drop what she created.
is( $node->psql(
		'restored_text', 'DROP EXTENSION metaprobe CASCADE',
		connstr => $node->connstr('restored_text') . ' user=alice'),
	0,
	'the owner drops the extension');

$other->stop;
$node->stop;
done_testing();
