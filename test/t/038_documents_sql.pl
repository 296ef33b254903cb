# The SQL of the documents that 014_cookbook.pl leaves out runs as it is printed: the blocks of a
# section in their order, after what it takes for granted.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Recipes;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');

$node->init(extra => [ '--username=postgres', '--encoding=UTF8', '--no-locale' ]);
$node->start;
chdir $Recipes::root or die "cannot enter $Recipes::root: $!";

# The tables that the documents speak of are those of the cookbook.
my ($create_database, $cookbook) = map { $_->{code} } recipes('doc/cookbook.md');

# The blocks of a document that are SQL.
sub blocks
{
	my ($document) = @_;

	return grep { $_->{language} eq 'sql' } recipes($document);
}

# A psql in a new database, where this has been done.
sub session_after
{
	my ($name, @setup) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	my $psql = recipe_session($node, $name);
	unlike($psql->run(join ";\n", @setup), qr/ERROR|FATAL/, "$name: what comes before");
	$psql->run('SET client_min_messages = warning');
	return $psql;
}

# Nothing fails, and a query finds something.
sub runs
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($psql, $code, $title) = @_;
	my $output = $psql->run($code);

	unlike($output, qr/ERROR|WARNING|FATAL/, $title);
	like($output, qr/^[-+]+\n./m, "$title: finds something") if $code =~ /(?:\A|;\n)SELECT/;
	return;
}

# The README's first block, and the one that installs.
my @readme = blocks('README.md');
my $psql = session_after('readme', $cookbook);
runs($psql, $readme[0]{code}, $readme[0]{title});
is($readme[0]{heading}, 'metaprobe', 'which is the first that a reader sees');
$psql->quit;
$psql = session_after('install');
runs($psql, $readme[-1]{code}, $readme[-1]{title});
is($readme[-1]{heading}, 'Install on your own server', 'which ends the installation');
$psql->quit;

# The reference.  One block shows the table that create_loss_log has made in the
# block before.
my $described = q{
SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attstorage,
		pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum)
	|| (SELECT string_agg(pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = attrelid)
	|| (SELECT string_agg(substring(pg_get_indexdef(indexrelid) FROM 'USING.*'), ', ') FROM pg_index WHERE indrelid = attrelid)
FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
WHERE attrelid = 'training'::regclass AND attnum > 0 GROUP BY attrelid};

$psql = session_after('reference', $cookbook, q{
CREATE VIEW mean_losses AS
SELECT id, (SELECT avg(loss) FROM unnest(curve::real[]) AS loss) AS loss FROM samples
});
foreach my $block (blocks('doc/reference.md'))
{
	my $is_log = $block->{code} =~ /^CREATE TABLE training/;
	my $made = $is_log ? $psql->run($described) : '';

	$psql->run($readme[0]{code});	# a reader has classified by now
	$psql->run('CREATE SCHEMA shown; SET search_path = shown, public') if $is_log;
	runs($psql, $block->{code}, $block->{title});
	is($psql->run($described), $made, "$block->{title}: is what create_loss_log makes") if $is_log;
	$psql->run('RESET search_path');
}
$psql->quit;

# The Python client's.
$psql = session_after('client', 'CREATE EXTENSION metaprobe');
my ($create_log, $read_log) = blocks('clients/python/README.md');
runs($psql, $create_log->{code}, $create_log->{title});
$psql->run(q{INSERT INTO loss_log (run, epoch, ids, losses) VALUES ('resnet-1', 0, '{1,2}', '{2.5,1.5}')});
runs($psql, $read_log->{code}, $read_log->{title});
$psql->quit;

# Scaling: partitions of a table, and another server.
sub section
{
	my ($heading) = @_;

	return grep { $_->{heading} =~ /^\Q$heading/ } blocks('doc/scaling.md');
}

my @partitions = section('Partitions');
$psql = session_after('partitions', $cookbook, 'ALTER TABLE samples RENAME TO examples');
runs($psql, $partitions[0]{code}, $partitions[0]{title});
is( $psql->run(q{
INSERT INTO samples SELECT CASE WHEN id % 2 = 0 THEN 'a' ELSE 'b' END, id, curve FROM examples;
CREATE TABLE by_hand AS SELECT run, id, classify_metadata(curve, (SELECT suite FROM suites)) AS label FROM samples;
}), '', 'rows of two runs');
runs($psql, $_->{code}, $_->{title}) foreach @partitions[ 1 .. $#partitions ];
like($psql->run(q{
\t
CALL refresh_tags('tags', 'samples', 'suites');
SELECT count(*), count(*) FILTER (WHERE tags.label = by_hand.label) FROM by_hand LEFT JOIN tags USING (run, id);
\t
}) =~ s/\s+/ /gr, qr/ 8000 \| 8000 $/, 'and the tags are right');
$psql->quit;

my ($connect, $view) = section('Other servers');
my ($there, $here) = $view->{code} =~ /^-- there\n(.*)^-- here\n(.*)/ms;
$psql = session_after('research', $cookbook, q{
SELECT create_tag_table('sample_tags', 'samples');
CALL refresh_tags('sample_tags', 'samples', 'suites')
});
runs($psql, $there, "$view->{title}: there");
$psql->quit;
$psql = session_after('here', 'CREATE EXTENSION metaprobe');
runs($psql, $connect->{code}, $connect->{title});
is( $psql->run(sprintf q{
ALTER SERVER north OPTIONS (SET host '%s', ADD port '%s');
CREATE USER MAPPING FOR PUBLIC SERVER north OPTIONS (user 'postgres');
CREATE SCHEMA north;
}, $node->host, $node->port), '', 'the way there');
runs($psql, $here, "$view->{title}: here");
$psql->quit;

# What no test has run would be seen here: 014_cookbook.pl knows the README's
# other sections, and Citus is not on this server.
is_deeply(
	[ sort map { $_->{heading} } grep { $_->{heading} !~ /Citus|cluster/i } blocks('doc/scaling.md') ],
	[ ('Other servers, by postgres_fdw') x 2, ('Partitions') x 3 ],
	'all sections of doc/scaling.md are known');
is(scalar blocks('clients/python/README.md'), 2, 'and all blocks of the client');

$node->stop;
done_testing();
