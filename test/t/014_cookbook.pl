# The cookbook and the README do what they say: every recipe runs, and prints
# what the document shows.

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

$node->init(
	extra => [ '--username=postgres', '--encoding=UTF8', '--no-locale' ]);
$node->start;

# A reader need not be a superuser.
$node->safe_psql('postgres', 'CREATE ROLE reader LOGIN CREATEDB');
$ENV{PGUSER} = 'reader';

# Recipes name files by their path in the repository.
chdir $Recipes::root or die "cannot enter $Recipes::root: $!";

my $has_torch = has_python_modules('psycopg', 'torch');

my @cookbook = recipes('doc/cookbook.md');
my ($create, $load) = @cookbook;

# 013_pg_cron.pl runs those that need pg_cron.
my @to_run = grep { $_->{code} !~ /\bcron\./ } @cookbook;
is(@cookbook - @to_run, 2, 'recipes left to the test of pg_cron');

my $psql = recipe_session($node);
check_recipes($node, $psql, 'doc/cookbook.md',
	grep { $_->{language} eq 'sql' || $has_torch } @to_run);
SKIP:
{
	skip 'no psycopg or torch for /usr/bin/python3', 1 unless $has_torch;
	is( scalar(grep { $_->{language} eq 'python' } @cookbook), 1, 'Python ran');
}
$psql->quit;

# README: its quick start on the same probes, and then its queries on the same
# samples.
my @readme = recipes('README.md');
my @start = grep { $_->{heading} eq 'Quick start' } @readme;
my @queries =
  grep { $_->{heading} =~ /^(The five most used queries|Keep tags current|Judge by your own data|Tune the suite)$/ } @readme;

is(scalar @start, 3, 'blocks of the quick start');
cmp_ok(scalar(grep { defined $_->{output} } @queries), '>=', 5, 'the five queries');

$node->safe_psql('postgres', 'CREATE DATABASE quick; CREATE DATABASE readme');
$psql = recipe_session($node, 'quick');
is( $psql->run(q{
CREATE TABLE losses (example_id bigint, epoch int, loss real);
INSERT INTO losses VALUES (2, 1, 0.5), (2, 0, 2.5);
}),
	'',
	'what the quick start takes for granted');
foreach my $recipe (@start)
{
	unlike(run_recipe($node, $psql, $recipe), qr/ERROR/, $recipe->{title});
	$psql->run(q{\copy probes FROM PROGRAM 'gzip -dc test/data/mnist/probes.csv.gz' (FORMAT csv, HEADER)})
	  if $recipe == $start[0];
}
like($psql->run('SELECT * FROM samples ORDER BY id'),
	qr/\[2\.3026,1\.91,null,0\.31\].*\[2\.5,0\.5\]/s, 'the curves of the quick start');
$psql->quit;

$psql = recipe_session($node, 'readme');
is(run_recipe($node, $psql, $load), '', 'the tables of the README');
$psql->run('SET client_min_messages = warning');
check_recipes($node, $psql, 'README.md',
	grep { defined $_->{output} } @queries);
unlike(run_recipe($node, $psql, $_), qr/ERROR/, $_->{title})
  foreach grep { !defined $_->{output} } @queries;
$psql->quit;

$node->stop;
done_testing();
