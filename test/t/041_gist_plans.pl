# The planner takes the index of curves where it is faster than a scan, and a
# scan where few rows meet a condition, in connections that have not used the
# library before.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 200_000;
my $node = start_node('main');

# What curves look like makes no difference to the planner; that they are many,
# and how many share a value, does.
my $make = q{
INSERT INTO %s SELECT n, n %% 3, n %% 10, n %% 100, n %% 1000,
		(array_fill(sin(n)::real, '{30}') || array_fill(sin(7 * n)::real, '{30}'))::loss_curve
	FROM generate_series(1, %d) AS n;};
my $columns =
  '(id bigint, run int, tenth int, hundredth int, thousandth int, curve loss_curve)';

sub make_table
{
	my ($table, $n, $indexes, $rest) = @_;

	$node->safe_psql('postgres',
			"CREATE TABLE $table $columns "
		  . ($rest // '') . ';'
		  . sprintf($make, $table, $n)
		  . "$indexes VACUUM ANALYZE $table;");
	return;
}

# Every call is a connection of its own.
sub plan_of
{
	my ($query, $before) = @_;

	return $node->safe_psql('postgres',
		($before // '') . "EXPLAIN (COSTS OFF) $query");
}

sub by_index
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, @query) = @_;

	like(plan_of(@query), qr/Index Scan using \w*curve.*Order By/s,
		"$name: by the index");
	return;
}

sub by_scan
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, @query) = @_;
	my $plan = plan_of(@query);

	unlike($plan, qr/Order By/, "$name: not by the index");
	like($plan, qr/Sort/, "$name: sorted");
	return;
}

# Start-up and total cost of the node that orders by the index
sub costs_of
{
	my ($query, $before) = @_;
	my $plan = $node->safe_psql('postgres',
		'SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;'
		  . ($before // '')
		  . "EXPLAIN $query");

	$plan =~ /\(cost=([\d.]+)\.\.([\d.]+) [^\n]*\n(?:\s+Index Cond[^\n]*\n)?\s+Order By/
	  or die "no search by the index:\n$plan";
	return ($1, $2);
}

sub nearest
{
	my ($table, $condition, $limit) = @_;

	return "SELECT id FROM $table "
	  . ($condition ? "WHERE $condition " : '')
	  . "ORDER BY curve <-> (SELECT curve FROM samples WHERE id = 7) LIMIT "
	  . ($limit // 10);
}

make_table('samples', $rows,
	'CREATE INDEX samples_curve ON samples USING gist (curve);
	ALTER TABLE samples ADD PRIMARY KEY (id);');

#
# One table
#

by_index('ten', nearest('samples'));
by_index('one in ten', nearest('samples', 'tenth = 7'));
by_index('one in a hundred', nearest('samples', 'hundredth = 7'));
by_scan('one in 1,000', nearest('samples', 'thousandth = 7'));
by_scan('one in 1,000 by l1',
	nearest('samples', 'thousandth = 7') =~ s/<->/<+>/r);
by_scan('most of the table', nearest('samples', undef, 100_000));
by_scan('behind an OFFSET', nearest('samples', undef, '10 OFFSET 100000'));
by_index('within a distance',
	nearest('samples', 'curves_within(curve, (SELECT curve FROM samples WHERE id = 7), 1)'));

# That the library is there in time is the support function's doing: nothing
# else of a query that compares with a subquery's curve loads it.
my $forget = q{UPDATE pg_proc SET prosupport = 0 WHERE prosupport = 'loss_curve_distance_support'::regproc;};

by_index(
	'one in 1,000, as PostgreSQL sees it by itself',
	nearest('samples', 'thousandth = 7'),
	"BEGIN; $forget");
by_scan(
	'one in 1,000, with the library loaded before',
	nearest('samples', 'thousandth = 7'),
	"SELECT metaprobe_version(); BEGIN; $forget");

#
# What is known of the LIMIT
#

my $prepare =
  'PREPARE search(bigint) AS ' . nearest('samples', 'thousandth = 7', '$1') . ';';

by_scan('a parameter, known', 'EXECUTE search(10)',
	"SET plan_cache_mode = force_custom_plan; $prepare");
by_index('a parameter, unknown: as PostgreSQL thinks',
	'EXECUTE search(10)',
	"SET plan_cache_mode = force_generic_plan; $prepare");
by_scan('no LIMIT', nearest('samples') =~ s/LIMIT.*//r);

my ($startup, $total) = costs_of(nearest('samples'));
my ($startup_rare, $total_rare) =
  costs_of(nearest('samples', 'thousandth = 7'));
my (undef, $total_all) = costs_of(nearest('samples') =~ s/LIMIT.*//r);

cmp_ok($startup, '<', $startup_rare, 'rare rows come later');
cmp_ok($startup_rare, '<=', $total_rare, 'but not after the last one');
cmp_ok(abs($total - $total_all), '<', $total_all / 1000,
	'all rows cost what they cost without a LIMIT');

#
# Beside other tables
#

by_index('joined with a row each',
	'SELECT s.id FROM samples AS s JOIN samples AS t ON t.id = s.id
	ORDER BY s.curve <-> (SELECT curve FROM samples WHERE id = 7) LIMIT 10');
by_index('for each row of another',
	'SELECT q.id, found.id FROM (SELECT * FROM samples LIMIT 5) AS q,
	LATERAL (SELECT s.id FROM samples AS s ORDER BY s.curve <-> q.curve LIMIT 3) AS found');
by_scan('for each row of another, few of many',
	'SELECT q.id, found.id FROM (SELECT * FROM samples LIMIT 5) AS q,
	LATERAL (SELECT s.id FROM samples AS s WHERE s.thousandth = 7 ORDER BY s.curve <-> q.curve LIMIT 10) AS found');

#
# Small tables
#

foreach my $n (1000, 5000, 16_000)
{
	make_table("small_$n", $n,
		"CREATE INDEX small_${n}_curve ON small_$n USING gist (curve);");
	by_index("of $n rows", nearest("small_$n"));
}

#
# Partitions
#

make_table(
	'parts', $rows,
	'CREATE INDEX parts_curve ON parts USING gist (curve);',
	'PARTITION BY LIST (run);'
	  . join('', map { "CREATE TABLE parts_$_ PARTITION OF parts FOR VALUES IN ($_);" } 0 .. 2));

my $merged = plan_of(nearest('parts'));

is(scalar(() = $merged =~ /Order By/g), 3, 'partitions: merged by their indexes');
by_index('partitions: one in a hundred', nearest('parts', 'hundredth = 8'));
by_scan('partitions: one in 1,000', nearest('parts', 'thousandth = 7'));
by_scan('partitions: one in 1,000 of one', nearest('parts', 'run = 2 AND thousandth = 7'));

#
# Partial indexes, and those of more columns
#

$node->safe_psql('postgres', 'DROP INDEX samples_curve');
$node->safe_psql('postgres',
	'CREATE INDEX rare_curve ON samples USING gist (curve) WHERE hundredth = 7; ANALYZE samples;');
by_index('a partial index', nearest('samples', 'hundredth = 7'));
by_index('a partial index of half of the rows, which it has all',
	nearest('samples', 'hundredth = 7 AND id > 100000'));
by_scan('one in 1,000 of a partial index',
	nearest('samples', 'hundredth = 7 AND id < 4000'));
$node->safe_psql('postgres', 'DROP INDEX rare_curve');

SKIP:
{
	skip 'this server has no btree_gist', 5
	  unless $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_available_extensions WHERE name = 'btree_gist'});
	$node->safe_psql('postgres', 'CREATE EXTENSION btree_gist;
		CREATE INDEX samples_run_curve ON samples USING gist (tenth, curve);');
	by_index('two columns', nearest('samples', 'tenth = 7'));
	by_scan('two columns, and one in a thousand of these rows',
		nearest('samples', 'tenth = 7 AND thousandth = 7'));
	my ($startup_of_tenth) = costs_of(nearest('samples', 'tenth = 7'));
	cmp_ok($startup_of_tenth, '<', $startup,
		'rows that the first column excludes are not paid for');
	by_index('another column\'s distance',
		'SELECT id FROM samples ORDER BY tenth <-> 7 LIMIT 10');
}

#
# What is not ours
#

$node->safe_psql('postgres', q{
CREATE TABLE points AS SELECT n AS id, n % 10000 AS part, point(sin(n), cos(n)) AS p FROM generate_series(1, 20000) AS n;
CREATE INDEX points_p_curve ON points USING gist (p);
ANALYZE points;});

my $points = q{SELECT id FROM points WHERE part = 7 ORDER BY p <-> point(0, 0) LIMIT 10};

is( join(' ', costs_of($points, 'SELECT metaprobe_version();')),
	join(' ', costs_of($points)),
	'indexes of others cost what they did');

$node->stop;
done_testing();
