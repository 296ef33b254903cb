# The dbt project in examples/dbt, rendered without dbt (test/dbt/render.py) and
# run on real curves: its tests pass, and each fails once its data are spoilt.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Recipes;
use Test::More;

plan skip_all => 'no jinja2 or yaml for /usr/bin/python3'
  unless has_python_modules('jinja2', 'yaml');

my ($json, $complaint) = run_command(
	[
		'/usr/bin/python3', "$Recipes::root/test/dbt/render.py",
		"$Recipes::root/examples/dbt", 'marts'
	]);
is($complaint, '', 'the project is rendered');
my @steps = @{ decode_json($json) };
my @models = grep { $_->{kind} eq 'model' } @steps;
my @tests = grep { $_->{kind} eq 'test' } @steps;

is_deeply([ map { $_->{name} } @models ], [ 'sample_tags', 'labelled_samples' ], 'models');

# The tables of the cookbook.
my $node = start_bare_node('main');
my ($load) = grep { $_->{code} =~ /^CREATE EXTENSION/ } recipes('doc/cookbook.md');
chdir $Recipes::root or die "cannot enter $Recipes::root: $!";
$node->safe_psql('postgres', "$load->{code} CREATE SCHEMA marts;");

my $build = join '', map { "$_->{sql};\n" } @models;
sub failing_rows
{
	my ($test, $spoil) = @_;

	return $node->safe_psql('postgres', "BEGIN; $spoil; $test->{sql}; ROLLBACK");
}

$node->safe_psql('postgres', $build) foreach 1 .. 2;
is($node->safe_psql('postgres', q{
SELECT count(*), count(tag), count(*) FILTER (WHERE is_suspect)
FROM marts.labelled_samples}),
	'8000|8000|716',
	'the models are tables, after two runs');

# What makes each test fail, and the rows that it then shows.
my %spoilt = (
	unique_sample_tags_id => [
		'DROP INDEX marts.sample_tags_id_idx; INSERT INTO marts.sample_tags SELECT * FROM marts.sample_tags WHERE id = 1',
		'1' ],
	not_null_sample_tags_id => [ 'UPDATE marts.sample_tags SET id = NULL WHERE id = 1', '' ],
	accepted_values_sample_tags_label => [ q{UPDATE marts.sample_tags SET label = 'else' WHERE id = 1}, 'else' ],
	unique_labelled_samples_id =>
	  [ 'INSERT INTO marts.labelled_samples SELECT * FROM marts.labelled_samples WHERE id = 1', '1' ],
	not_null_labelled_samples_id => [ 'UPDATE marts.labelled_samples SET id = NULL WHERE id = 1', '' ],
	not_null_labelled_samples_given_label =>
	  [ "UPDATE samples SET given_label = NULL WHERE id = 1; $build", '' ],
	not_null_labelled_samples_is_suspect =>
	  [ 'UPDATE marts.labelled_samples SET is_suspect = NULL WHERE id = 1', '' ],
	suspects_stay_below_bound => [
		qq{UPDATE samples SET curve = (SELECT curve FROM probes WHERE label = 'random_outputs' ORDER BY id LIMIT 1)
WHERE given_label = '3' AND id % 5 = 0; $build}, qr/^3\|\d+\|0\.2\d+$/ ]);

is_deeply([ sort map { $_->{name} } @tests ], [ sort keys %spoilt ], 'tests');
foreach my $test (@tests)
{
	my ($spoil, $rows) = @{ $spoilt{ $test->{name} } };

	is(failing_rows($test, 'SELECT WHERE false'), '', "$test->{name}: passes");
	is($node->safe_psql('postgres',
			"BEGIN; $spoil; SELECT count(*) FROM ($test->{sql}) AS failures; ROLLBACK"),
		'1', "$test->{name}: fails on spoilt data");
	like(failing_rows($test, $spoil), ref $rows ? $rows : qr/^\Q$rows\E$/,
		"$test->{name}: shows the row");
}

$node->stop;
done_testing();
