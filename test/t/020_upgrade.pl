# Every released version, step by step to the newest: the same objects as in a
# fresh database, the same answers, and no values lost; a library that does not
# fit the SQL in between, as there is while packages change.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Versions;

my $newest = newest_version();
my @released = grep { $_ ne $newest } released_versions();
my $node = start_bare_node('main');
my $base = $node->basedir;

sub script
{
	my ($dbname, $sql) = @_;
	return $node->safe_psql($dbname, $sql);
}

sub new_database
{
	my ($on, $dbname, $version) = @_;
	$on->safe_psql('postgres', "CREATE DATABASE $dbname TEMPLATE template0");
	$on->safe_psql($dbname,
		'CREATE EXTENSION metaprobe' . (defined $version ? " VERSION '$version'" : ''));
	return;
}

sub version_in
{
	my ($on, $dbname) = @_;
	return $on->safe_psql($dbname, q{SELECT extversion FROM pg_extension WHERE extname = 'metaprobe'});
}

# The differences of two lists, a few of them.
sub differences
{
	my ($got, $expected) = @_;
	my (%got, %expected);
	@got{@$got} = ();
	@expected{@$expected} = ();
	my @lines = (
		(map { "missing: $_" } grep { !exists $got{$_} } @$expected),
		(map { "too much: $_" } grep { !exists $expected{$_} } @$got));
	return join("\n", @lines > 5 ? (@lines[0 .. 4], '...') : @lines);
}

# The catalogue.
cmp_ok(scalar @released, '>', 0, "there are released versions: @released");
new_database($node, 'fresh');
my @fresh = catalogue($node, 'fresh');
note scalar(@fresh) . ' entries in the catalogue';
cmp_ok(scalar(grep { /^-- Name: .*; Type: FUNCTION;/ } @fresh), '>=', 80, 'functions are in the catalogue');
foreach my $type ('TYPE', 'AGGREGATE', 'PROCEDURE', 'CAST', 'OPERATOR', 'OPERATOR CLASS', 'OPERATOR FAMILY', 'COMMENT')
{
	ok(scalar(grep { /^-- Name: .*; Type: $type;/ } @fresh), "$type: in the catalogue");
}
foreach my $i (0 .. $#released)
{
	my $start = $released[$i];
	my $dbname = "from_$start" =~ s/\./_/gr;

	new_database($node, $dbname, $start);
	script($dbname, 'CREATE VIEW means AS SELECT avg(curve), stddev(curve) FROM (VALUES (loss_curve \'[1,2]\'), (\'[3]\')) AS v(curve)');
	foreach my $next (@released[ $i + 1 .. $#released ], $newest)
	{
		script($dbname, "ALTER EXTENSION metaprobe UPDATE TO '$next'");
		is(version_in($node, $dbname), $next, "$start: updated to $next");
	}
	is($node->safe_psql($dbname, 'SELECT * FROM means'), '[2,2]|[1.4142135,null]', "$start: a view of aggregates stays");
	script($dbname, 'DROP VIEW means');
	is(differences([ catalogue($node, $dbname) ], \@fresh), '',
		"$start: the catalogue after the update is that of a fresh database");
}

# The comparison sees what an upgrade script may forget.
new_database($node, 'altered');
my @before = catalogue($node, 'altered');
is(differences(\@before, \@fresh), '', 'two fresh databases do not differ');
foreach my $change (
	'ALTER FUNCTION epochs COST 7',
	'ALTER FUNCTION epochs PARALLEL RESTRICTED',
	"COMMENT ON FUNCTION epochs IS 'another'",
	'COMMENT ON TYPE loss_curve IS NULL',
	'REVOKE EXECUTE ON FUNCTION epochs FROM PUBLIC',
	'ALTER OPERATOR = (loss_curve, loss_curve) SET (RESTRICT = neqsel)',
	'ALTER TYPE loss_curve SET (STORAGE = extended)',
	'ALTER EXTENSION metaprobe DROP CAST (loss_curve AS jsonb)',
	'ALTER FUNCTION epochs DEPENDS ON EXTENSION plpgsql')
{
	script('altered', $change);
	my @after = catalogue($node, 'altered');
	isnt(differences(\@after, \@before), '', "seen: $change");
	@before = @after;
}

# Scripts are frozen, and ask for their own library.
foreach my $version (@released, $newest)
{
	next if $version eq '0.1.0';
	my @files = (
		$version eq $newest ? 'src/metaprobe.sql' : "released/metaprobe--$version.sql",
		glob("$FindBin::RealBin/../../released/metaprobe--*--$version.sql"));
	foreach my $file (map { /^\// ? $_ : "$FindBin::RealBin/../../$_" } @files)
	{
		# Before any other symbol that the library may lack.
		like(
			slurp_file($file),
			qr/^(?:(?!LANGUAGE C).)*(?:metaprobe_version(?:(?!LANGUAGE C).)*LANGUAGE C(?:(?!LANGUAGE C).)*)?^SELECT metaprobe_version\('\Q$version\E'::pg_catalog\.text\);$/ms,
			"asks for library $version: " . ($file =~ s/.*\///r));
	}
}

# The newest library with the SQL of a released version.
new_database($node, 'new_sql');
load_stored_values($node, 'new_sql');
my $new_answers = stored_answers($node, 'new_sql');
like($new_answers, qr/^samples\|405\|/, 'stored values answer');
my %sources = released_sources("$base/sources");
foreach my $version (@released)
{
	my $dbname = "old_sql_$version" =~ s/\./_/gr;
	my ($on_new, $with_new, @functions);

	new_database($node, $dbname, $version);
	load_stored_values($node, $dbname);
	is(tagged_at_aside(stored_answers($node, $dbname)), tagged_at_aside($new_answers),
		"$version: SQL of $version answers as that of $newest does");
	($on_new, @functions) = call_functions($node, $dbname);
	($with_new) = call_functions($node, 'new_sql', @functions);
	same_calls($version, "SQL of $newest", $with_new, $on_new);

  SKIP:
	{
		skip "no sources of $version", 1 unless exists $sources{$version};
		subtest "package of $version" => sub { change_packages($version, $sources{$version}, $on_new, @functions) };
	}
}

# When a tag was written differs from database to database.
sub tagged_at_aside
{
	my ($answers) = @_;
	return $answers =~ s/^((fitted )?tags)\|.*$/$1/mgr;
}

# An answer without what 0.2.0 defined anew.
sub but_novelty
{
	my ($answer) = @_;

	return $answer =~ s/\{[^{}]*"detector": "novelty"[^{}]*\}//gr =~ s/"novelty": [^,}]+/"novelty"/gr;
}

# All functions that a version had answered with values, and answer the same.
sub same_calls
{
	my ($version, $what, $said, $expected) = @_;
	my @signatures = sort keys %$expected;

	cmp_ok(scalar @signatures, '>=', 80, "$version: " . @signatures . ' functions called');
	my @silent = grep { $expected->{$_} !~ /[^\sn]/ || $expected->{$_} =~ /^(crash|psql|ERROR)/ } @signatures;
	is(join("\n", map { "$_: $expected->{$_}" } @silent), '', "$version: each has something to say");
	my @different =
	  grep { !says_at_least(but_novelty($said->{$_}), but_novelty($expected->{$_})) } @signatures;
	is(join("\n", map { "$_: " . substr($said->{$_}, 0, 300) . "\nnot: " . substr($expected->{$_}, 0, 300) } @different), '',
		"$version: $what gives what it gave");
	return;
}

# A server that has the package of that version, which is then exchanged for the
# newest one, and the other way round.
sub change_packages
{
	my ($version, $source, $expected, @functions) = @_;
	my $installed = 'pg_config';
	my $old = private_server("$base/old_$version");
	my $mixed = private_server("$base/mixed_$version");
	my $said;

	ok(build_into($old, $source), 'built from its sources') or return;
	is(slurp_file("$source/metaprobe--$version.sql"),
		slurp_file("$FindBin::RealBin/../../released/metaprobe--$version.sql"),
		'its install script is the one that is kept');
	install_library($old, $mixed);
	install_scripts($old, $mixed);

	my $server = PostgreSQL::Test::Cluster->new("changing_$version",
		install_path => dirname_of($mixed));
	$server->init(extra => ['--username=postgres']);
	$server->start;
	new_database($server, 'kept', $version);
	load_stored_values($server, 'kept');
	my $before = stored_answers($server, 'kept');
	is(tagged_at_aside($before), tagged_at_aside($new_answers), 'its answers are those of today');
	new_database($server, 'called', $version);
	load_stored_values($server, 'called');
	($said) = call_functions($server, 'called', @functions);
	same_calls($version, 'the newest library', $expected, $said);

	# The new SQL with the old library: a clear error, and nothing has changed.
	install_scripts($installed, $mixed);
	$server->safe_psql('postgres', 'CREATE DATABASE untouched TEMPLATE template0');
	my $too_old = qr/ERROR:  (42883: could not find function "metaprobe_library_\w+_or_newer" in file|55000: metaprobe's library is version \Q$version\E, but)/;
	like(error_of($server, 'CREATE EXTENSION metaprobe', dbname => 'untouched'), $too_old,
		'a library that is too old for CREATE EXTENSION');
	is(version_in($server, 'untouched'), '', 'nothing was created');
	like(error_of($server, 'ALTER EXTENSION metaprobe UPDATE', dbname => 'kept'), $too_old,
		'a library that is too old for ALTER EXTENSION UPDATE');
	is(version_in($server, 'kept'), $version, 'nothing was updated');
	is(stored_answers($server, 'kept'), $before, 'and it still answers');

	# The new library comes while a session has the old one loaded.
	my $session = session($server, 'kept');
	is($session->run(q{SELECT epochs('[1,2]')}), '2', 'a session that stays');
	install_library($installed, $mixed);
	is($session->run(q{SELECT epochs('[1,2,3]')}), '3', 'it goes on with what it has loaded');
	like($session->run('ALTER EXTENSION metaprobe UPDATE'), qr/could not find function|library is version/,
		'and cannot update with that');
	$session->quit;
	is(stored_answers($server, 'kept'), $before, "the newest library reads the values of $version");
	$server->safe_psql('kept', 'ALTER EXTENSION metaprobe UPDATE');
	is(version_in($server, 'kept'), $newest, 'updated');
	is(stored_answers($server, 'kept'), $before, 'the same answers after the update');
	$server->safe_psql('kept', 'REINDEX DATABASE kept');
	is(stored_answers($server, 'kept'), $before, 'and with indexes built anew');

	# And the package of before is put back, under SQL that is newer.
	$server->safe_psql('called', 'ALTER EXTENSION metaprobe UPDATE');
	install_library($old, $mixed);
	$server->restart;
	my $started = $server->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
	my ($downgraded, @newer) = call_functions($server, 'called');
	my @crashes = grep { $downgraded->{$_} =~ /^crash/ } sort keys %$downgraded;
	is("@crashes", '', scalar(@newer) . " functions of $newest with library $version: no crash");
	unlike(slurp_file($server->logfile), qr/PANIC|terminated by signal/, 'nor in the log');
	like($downgraded->{'metaprobe_version(text)'} // '', qr/could not find function|^"/,
		'what is missing is told');
	$server->stop;
	return;
}

# The prefix that PostgreSQL's test modules look below.
sub dirname_of
{
	my ($config) = @_;
	return $config =~ s{/bin/pg_config$}{}r;
}

$node->stop;
done_testing();
