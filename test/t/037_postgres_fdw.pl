# Curves on another server, through postgres_fdw: what is computed there, what
# travels, and that the answers are those that the other server gives itself.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');
my ($host, $port) = ($node->host, $node->port);

# The other server is another database, which comes to the same.
$node->safe_psql('postgres', 'CREATE DATABASE far');
install_generators($node, 'far');
$node->safe_psql(
	'far', qq{
CREATE TABLE samples AS
	SELECT n AS id, 'run ' || n % 2 AS run, 'label ' || n % 5 AS label, random_curve($seed, n, 12) AS curve
	FROM generate_series(1, 1000) AS n;
ALTER TABLE samples ADD PRIMARY KEY (id);
CREATE TABLE run_0 AS SELECT * FROM samples WHERE run = 'run 0';
CREATE TABLE run_1 AS SELECT * FROM samples WHERE run = 'run 1';
CREATE TABLE probes AS
	SELECT n::text AS id, 'label ' || n % 5 AS label, random_curve($seed + 1, n, 12) AS curve
	FROM generate_series(1, 100) AS n;
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;
CREATE VIEW tagged AS
	SELECT id, run, label AS given_label, classify_metadata(curve, (SELECT suite FROM suites)) AS label FROM samples;
SELECT create_tag_table('tags', 'samples');
CALL refresh_tags('tags', 'samples', 'suites');
});
$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION postgres_fdw;
CREATE SERVER shipping FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '$host', port '$port', dbname 'far', extensions 'metaprobe', async_capable 'true', fdw_tuple_cost '0.5');
CREATE SERVER fetching FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '$host', port '$port', dbname 'far');
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw
	OPTIONS (host '$host', port '$port', dbname 'far', extensions 'metaprobe', async_capable 'true', fdw_tuple_cost '0.5');
CREATE USER MAPPING FOR CURRENT_USER SERVER shipping;
CREATE USER MAPPING FOR CURRENT_USER SERVER other;
CREATE USER MAPPING FOR CURRENT_USER SERVER fetching;
CREATE SCHEMA far;
IMPORT FOREIGN SCHEMA public LIMIT TO (samples, probes, suites, tagged, tags) FROM SERVER shipping INTO far;
CREATE SCHEMA fetched;
IMPORT FOREIGN SCHEMA public LIMIT TO (samples) FROM SERVER fetching INTO fetched;
CREATE TABLE suites AS SELECT suite FROM far.suites;

-- One table of two runs, each on a server of its own
CREATE TABLE runs (id integer, run text, label text, curve loss_curve) PARTITION BY LIST (run);
CREATE FOREIGN TABLE run_0 PARTITION OF runs FOR VALUES IN ('run 0') SERVER shipping;
CREATE FOREIGN TABLE run_1 PARTITION OF runs FOR VALUES IN ('run 1') SERVER other;
ANALYZE runs;
ANALYZE run_0;
ANALYZE run_1;
});
my $literal = $node->safe_psql('postgres', q{SELECT quote_literal(suite) || '::probe_suite' FROM suites});
my $suite = '(SELECT suite FROM suites)';
my $curve = q{'[2.3,1.5,1,1,0.8,0.7,0.5,0.5,0.5,0.5,0.5,0.5]'};

# The plan of a query, with suites cut out
sub plan_of
{
	my ($query, $settings) = @_;
	my $plan = $node->safe_psql('postgres', ($settings // '') . "EXPLAIN (VERBOSE, COSTS OFF) $query");

	return $plan =~ s/\Q{"version"\E.*?\]\}\]?\}'/...'/gr;
}

# A query whose remote SQL looks so; its answer is what the other database, of
# which the foreign tables are, says by itself.
sub ships
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $query, $remote, $settings) = @_;

	like(plan_of($query, $settings), qr/Remote SQL: $remote/, "$name: the other server computes it");
	is( $node->safe_psql('postgres', ($settings // '') . $query),
		$node->safe_psql('far', $query =~ s/\b(?:far\.|runs\b)/$& eq 'runs' ? 'samples' : ''/ger),
		"$name: and gives its own answer");
	return;
}

sub does_not_ship
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $query) = @_;

	unlike(plan_of($query), qr/Remote SQL: [^\n]*(?:classify_metadata|label_score|tag_metadata|distance|<->)/,
		"$name: is computed here");
	is( $node->safe_psql('postgres', $query),
		$node->safe_psql('far', $query =~ s/\b(?:far|fetched)\.//gr),
		"$name: the answer is the same");
	return;
}

#
# What runs there
#
ships('a filter by an operator', "SELECT id FROM far.samples WHERE curve <-> $curve < 1.5 ORDER BY id",
	qr/SELECT id FROM public\.samples WHERE .*OPERATOR\(public\.<->\)/);
ships('a filter by a function', "SELECT id FROM far.samples WHERE dtw_distance(curve, $curve, 3) < 1.2 ORDER BY id",
	qr/SELECT id FROM public\.samples WHERE .*public\.dtw_distance\(/);
foreach my $operator ('<->', '<+>', '<=>', '<~>')
{
	ships("the nearest by $operator", "SELECT id FROM far.samples ORDER BY curve $operator $curve, id LIMIT 5",
		qr/SELECT id, curve FROM public\.samples ORDER BY \(curve OPERATOR\(public\.\Q$operator\E\)/);
}
ships('labels, counted, by a constant suite',
	"SELECT label, count FROM (SELECT classify_metadata(curve, $literal) AS label, count(*) FROM far.samples GROUP BY 1) AS c ORDER BY label",
	qr/SELECT public\.classify_metadata\(curve, '\.\.\.'::public\.probe_suite\), count\(\*\) FROM public\.samples GROUP BY 1/);
ships('labels, counted, by a suite from here',
	"SELECT label, count FROM (SELECT classify_metadata(curve, $suite) AS label, count(*) FROM far.samples GROUP BY 1) AS c ORDER BY label",
	qr/SELECT public\.classify_metadata\(curve, \$1::public\.probe_suite\), count\(\*\) FROM public\.samples GROUP BY 1/);
ships('labels, counted, by a suite from there',
	"SELECT label, count FROM (SELECT classify_metadata(curve, (SELECT suite FROM far.suites)) AS label, count(*) FROM far.samples GROUP BY 1) AS c ORDER BY label",
	qr/SELECT public\.classify_metadata\(curve, \$1::public\.probe_suite\), count\(\*\) FROM public\.samples GROUP BY 1/);
ships('rows whose label differs from a column',
	"SELECT id FROM far.samples WHERE classify_metadata(curve, $suite) <> label ORDER BY id",
	qr/SELECT id FROM public\.samples WHERE \(\(public\.classify_metadata\(curve, \$1::public\.probe_suite\) <> label\)\)/);
ships('rows ranked by the score of a column',
	"SELECT id FROM far.samples ORDER BY label_score(curve, label, $suite) DESC, id LIMIT 9",
	qr/SELECT id, label, curve FROM public\.samples ORDER BY public\.label_score\(curve, label, \$1::public\.probe_suite\) DESC/);
ships('mean and deviation', 'SELECT label, avg(curve), stddev(curve) FROM far.samples GROUP BY label ORDER BY label',
	qr/SELECT label, public\.avg\(curve\), public\.stddev\(curve\) FROM public\.samples GROUP BY 1/);
ships('a suite', 'SELECT probe_suite_agg(label, curve, id)::text FROM far.probes',
	qr/SELECT public\.probe_suite_agg\(label, curve, id\) FROM public\.probes/);
ships('a view that classifies, with a filter', q{SELECT id FROM far.tagged WHERE label = 'label 1' ORDER BY id},
	qr/SELECT id FROM public\.tagged WHERE \(\(label = 'label 1'\)\)/);
ships('a tag table', q{SELECT label, count(*) FROM far.tags WHERE probability > 0.5 GROUP BY 1 ORDER BY 1},
	qr/SELECT label, count\(\*\) FROM public\.tags WHERE .*probability.* GROUP BY 1/);

#
# What does not: output of a scan, text compared with a constant, composites,
# and what is not immutable
#
does_not_ship('a list of labels', "SELECT id, classify_metadata(curve, $suite) FROM far.samples ORDER BY id");
does_not_ship('rows of a label', "SELECT id FROM far.samples WHERE classify_metadata(curve, $suite) = 'label 1' ORDER BY id");
does_not_ship('rows ranked by the score of a label',
	"SELECT id FROM far.samples ORDER BY label_score(curve, 'label 1', $suite) DESC, id LIMIT 9");
does_not_ship('a tag', "SELECT id FROM far.samples WHERE (tag_metadata(curve, $suite)).score > 0.6 ORDER BY id");
does_not_ship('the name of a relation',
	"SELECT label, count FROM (SELECT classify_metadata(curve, 'suites'::regclass) AS label, count(*) FROM far.samples GROUP BY 1) AS c ORDER BY label");
does_not_ship('a server without the option', "SELECT id FROM fetched.samples WHERE curve <-> $curve < 1.5 ORDER BY id");

#
# Partitions on other servers
#
my $partitionwise = 'SET enable_partitionwise_aggregate = on; ';
my $by_run = "SELECT run, label, count FROM (SELECT run, classify_metadata(curve, $suite) AS label, count(*) FROM runs GROUP BY 1, 2) AS c ORDER BY run, label";

ships('labels by run', $by_run, qr/SELECT run, public\.classify_metadata\(curve, \$1::public\.probe_suite\), count\(\*\) FROM public\.run_0 GROUP BY 1, 2/,
	$partitionwise);
like(plan_of($by_run, $partitionwise), qr/Append.*Async Foreign Scan.*run_0.*Async Foreign Scan.*run_1/s,
	'both servers at once, through a connection each');
ships('the nearest of all partitions', "SELECT id FROM runs ORDER BY curve <-> $curve, id LIMIT 5",
	qr/SELECT .* FROM public\.run_1 ORDER BY \(curve OPERATOR\(public\.<->\)/);

# A refresh reads all curves here, so it is better run where they are.
$node->safe_psql('postgres', q{SELECT create_tag_table('tags', 'runs', '{run,id}')});
is($node->safe_psql('postgres', q{CALL refresh_tags('tags', 'runs', 'suites')}), '1000|0|0|0', 'tags of foreign partitions');
is( $node->safe_psql('postgres', q{
SELECT count(*) FROM tags AS t JOIN far.tags AS f USING (id)
WHERE (t.label, t.score, t.novelty, t.curve_hash, t.suite_hash) = (f.label, f.score, f.novelty, f.curve_hash, f.suite_hash)}),
	'1000', 'they are those that the other server has made');
$node->safe_psql('far', 'UPDATE run_1 SET curve[2] = 7 WHERE id <= 100');
is($node->safe_psql('postgres', q{CALL refresh_tags('tags', 'runs', 'suites')}), '0|50|0|950', 'and follow what changes there');

$node->stop;
done_testing();
