# What tests of upgrades share: servers of their own to install any version in,
# the catalogue of the extension as text, and a call of every function by it.
package Versions;

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename;
use File::Copy;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  newest_version
  released_versions
  released_sources
  private_server
  build_into
  install_library
  install_scripts
  catalogue
  call_functions
  load_stored_values
  stored_answers
  says_at_least
);

my $root = abs_path(dirname(__FILE__) . '/../..');

# The makes below are not part of the make that runs this test.
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES)};

sub by_number
{
	my @a = split /\./, $a;
	my @b = split /\./, $b;
	return $a[0] <=> $b[0] || $a[1] <=> $b[1] || $a[2] <=> $b[2];
}

sub newest_version
{
	my ($version) =
	  slurp_file("$root/metaprobe.control") =~ /^default_version = '(.*)'$/m;
	return $version;
}

# In their order.
sub released_versions
{
	my @versions =
	  map { m{metaprobe--(\d+\.\d+\.\d+)\.sql$} } glob("$root/released/*.sql");
	return sort by_number @versions;
}

# The sources of the released versions that there are, by version.
sub released_sources
{
	my ($directory) = @_;
	system_or_bail("$root/test/released_sources", $directory);
	return map { basename($_) => $_ } glob("$directory/*");
}

# A copy of the server without the extension; its pg_config.
sub private_server
{
	my ($directory) = @_;
	my $config = qx("$root/test/private_server" "$directory" pg_config);
	BAIL_OUT('no copy of the server') if $? != 0;
	chomp $config;
	return $config;
}

sub directory_of
{
	my ($config, $what) = @_;
	my $directory = qx("$config" --$what);
	chomp $directory;
	return $directory;
}

# Build what is in that directory, and install it.
sub build_into
{
	my ($config, $directory) = @_;
	my $output = '';
	my $ok = IPC::Run::run(
		[ 'make', '-s', '-j2', '-C', $directory, "PG_CONFIG=$config", 'with_llvm=no', 'install' ],
		'>&', \$output);
	note $output if $output ne '';
	return $ok;
}

# Copy from one server to another, as a package does: to a new file, so that
# nobody's mapped library changes.
sub install_files
{
	my ($from, $to, $what, $below, @patterns) = @_;
	my $target = directory_of($to, $what) . $below;
	foreach my $file (map { glob(directory_of($from, $what) . "$below/$_") } @patterns)
	{
		unlink "$target/" . basename($file);
		copy($file, "$target/" . basename($file)) or die "cannot copy $file: $!";
	}
	return;
}

sub install_library
{
	my ($from, $to) = @_;
	install_files($from, $to, 'pkglibdir', '', 'metaprobe.*');
	return;
}

sub install_scripts
{
	my ($from, $to) = @_;
	install_files($from, $to, 'sharedir', '/extension', 'metaprobe.control', 'metaprobe--*.sql');
	return;
}

# All that there is of the extension in a database: its objects with all their
# properties, as pg_dump writes them for pg_upgrade, and every dependency of an
# object that is the extension's or belongs to such a one.  Without object ids and
# the like, which differ, and in an order that does not depend on them.
sub catalogue
{
	my ($node, $dbname) = @_;
	my $dump = '';

	IPC::Run::run(
		[
			$node->installed_command('pg_dump'), '--binary-upgrade', '--schema-only',
			'--dbname', $node->connstr($dbname)
		],
		'>', \$dump) or die "pg_dump has failed";
	$dump =~ s/^-- For binary upgrade, must preserve .*\n//mg;
	$dump =~ s/^SELECT pg_catalog\.binary_upgrade_set_next_\w+\(.*\);\n//mg;
	$dump =~ s/^(\\(un)?restrict) .*\n//mg;
	$dump =~ s/\n\n+/\n\n/g;
	my @entries = grep { /^-- (Name|TOC)/m } split /\n--\n(?=-- Name: )/, $dump;
	my $dependencies = $node->safe_psql(
		$dbname, q{
WITH RECURSIVE member AS (
	SELECT 'pg_extension'::regclass AS class, oid AS object FROM pg_extension WHERE extname = 'metaprobe'
	UNION SELECT classid, objid FROM pg_depend JOIN member ON refclassid = class AND refobjid = object
	WHERE deptype IN ('e', 'i', 'a', 'I', 'P', 'S')
)
SELECT DISTINCT format('%s | %s | %s', pg_describe_object(classid, objid, objsubid),
		pg_describe_object(refclassid, refobjid, refobjsubid), deptype) COLLATE "C"
FROM pg_depend JOIN member ON classid = class AND objid = object OR refclassid = class AND refobjid = object
UNION ALL SELECT DISTINCT format('%s | %s', pg_describe_object(classid, objid, objsubid), d.deptype) COLLATE "C"
FROM pg_shdepend d JOIN member ON classid = class AND objid = object
	WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1});
	return (sort(@entries), split(/\n/, $dependencies));
}

# Arguments to call functions with, by the argument's type and name, or by the
# type alone; for the second argument of a type there may be another.
my %values = (
	'text' => ["'typical'"],
	'text at_least' => ["'0.1.0'"],
	'text name' => ["'made by ' || 'call'"],
	'text label' => ['p.label'],
	'text id' => ['p.id'],
	'text run' => ["'run'"],
	'text repeated' => ["'last'"],
	'text invalid' => ["'missing'"],
	'text metric' => ["'dtw'"],
	'text weights' => ["'distance'"],
	'text truth_column' => ["'is_mislabelled'"],
	'text curve_column' => ["'curve'"],
	'text label of compare_detectors' => ["'random_outputs'"],
	'text label of label_score' => ["'random_outputs'"],
	'text label of detector_scores' => ["'random_outputs'"],
	'cstring' => ["'[2.5,null,1]'"],
	'cstring of probe_suite_in' =>
	  [q{'{"k":1,"probes":[{"label":"a","curve":[1,2]},{"label":"b","curve":[3,null]}]}'}],
	'cstring[]' => ["'{40}'"],
	'oid' => ['0'],
	'integer' => ['5'],
	'integer of loss_curve' => ['40'],
	'integer of loss_curve_in' => ['-1'],
	'integer n_epochs' => ['40'],
	'bigint' => ['3'],
	'bigint epoch' => ['n'],
	'boolean' => ['true'],
	'boolean truth' => ['n % 3 = 0'],
	'double precision' => ['n / 7.0'],
	'double precision threshold' => ['0.4'],
	'double precision weight' => ['0.1'],
	'anynonarray' => ['0.25'],
	'real[]' => ["'{1,null,0.1}'"],
	'double precision[]' => ["'{1,null,0.1}'"],
	'numeric[]' => ["'{1,null,0.1}'"],
	'integer[]' => ["'{1,null,2}'"],
	'bigint[]' => ["'{10,20}'"],
	'text[]' => ["'{a,b}'"],
	'text[] key_columns' => ["'{id}'"],
	'jsonb' => ["'[1,null,0.1]'"],
	'loss_curve' => [ 's.curve', 'p.curve' ],
	'probe_suite' => ['suite'],
	'loss_mixture' => ['(SELECT mixture FROM mixtures)'],
	'regclass' => ["'plain_suite'"],
	'regclass relation' => ["'probes'"],
	'regclass log' => ["'loss_log'"],
	'regclass source' => ["'samples'"],
	'regclass suite' => ["'fitted_suite'"],
	'regclass tag_table' => ["'sample_tags'"]);

# The arguments of a call, or undef if there is a type that is not above.
sub arguments
{
	my ($name, @arguments) = @_;
	my (%seen, @list);

	foreach my $argument (@arguments)
	{
		my ($type, $label) = @$argument;
		my ($choice) = grep { defined } map { $values{$_} }
		  "$type $label of $name", "$type of $name", "$type $label", $type;
		my $value = defined $choice ? $choice->[ $seen{$type}++ ] // $choice->[-1] : 'NULL';
		$value = "'called_$name'" if $label eq 'name' && $type eq 'text';
		push @list, $type =~ /^any/ ? $value : "($value)::$type";
	}
	return join(', ', @list);
}

# The functions of the extension in a database that can be called: their name,
# kind and arguments.
sub functions
{
	my ($node, $dbname) = @_;
	return @{ decode_json(
			$node->safe_psql(
				$dbname, q{
SELECT json_agg(json_build_object('name', proname, 'kind', prokind, 'set', proretset, 'signature', oid::regprocedure,
		'arguments', ARRAY(SELECT ARRAY[format_type(type, NULL), coalesce(proargnames[number], '')]
			FROM unnest(proargtypes) WITH ORDINALITY AS a(type, number)))
	ORDER BY proname !~ '^create', oid::regprocedure::text COLLATE "C")
FROM pg_proc p JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = oid AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'metaprobe')
WHERE NOT 'internal'::regtype = ANY (proargtypes::oid[] || prorettype)})) };
}

# Each as a query on the stored values of load_stored_values.
sub call_of
{
	my ($function) = @_;
	my $arguments = arguments($function->{name}, map { ref $_ ? $_ : [$_, ''] } @{ $function->{arguments} });
	my $call = "$function->{name}($arguments)";
	my $curves = q{(SELECT id, curve, row_number() OVER (ORDER BY id) AS n FROM samples
		WHERE epochs(curve) = 40 ORDER BY id LIMIT 6) AS s,
		LATERAL (SELECT id, label, curve FROM probes WHERE right(id, 1)::int = n % 10 ORDER BY id LIMIT 1) AS p};
	my $suites = q{(SELECT name, suite FROM suites WHERE name <> 'quoted') AS suites};
	my @from = ((grep { $call =~ /\(suite\)::/ } $suites), (grep { $call =~ /\b([sp]\.|n\b)/ } $curves));
	my $from = join(', ', @from, '(SELECT 1) AS one');
	my $order = join(', ', (map { $_ eq $suites ? 'name' : 'n' } @from), '1');

	return "CALL $call" if $function->{kind} eq 'p';
	return "SELECT to_jsonb($call)" if $function->{name} =~ /^create_/;
	return "SELECT to_jsonb($call) FROM $curves GROUP BY n % 2 ORDER BY n % 2"
	  if $function->{kind} eq 'a';
	return "SELECT to_jsonb(r) FROM $from, LATERAL $call AS r ORDER BY $order"
	  if $function->{set};
	return "SELECT to_jsonb($call) FROM $from ORDER BY $order";
}

# Call the functions given, each in a session of its own: what it says, by signature.
# A function that ends the connection says so.
sub call_functions
{
	my ($node, $dbname, @functions) = @_;
	my %said;

	@functions = functions($node, $dbname) if !@functions;
	foreach my $function (@functions)
	{
		my ($status, $stdout, $stderr) = $node->psql($dbname,
			"SET metaprobe.default_suite = 'public.plain_suite'; " . call_of($function));
		$said{ $function->{signature} } = $status == 0 ? $stdout : $stderr;
		$said{ $function->{signature} } = "crash: $stderr"
		  if $status == 2 || $stderr =~ /server closed the connection|terminated/;
	}
	return (\%said, @functions);
}

# Is all that the older one said in what the newer one says?  A newer version may add
# columns, settings and keys, but what there was stays.
sub says_at_least
{
	my ($newer, $older) = @_;
	my @newer = split /\n/, $newer;
	my @older = split /\n/, $older;

	return 0 if @newer != @older;
	foreach my $i (0 .. $#older)
	{
		next if $newer[$i] eq $older[$i];
		return 0 if !has_all(value_of($newer[$i]), value_of($older[$i]));
	}
	return 1;
}

# A line as a value, and a string in it that is JSON itself as its value.
sub value_of
{
	my ($text) = @_;
	my $value = eval { JSON::PP->new->allow_nonref->decode($text) };
	return $text if $@;
	return defined $value && !ref $value && $value =~ /^[\{\[]/ ? value_of($value) : $value;
}

sub has_all
{
	my ($newer, $older) = @_;

	return !defined $newer if !defined $older;
	return 0 if !defined $newer || ref $newer ne ref $older;
	if (ref $older eq 'HASH')
	{
		return !grep { !exists $newer->{$_} || !has_all($newer->{$_}, $older->{$_}) } keys %$older;
	}
	if (ref $older eq 'ARRAY')
	{
		return 0 if @$newer != @$older;
		return !grep { !has_all($newer->[$_], $older->[$_]) } 0 .. $#$older;
	}
	return $newer eq $older;
}

# test/sql/stored_values.sql and test/sql/stored_answers.sql.
sub load_stored_values
{
	my ($node, $dbname) = @_;
	$node->command_ok(
		[
			'psql', '-XqAt', '-v', "data=$root/test/data/mnist", '-d', $node->connstr($dbname),
			'-f', "$root/test/sql/stored_values.sql"
		],
		"$dbname: values are stored");
	return;
}

sub stored_answers
{
	my ($node, $dbname) = @_;
	my ($stdout, $stderr) = ('', '');

	IPC::Run::run(
		[ $node->installed_command('psql'), '-Xq', '-d', $node->connstr($dbname), '-f', "$root/test/sql/stored_answers.sql" ],
		'>', \$stdout, '2>', \$stderr)
	  or return "error: $stderr";
	return $stdout;
}

1;
