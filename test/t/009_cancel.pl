# Long computations are cancelled soon, and leave nothing behind that would
# make the next answer wrong.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = start_node('main');

# Each would take long: curves of many epochs, just as many as one distance
# takes without looking up, or few; long suites; many probes.  "small" has the
# same labels and is answered at once.
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION line(epochs bigint, slope float8) RETURNS loss_curve LANGUAGE sql IMMUTABLE AS
	$$ SELECT resample_curve(ARRAY[0, slope * (epochs - 1)]::loss_curve, epochs) $$;
CREATE FUNCTION lines(n bigint, epochs bigint) RETURNS probe_suite LANGUAGE sql IMMUTABLE AS
	$$ SELECT configure_probe_suite(probe_suite_agg('label ' || (i % 2)::text, line(epochs, i)), metric => 'dtw')
	FROM generate_series(1, n) AS i $$;
CREATE TABLE suites AS
	SELECT name, lines(n, epochs) AS suite FROM (VALUES
		('small', 5, 5), ('longest', 100, 16000), ('thousand', 2000, 999), ('short', 20000, 100)
	) AS v(name, n, epochs);
INSERT INTO suites SELECT 'plain', configure_probe_suite(suite, metric => 'l2') FROM suites WHERE name = 'short';
CREATE TABLE rows AS SELECT line(16000, 1.5) AS curve;
CREATE FUNCTION small() RETURNS probe_suite LANGUAGE sql STABLE AS
	$$ SELECT suite FROM suites WHERE name = 'small' $$;
});

# The bound is generous, for machines that have a lot else to do; the work
# itself would take minutes.
my $bound = 10;
my $answer = q{SELECT string_agg(classify_metadata(line(5, i), small()), ' ') FROM generate_series(1, 5) AS i};
my $right = 'label 1 label 1 label 1 label 1 label 1';
my $session = session($node);

is($session->run($answer), $right, 'the answer at first');
$session->run('\set VERBOSITY terse');

sub is_cancelled
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $sql) = @_;
	my $start = time;
	my $output = $session->run(
		"SET statement_timeout = '200ms'; $sql; RESET statement_timeout");
	my $took = time - $start;

	like($output, qr/ERROR:  canceling statement due to statement timeout/,
		"$name: is cancelled");
	cmp_ok($took, '<', $bound, "$name: soon");
	is($session->run("RESET statement_timeout; $answer"), $right, "$name: the next answer is right");
	return;
}

my $stored = "(SELECT suite FROM suites WHERE name = '%s')";
foreach my $suite ('longest', 'thousand', 'short')
{
	my $value = sprintf $stored, $suite;

	is_cancelled("DTW classification, $suite", "SELECT classify_metadata(curve, $value) FROM rows")
	  unless $suite eq 'short';
	is_cancelled("DTW confusion, $suite", "SELECT * FROM probe_suite_confusion($value)");
	is_cancelled("DTW tags, $suite",
		"SELECT tag_metadata(curve, configure_probe_suite($value, k => 100)) FROM rows");
}
is_cancelled('DTW distance', 'SELECT count(curve <~> line(16000, i)) FROM rows, generate_series(1, 100) AS i');
is_cancelled('confusion', 'SELECT * FROM probe_suite_confusion(' . sprintf($stored, 'plain') . ')');
is_cancelled('fit to many probes', 'SELECT fit_probe_suite(' . sprintf($stored, 'plain') . ')');
is_cancelled('fit to many epochs', 'SELECT * FROM probe_suite_candidates(configure_probe_suite('
	  . sprintf($stored, 'thousand') . q{, metric => 'l2'))});
is_cancelled('novelty of many',
	'SELECT tag_metadata(curve, configure_probe_suite(' . sprintf($stored, 'plain') . ', k => 20000)) FROM rows');
is_cancelled('nearest_probes',
	'SELECT count(*) FROM generate_series(1, 10000) AS i, nearest_probes(line(5, i), ' . sprintf($stored, 'plain') . ', 20000)');
is_cancelled('an aggregate of many',
	q{SELECT probe_suite_agg('a', line(2, i)) FROM generate_series(1, 1000000) AS i});
$node->safe_psql('postgres',
	q{CREATE VIEW slow AS SELECT probe_suite_agg('a', '[1]') AS suite
	WHERE pg_sleep(100) IS NOT NULL});
is_cancelled('a relation that is slow to read',
	q{SELECT classify_metadata('[1]', 'slow'::regclass)});

# In PL/pgSQL the same call goes on after it was cancelled.
is( $session->run(q{
CREATE FUNCTION label_within(suite_name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	s probe_suite := (SELECT suite FROM suites WHERE name = suite_name);
	c loss_curve := (SELECT curve FROM rows);
	said text;
BEGIN
	said := classify_metadata(c, s);
	RETURN said;
EXCEPTION WHEN query_canceled THEN
	RETURN 'cancelled';
END $$;
SET statement_timeout = '300ms';
SELECT label_within('small'), label_within('longest');
RESET statement_timeout;
SELECT label_within('small')}),
	"label 1|cancelled\nlabel 1",
	'PL/pgSQL goes on after a cancel');

# In parallel workers
like(
	$session->run(q{
CREATE TABLE many AS SELECT i, '[1,2,3]'::loss_curve AS curve FROM generate_series(1, 10000) AS i;
ANALYZE many;
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_leader_participation = off;
SET statement_timeout = '500ms';
SELECT classify_metadata(resample_curve(curve, 16000), (SELECT suite FROM suites WHERE name = 'longest')) FROM many;
RESET ALL}),
	qr/ERROR:  canceling statement due to statement timeout/,
	'parallel workers are cancelled');
is($session->run("RESET ALL; $answer"), $right, 'and the next answer is right');
ok( $node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'}),
	'no worker goes on');

$session->quit;
$node->stop;
done_testing();
