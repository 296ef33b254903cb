# What the tests share: servers with the extension and generated curves in
# them, sessions that stay open, and queries whose answers can be compared.
package Metaprobe;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  start_bare_node
  start_node
  install_generators
  random_seed
  answer
  session
  error_of
  in_worker
);

# Curves made of a seed: the same ones in any order, plan and version.  One
# epoch in 16 is missing, where the seed says so, and the values are rounded to
# eighths so that there are ties.
my $generators = q{
CREATE FUNCTION noise(seed bigint, a bigint, b bigint) RETURNS float8
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (hashint8extended(a * 65536 + b, seed) & 16777215) / 16777216.0::float8;

-- one of five shapes, for kind 0 to 4
CREATE FUNCTION shape(kind bigint, x float8) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE kind
		WHEN 0 THEN 2.3 * exp(-12 * x)
		WHEN 1 THEN 2.3 * exp(-3 * x)
		WHEN 2 THEN 2.5 / (1 + exp(14 * (x - 0.7)))
		WHEN 3 THEN 1.2 + 1.1 * exp(-5 * x)
		ELSE 2.3
	END;

CREATE FUNCTION random_curve(seed bigint, n bigint, epochs bigint)
	RETURNS public.loss_curve
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	BEGIN ATOMIC
	SELECT array_agg(CASE WHEN noise(seed, n, 2 * e) >= 0.0625 THEN
			round(8 * (shape(n % 5, e / epochs::float8) + noise(seed, n, 2 * e + 1))) / 8
		END ORDER BY e)::public.loss_curve
	FROM generate_series(0, epochs - 1) AS e;
	END;
};

# A server whose superuser is postgres, whoever runs the tests.
$ENV{PGUSER} = 'postgres';

sub start_bare_node
{
	my ($name, %params) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => ['--username=postgres'], %params);
	$node->start;
	return $node;
}

# The same, with the extension and the generators in database postgres.
sub start_node
{
	my $node = start_bare_node(@_);

	install_generators($node, 'postgres');
	return $node;
}

sub install_generators
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname,
		"CREATE EXTENSION IF NOT EXISTS metaprobe; $generators");
	return;
}

# A seed, the one to repeat a run with if METAPROBE_SEED gives it.
sub random_seed
{
	my $seed = $ENV{METAPROBE_SEED} // int(rand(2**31));

	note "seed: $seed (METAPROBE_SEED=$seed repeats this run)";
	return $seed;
}

# A query for all that the classification functions say of all rows of a
# relation (id, curve), down to the last bit, as one hash.  The suite is an
# expression, or undef for the default one.
sub answer
{
	my ($relation, $suite, $label) = @_;
	my $last = defined $suite ? ", $suite" : '';

	$label //= 'late';
	return qq{
SELECT md5(string_agg(concat_ws(' ', id,
		classify_metadata(curve$last),
		tag_metadata(curve$last),
		label_score(curve, '$label'$last),
		(SELECT string_agg(p::text, ' ') FROM metadata_probabilities(curve$last) AS p),
		(SELECT string_agg(n::text, ' ') FROM nearest_probes(curve$last) AS n)
	), E'\\n' ORDER BY id))
FROM $relation};
}

# SQLSTATE, message, detail and hint of the error that a script ends with.
sub error_of
{
	my ($node, $sql, %params) = @_;
	my ($status, $stdout, $stderr) =
	  $node->psql($params{dbname} // 'postgres',
		"\\set VERBOSITY verbose\n$sql");

	return $status == 0 ? "no error but: $stdout" : $stderr;
}

# A setting that makes a worker, and nobody else, do what is parallel safe.
sub in_worker
{
	my ($node) = @_;
	my $setting = $node->safe_psql('postgres',
		q{SELECT name FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode')}
	);

	return "SET $setting = on;";
}

# A psql that stays connected, to be used turn by turn with others.  Its output
# is bare rows, unless other options are given.
sub session
{
	my ($node, $dbname, @options) = @_;
	my $self = bless { in => '', out => '', err => '', turns => 0 },
	  'Metaprobe::Session';

	$self->{timer} =
	  IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	@options = '-XAtq' unless @options;
	$self->{run} = IPC::Run::start(
		[
			$node->installed_command('psql'), @options, '-d',
			$node->connstr($dbname // 'postgres'), '-f', '-'
		],
		'<',  \$self->{in},
		'>',  \$self->{out},
		'2>', \$self->{err},
		$self->{timer});
	return $self;
}

package Metaprobe::Session;

use Test::More;

# Run a script and return what it prints, errors included.
sub run
{
	my ($self, $sql) = @_;
	my $mark = 'turn ' . ++$self->{turns} . ' is over';
	my ($out, $err);

	$self->{timer}->start;
	$self->{in} .= "$sql\n;\n\\echo '$mark'\n\\warn '$mark'\n";
	$self->{run}->pump
	  until $self->{out} =~ /^\Q$mark\E\n/m && $self->{err} =~ /^\Q$mark\E\n/m;

	($out, $err) = ($self->{out}, $self->{err});
	s/^\Q$mark\E\n//m foreach $out, $err;
	$self->{out} = $self->{err} = '';
	chomp($out, $err);
	return join("\n", grep { $_ ne '' } $out, $err);
}

sub quit
{
	my ($self) = @_;

	$self->{in} .= "\\q\n";
	return $self->{run}->finish;
}

1;
