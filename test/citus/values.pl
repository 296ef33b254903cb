# Curves in distributed tables: the extension on every node, values by text and
# binary COPY, missing epochs and what is no loss, operators and functions,
# changes of single epochs.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use ThreeNodes;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_three_nodes();
my $seed = random_seed();

# Citus brings types, functions and settings to the workers itself.
my $version = $coordinator->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'metaprobe'});
is_deeply(
	[ on_every_node(q{SELECT extversion FROM pg_extension WHERE extname = 'metaprobe'}, @workers) ],
	[ $version, $version ],
	'CREATE EXTENSION on the coordinator makes it on the workers');
my @objects = on_every_node(
	q{
SELECT md5(string_agg(object, ' ' ORDER BY object COLLATE "C")) || count(*)
FROM pg_depend AS d, pg_extension AS e, pg_describe_object(classid, objid, objsubid) AS object
WHERE refobjid = e.oid AND refclassid = 'pg_extension'::regclass AND deptype = 'e' AND extname = 'metaprobe'},
	$coordinator, @workers);
is_deeply([ @objects[ 1, 2 ] ], [ @objects[ 0, 0 ] ], 'with the same objects');

distribute_real_curves($coordinator, gaps => $seed);
my $columns = 'id, run, curve::text, epochs(curve), observed_epochs(curve), loss_curve_hash_extended(curve, 7)';

#
# Values
#
same_answer($coordinator, 'values by INSERT ... SELECT', "SELECT $columns FROM samples");
foreach my $binary ('off', 'on')
{
	same_answer($coordinator, "values, citus.enable_binary_protocol $binary",
		"SELECT $columns, curve FROM samples", settings => "SET citus.enable_binary_protocol = $binary");
}
my $directory = PostgreSQL::Test::Utils::tempdir();
foreach my $format ('text', 'csv', 'binary')
{
	my ($from, $back) = map { "$directory/$_.$format" } 'from', 'back';

	$coordinator->safe_psql('postgres', qq{
COPY (SELECT id, run, is_mislabelled, curve FROM plain.samples ORDER BY id) TO '$from' (FORMAT $format);
TRUNCATE samples;
COPY samples FROM '$from' (FORMAT $format);
COPY (SELECT id, run, is_mislabelled, curve FROM samples ORDER BY id) TO '$back' (FORMAT $format)});
	same_answer($coordinator, "values by COPY, $format", "SELECT $columns FROM samples");
	is(slurp_file($back), slurp_file($from), "COPY, $format: what goes in comes out");
}

# What is a loss on one node is one on all, and what is none is none.
$coordinator->safe_psql('postgres', q{
CREATE TABLE odd (id integer PRIMARY KEY, curve loss_curve);
CREATE TABLE plain.odd (LIKE odd INCLUDING ALL);
SELECT create_distributed_table('odd', 'id');
CREATE TABLE fixed (id integer PRIMARY KEY, curve loss_curve(4));
CREATE TABLE plain.fixed (LIKE fixed INCLUDING ALL);
SELECT create_distributed_table('fixed', 'id')});
my @odd = (
	'[]', '[null]', '[NaN,1]', '[-0,0]', '[1e-45,-1.5,3.4028235e38]', '[null,null,2,null]', '[1,2,3,4]',
	'[' . join(',', map { $_ / 8 } 1 .. 16000) . ']');
foreach my $schema ('public', 'plain')
{
	$coordinator->safe_psql('postgres',
		join(';', map { "INSERT INTO $schema.odd VALUES ($_, '$odd[$_]')" } 0 .. $#odd)
		  . "; INSERT INTO $schema.odd VALUES (99, NULL)");
}
same_answer($coordinator, 'odd values', 'SELECT id, curve, epochs(curve), curve_statistics(curve)::text FROM odd');
foreach my $bad ('[Infinity]', '[1,-Infinity]', '[1e39]', '[1,2', '[1,"a"]', '1')
{
	same_error($coordinator, "INSERT of $bad", "INSERT INTO odd VALUES (100, '$bad')", qr/22P02|22003/);
	same_error($coordinator, "COPY of $bad", "COPY odd FROM PROGRAM 'printf ''100\\t$bad\\n''';", qr/22P02|22003/);
}
same_error($coordinator, 'a curve that is too long', q{INSERT INTO fixed VALUES (1, '[1,2,3,4,5]')}, qr/22\w{3}/);
same_error($coordinator, 'an epoch beyond the column', q{INSERT INTO fixed (id, curve[7]) VALUES (1, 2)}, qr/22\w{3}|2202E/);

#
# Functions and operators
#
my $query_curve = '(SELECT curve FROM plain.probes ORDER BY id LIMIT 1)';
foreach my $operator ('<->', '<+>', '<=>', '<~>')
{
	same_answer($coordinator, "distances by $operator",
		"SELECT id, curve $operator $query_curve AS d FROM samples WHERE epochs(curve) = 40");
	same_answer($coordinator, "the nearest by $operator",
		"SELECT id, curve $operator $query_curve AS d FROM samples WHERE epochs(curve) = 40 ORDER BY d, id LIMIT 20");
}
# The nearest by an index of each shard
$coordinator->safe_psql('postgres', 'CREATE INDEX ON samples USING gist (curve); ANALYZE samples');
my $nearest = "SELECT id, curve <-> $query_curve AS d FROM samples WHERE epochs(curve) = 40 ORDER BY curve <-> $query_curve LIMIT 20";
same_answer($coordinator, 'the nearest by an index', $nearest);
like(plan_of($coordinator, $nearest, "SET citus.propagate_set_commands = 'local'; BEGIN; SET LOCAL enable_sort = off"),
	qr/-> +Task\n.*Index Scan using samples_curve_idx_\d+/s, 'the nearest by an index: in each task');
same_answer($coordinator, 'the nearest by an index, used', $nearest,
	settings => "SET citus.propagate_set_commands = 'local'; BEGIN; SET LOCAL enable_sort = off");

same_answer($coordinator, 'statistics', 'SELECT id, curve_statistics(curve)::text, sparkline(curve) FROM samples');
same_answer($coordinator, 'shapes',
	'SELECT id, resample_curve(curve, 7), smooth_curve(curve, 3), curve[2], curve[3:8], curve || 1.5 FROM samples WHERE observed_epochs(curve) > 0');
same_answer($coordinator, 'order and equality',
	'SELECT curve, count(*) FROM samples GROUP BY curve HAVING count(*) > 1 OR min(id) % 100 = 0');
same_answer($coordinator, 'sorted by curve', 'SELECT id FROM samples WHERE id < 900 ORDER BY curve, id');

# A table can be distributed by curves, for equal ones have equal hashes.
$coordinator->safe_psql('postgres', q{
CREATE TABLE by_curve (id integer, curve loss_curve);
SELECT create_distributed_table('by_curve', 'curve');
INSERT INTO by_curve SELECT id, curve FROM plain.samples WHERE curve IS NOT NULL});
same_answer($coordinator, 'distributed by curve: groups',
	'SELECT curve, count(*) FROM by_curve GROUP BY curve',
	plain => 'SELECT curve, count(*) FROM samples WHERE curve IS NOT NULL GROUP BY curve');
same_answer($coordinator, 'distributed by curve: one of them',
	q{SELECT id FROM by_curve WHERE curve = '[]'},
	plain => q{SELECT id FROM samples WHERE curve = '[]'});

#
# Changes
#
foreach my $change (
	[ 'of single epochs', 'UPDATE %s SET curve[3] = 7.5 WHERE id % 100 = 7' ],
	[ 'of slices', q{UPDATE %s SET curve[2:3] = '[1,null]' WHERE id % 100 = 8} ],
	[ 'of one row', 'UPDATE %s SET curve[41] = 0.25 WHERE id = 5' ],
	[ 'by an expression', 'UPDATE %s SET curve = curve || 0.5 WHERE id % 100 = 9' ],
	[ 'to nothing', 'UPDATE %s SET curve = NULL WHERE id % 100 = 10' ],
	[
		'by upserts',
		q{INSERT INTO %s (id, run, curve) VALUES (77, 'a', '[1.5]'), (100001, 'a', '[2.5]') ON CONFLICT (id) DO UPDATE SET curve[44] = excluded.curve[0]}
	],
	[ 'by deletion', 'DELETE FROM %s WHERE id % 100 = 11' ])
{
	my ($name, $statement) = @$change;

	$coordinator->safe_psql('postgres', $statement =~ s/%s/$_/r) foreach 'samples', 'plain.samples';
	same_answer($coordinator, "changes $name", "SELECT $columns FROM samples");
}
$coordinator->safe_psql('postgres', "INSERT INTO ${_}fixed (id, curve[1]) VALUES (1, 2); INSERT INTO ${_}fixed (id, curve[1:2]) VALUES (2, '[1,3]')") foreach '', 'plain.';
same_answer($coordinator, 'a column of so many epochs', 'SELECT id, curve FROM fixed');

# Of several epochs that one statement sets Citus 13.0.5 keeps the last, as of several
# elements of an array, which doc/scaling.md says under its limits.
$coordinator->safe_psql('postgres', q{
CREATE TABLE assigned (id integer PRIMARY KEY, curve loss_curve, numbers real[]);
SELECT create_distributed_table('assigned', 'id');
INSERT INTO assigned VALUES (1, '[0,0,0,0]', '[0:3]={0,0,0,0}');
UPDATE assigned SET curve[1] = 1, curve[3] = 3, numbers[1] = 1, numbers[3] = 3;
INSERT INTO assigned (id, curve[0], curve[1], numbers[0], numbers[1]) VALUES (2, 5, 6, 5, 6)});
foreach my $row ([ 'UPDATE', 1, '[0,1,0,3]' ], [ 'INSERT', 2, '[5,6]' ])
{
	my ($statement, $id, $wanted) = @$row;
	my ($curve, $numbers) = map { $coordinator->safe_psql('postgres', "SELECT translate($_, 'NUL', 'nul') FROM assigned WHERE id = $id") }
	  'curve::text', q{translate(regexp_replace(numbers::text, '.*=', ''), '{}', '[]')};

	is($curve, $id == 2 && $numbers eq '[6]' ? '[null,6]' : $numbers, "$statement of several epochs: as with arrays");
	TODO:
	{
		local $TODO = 'a limit of Citus; when this passes, doc/scaling.md need not have it any more';
		is($curve, $wanted, "$statement of several epochs: all of them");
	}
}

# From any of the workers, too.
same_answer($workers[0], 'a query on a worker', 'SELECT id, curve FROM samples',
	plain => 'SELECT id, curve FROM public.samples ORDER BY id');

$_->stop foreach $coordinator, @workers;
done_testing();
