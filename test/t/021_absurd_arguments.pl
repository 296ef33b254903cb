# Every function, aggregate, procedure and operator of the extension, called with
# NULL, empty, least, greatest and absurd arguments: made up by the types in the
# catalogue, so that what is new is called as well.  An answer is right, and so is
# an error, but no internal one (XX000), and no crash.
#
# METAPROBE_SECONDS=N goes on for longer than a few seconds.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{METAPROBE_SECONDS} // 15;
my $seed = random_seed();
my $least_rounds = 3;

srand($seed);

my $node = start_bare_node('main');
$node->safe_psql('postgres',
	'CREATE ROLE owner LOGIN; CREATE DATABASE absurd OWNER owner');

# All is done by an ordinary user who owns everything.
sub as_owner
{
	my ($sql) = @_;
	my ($status, $stdout, $stderr) = $node->psql('absurd', $sql,
		extra_params => [ '-U', 'owner' ], on_error_stop => 0);

	return ($stdout, $stderr);
}

my $values = slurp_file("$FindBin::RealBin/../sql/values.sql");
my (undef, $problem) = as_owner("\\set VERBOSITY terse\nSET client_min_messages = warning;
CREATE EXTENSION metaprobe; $values
INSERT INTO suites SELECT 'million losses', probe_suite_agg((n % 3)::text, resample_curve(ARRAY[n, 1, n % 7]::loss_curve, 16000))
	FROM generate_series(1, 63) AS n;
ALTER DATABASE absurd SET search_path = hostile, public;
CREATE TABLE \"Odd \"\"name\"\" ü\" (LIKE probes);");
is($problem, '', 'the values are there');

# Expressions, by type.
my $longest_name = 'n' x 63;
my @numbers = (0, 1, -1, 2, 7, 8, 9, 20, 100, 15999, 16000, 16001);
my @texts = (
	q{''}, q{'typical'}, q{'late'}, q{'no such label'}, q{'ü€😀'}, q{'it''s "quoted" \\\\'},
	"'$longest_name'", "'${longest_name}x'", q{E'\\t\\n'}, q{repeat('x', 100000)},
	q{'curve'}, q{'label'}, q{'id'}, q{'truth'}, q{'l2'}, q{'dtw'}, q{'fitted'}, q{'distance'},
	q{'error'}, q{'last'}, q{'run'}, q{'hostile.probes'}, q{'new_table'}, q{'pg_class'}, q{'a.b.c.d'},
	q{'[1,2,null]'}, q{'[Infinity]'}, q{'{"probes":[{"label":"a","curve":[1]}]}'});
my @floats = (
	(map { "'$_'" } 'NaN', 'Infinity', '-Infinity', '1e308', '-1e308', '4.9e-324',
		'-0', '3.4028235e38', '3.5e38', '1e-46'),
	0, 1, 0.5, -1.5);
my %pool = (
	'smallint' => [ @numbers[ 0 .. 9 ], 32767, -32768 ],
	'integer' => [ @numbers, 2147483647, '(-2147483648)' ],
	'bigint' => [ @numbers, 2147483648, '9223372036854775807', '(-9223372036854775808)' ],
	'oid' => [ 0, 1, 4294967295, q{'pg_class'::regclass} ],
	'double precision' => \@floats,
	'real' => [ grep { !/e308|e-324|3\.5e38/ } @floats ],
	'numeric' => [ q{'NaN'}, q{'Infinity'}, 0, 1, '1e1000', '-1e-1000', '0.1' ],
	'text' => \@texts,
	'cstring' => [ grep { !/repeat/ } @texts ],
	'boolean' => [ 'true', 'false' ],
	'bytea' => [ q{''}, q{'\\x00'}, q{'\\x01ffffffff'}, q{repeat('ab', 1000)::bytea} ],
	'jsonb' => [
		map { "'$_'" } 'null', '1', '"text"', '[]', '{}', '[1, 2.5, null]', '[[1]]', '["1"]', '[{"a": 1}]',
		'[1e400]', 'true', '{"a": {"b": [1]}}', '[-0.0]'
	],
	'double precision[]' => [
		q{'{}'}, q{'{1,2,3}'}, q{'{NULL}'}, q{'{1,NULL,3}'}, q{'{{1,2},{3,4}}'}, q{'[5:6]={1,2}'},
		q{'{NaN,Infinity}'}, q{'{1e308,-1e308}'}, 'array_fill(1, ARRAY[16001])'
	],
	'real[]' => [
		q{'{}'}, q{'{1,2,3}'}, q{'{NULL}'}, q{'{{1,2},{3,4}}'}, q{'[-1:0]={1,2}'}, q{'{NaN,-Infinity}'},
		q{array_fill('-0'::real, ARRAY[16000])}
	],
	'integer[]' => [ q{'{}'}, q{'{1,NULL}'}, q{'{{1},{2}}'}, q{'[0:1]={2147483647,-2147483648}'} ],
	'bigint[]' => [ q{'{}'}, q{'{1,NULL}'}, q{'{{1},{2}}'}, q{'{9223372036854775807,-9223372036854775808}'} ],
	'numeric[]' => [ q{'{}'}, q{'{1,NULL}'}, q{'{1e1000}'}, q{'{NaN}'}, q{'{{1,2}}'}, q{'{1e-1000}'} ],
	'text[]' => [
		q{'{}'}, q{'{id}'}, q{'{NULL}'}, q{'{id,id}'}, q{'{{a,b},{c,d}}'}, q{'[3:4]={a,b}'}, q{'{"",name}'},
		"ARRAY['$longest_name']"
	],
	'cstring[]' => [ q{'{}'}, q{'{8}'}, q{'{x}'}, q{'{1,2}'}, q{'{-1}'}, q{'{2147483648}'}, q{'{NULL}'} ],
	'regclass' => [
		0, '4294967295',
		map { "'$_'" } 'probes', 'probe_view', 'parted', 'frozen', 'counter', 'suites', 'one_suite', 'tags',
		'log', 'rows', 'rows_pkey', 'curves', 'fixed_curves', 'losses', 'scores', 'pg_catalog.pg_class',
		'pg_catalog.pg_proc', 'information_schema.tables', '"Odd ""name"" ü"'
	],
	'anynonarray' => [ q{1}, q{1.5}, q{'NaN'::float8}, q{'x'::text}, q{true}, q{'[]'::loss_curve}, q{now()} ],
	'anyelement' => [ q{1}, q{1.5}, q{'x'::text}, q{ARRAY[1]}, q{'[]'::loss_curve} ],
	'record' => [ 'ROW()', 'ROW(1)', q{ROW(1, 'x', NULL)} ],
	'internal' => ['NULL'],
	'loss_curve_ball' => [ map { "ROW($_)::loss_curve_ball" } q{'[1,2]', 1}, q{'[]', 0}, q{NULL, NULL}, q{'[1]', 'NaN'}, q{'[null]', -1} ],
	'loss_curve_gist_key' => ['NULL::loss_curve_gist_key'],
);
$pool{'character varying'} = $pool{text};
$pool{name} = [ map { "$_" } @texts[ 0 .. 6 ] ];
$pool{json} = $pool{jsonb};

# Values of a table's column.
sub pool_of_column
{
	my ($column, $table) = @_;
	my ($names) = as_owner("SELECT quote_literal(name) FROM $table ORDER BY 1");

	return [ map { "(SELECT $column FROM $table WHERE name = $_ LIMIT 1)" } split /\n/, $names ];
}
$pool{loss_curve} = pool_of_column('curve', 'curves');
$pool{probe_suite} = pool_of_column('suite', 'suites');
$pool{loss_mixture} = pool_of_column('mixture', 'mixtures');
$pool{knn_neighbours} = [ map { "knn_transfn(NULL, $_)" } q{'a', 1, 2}, q{'b', 'Infinity', 2147483647}, q{repeat('x', 100000), 0, 20}, q{'a', NULL, 1} ];
$pool{loss_curve_moments} = [ map { "loss_curve_moments_transfn(NULL, $_)" } @{ $pool{loss_curve} } ];

my %has_no_pool;

# An argument of a type; NULL now and then.
sub argument
{
	my ($type, $null_share) = @_;
	my $choices = $pool{$type} // [];

	$has_no_pool{$type} = 1 unless @$choices;
	return 'NULL' if $type eq 'internal';
	if (!@$choices || rand() < $null_share)
	{
		return $type =~ /^any/ ? 'NULL::integer' : "NULL::$type";
	}
	my $choice = $choices->[ int(rand(@$choices)) ];

	return $choice if $type =~ /^any|^record|^cstring$/;
	return "($choice)::$type";
}

sub arguments
{
	my ($object, $null_share) = @_;
	my @types = @{ $object->{types} };
	my $fewer = $object->{defaults} ? int(rand($object->{defaults} + 1)) : 0;

	splice(@types, @types - $fewer) if $fewer;
	return map { argument($_, $null_share) } @types;
}

# What is called: kind, quoted name, number of defaults and types of arguments.
my ($listed) = as_owner(q{
SELECT concat_ws(E'\t', CASE WHEN prokind = 'f' AND proretset THEN 's' ELSE prokind::text END, p.oid::regprocedure,
	format('%I.%I', nspname, proname), pronargdefaults, array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) WITH ORDINALITY AS a(t, n) ORDER BY n), ';'))
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
	JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'metaprobe')
UNION ALL
SELECT concat_ws(E'\t', 'operator', o.oid::regoperator, format('OPERATOR(%I.%s)', nspname, oprname), 0,
	format_type(oprleft, NULL) || ';' || format_type(oprright, NULL))
FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = oprnamespace
	JOIN pg_depend AS d ON d.objid = o.oid AND d.classid = 'pg_operator'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'metaprobe')
ORDER BY 1});
my @objects = map {
	my ($kind, $signature, $name, $defaults, $types) = split /\t/, $_, 5;
	{ kind => $kind, signature => $signature, name => $name, defaults => $defaults,
		types => [ split /;/, $types // '' ] };
} split /\n/, $listed;

# What the grammar calls by itself.
push @objects,
  map { { kind => 'expression', signature => $_->[0], name => $_->[0], types => $_->[1] } }
  ['(%s)[%s]', [ 'loss_curve', 'integer' ]],
  ['(%s)[%s:%s]', [ 'loss_curve', 'integer', 'integer' ]],
  ['(%s)::text::loss_curve(8)', ['loss_curve']],
  ['(%s)::loss_curve', ['text']],
  ['(%s)::probe_suite', ['text']],
  ['(%s)::text::probe_suite', ['probe_suite']],
  ['pg_column_size(%s)', ['probe_suite']];

# An aggregate over a few rows, as the executor may call it.
sub aggregate_call
{
	my ($object, $null_share) = @_;
	my $n = @{ $object->{types} };
	my @columns = map { "c$_" } 1 .. $n;
	my @rows = map { '(' . join(', ', map { argument($_, $null_share) } @{ $object->{types} }) . ')' }
	  1 .. 1 + int(rand(5));
	my $from = 'FROM (VALUES ' . join(', ', @rows) . ') AS v(' . join(', ', @columns) . ')';
	my $call = "$object->{name}(" . join(', ', @columns);
	my @forms = (
		"SELECT $call) $from", "SELECT $call) $from",
		"SELECT $call) FILTER (WHERE false) $from", "SELECT $call) OVER () $from",
		"SELECT $call) OVER (ROWS 1 PRECEDING) $from", "SELECT $call) $from GROUP BY random() < 0.5");

	return $forms[ int(rand(@forms)) ];
}

sub call_of
{
	my ($object, $null_share) = @_;
	my ($kind, $name) = @$object{qw(kind name)};

	return aggregate_call($object, $null_share) if $kind eq 'a';
	my @arguments = arguments($object, $null_share);
	return 'SELECT ' . sprintf($name, @arguments) if $kind eq 'expression';
	return "SELECT ($arguments[0]) $name ($arguments[1])" if $kind eq 'operator';
	my $call = "$name(" . join(', ', @arguments) . ')';
	return "CALL $call" if $kind eq 'p';
	return "SELECT count(*) FROM $call" if $kind eq 's';
	return "SELECT $call";
}

# One call of everything; what it makes is not kept, except by a procedure, whose
# commits need a transaction of its own.
my %count;
my %states;
my @bad;
my %is_found;
my %not_found;

sub play_round
{
	my ($round) = @_;
	my $script = "\\set VERBOSITY verbose\n\\o /dev/null\nSET statement_timeout = '250ms';\n";
	my @calls;

	for my $object (@objects)
	{
		my $sql = call_of($object, $round == 0 ? 1 : 0.12);
		my $alone = $object->{kind} eq 'p' && $round % 2;

		$script .= "\\warn case " . scalar(@calls) . "\n";
		$script .= $alone ? "$sql;\n" : "BEGIN;\n$sql;\nROLLBACK;\n";
		push @calls, [ $object, $sql ];
		$count{ $object->{signature} }++;
	}
	my (undef, $errors) = as_owner("$script\\warn case end\n");
	my @parts = split /^case (\d+|end)\n/m, $errors;

	push @bad, [ "round $round does not end", substr($errors, -1000) ]
	  unless $errors =~ /^case end$/m;
	shift @parts;
	while (my ($case, $said) = splice(@parts, 0, 2))
	{
		next if $case eq 'end';
		judge($calls[$case], $said // '');
	}
	return;
}

sub judge
{
	my ($call, $said) = @_;
	my ($object, $sql) = @$call;
	my ($state, $message) = $said =~ /^(?:psql:\S*\s*)?(?:ERROR|FATAL|PANIC):  (\w{5}): (.*)$/m;

	if (!defined $state)
	{
		$states{ $said =~ /server closed|connection/ ? 'lost' : 'answer' }++;
		$is_found{ $object->{signature} } = 1;
		push @bad, [ $sql, $said ] if $said =~ /server closed|connection/;
		return;
	}
	$states{$state}++;
	# On a busy machine time may be over before the function is looked up.
	return if $state eq '57014';
	# Until 15.18 (and such of other versions) it was found, and the NULL refused.
	if ($state eq '42883' || $message eq 'cannot accept a value of type internal')
	{
		$not_found{ $object->{signature} } = [ $sql, $said ];
		return;
	}
	$is_found{ $object->{signature} } = 1;
	push @bad, [ $sql, $said ] if $state =~ /^XX/ || $message !~ /^[^A-Z]/;
	return;
}

cmp_ok(scalar(@objects), '>', 100, 'there is something to call');

my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my $answer = q{SELECT classify_metadata(curve, suite) FROM rows, one_suite WHERE id = 140};
my ($right) = as_owner($answer);
my $end = time + $seconds;
my $rounds = 0;

while ($rounds < $least_rounds || time < $end)
{
	play_round($rounds++);
	last if @bad > 20;
}

is(join(' ', sort keys %has_no_pool), '', 'there are values of every type');
# What takes internal values cannot be called by name; aggregates and types do.
my %is_internal = map { $_->{signature} => 1 } grep { "@{ $_->{types} }" =~ /\binternal\b/ } @objects;
for my $signature (grep { !$is_found{$_} && !$is_internal{$_} } sort keys %not_found)
{
	fail("$signature is called");
	diag(join("\n", map { substr($_, 0, 1000) } @{ $not_found{$signature} }));
}
is(join(' ', grep { $is_found{$_} } sort keys %is_internal), '', 'internal functions cannot be called');
for my $bad (@bad)
{
	fail('a call ends well');
	diag(join("\n", map { substr($_, 0, 3000) } @$bad));
}
ok(!@bad, 'every call ends with an answer or a proper error');
my ($now) = as_owner($answer);
is($now, $right, 'the server still gives the right answer');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'),
	$started, 'the server is the same');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:/,
	'no process crashed');

my $total = 0;
$total += $_ for values %count;
note "$total calls: $rounds of each of " . scalar(@objects) . ' functions, aggregates, operators and forms';
note join(', ', map { "$_: $states{$_}" } sort { $states{$b} <=> $states{$a} } keys %states);

$node->stop;
done_testing();
