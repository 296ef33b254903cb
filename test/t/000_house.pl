# The rules of the house that can be checked by reading: versions agree, parts
# are listed, layers hold, symbols are prefixed.

use strict;
use warnings;

use File::Basename;
use File::Spec;
use FindBin;
use JSON::PP;
use Test::More;

use lib $FindBin::RealBin;
use SourceRules;

my $root = File::Spec->rel2abs(dirname(__FILE__) . '/../..');

sub slurp
{
	my ($name) = @_;
	open(my $file, '<:raw', "$root/$name") or die "cannot open $name: $!";
	local $/;
	return scalar <$file>;
}

sub files
{
	my @paths = map { File::Spec->abs2rel($_, $root) } map { glob("$root/$_") } @_;
	return sort @paths;
}

# Versions.
my ($version) = slurp('metaprobe.control') =~ /^default_version = '(.*)'$/m;
like($version, qr/^\d+\.\d+\.\d+$/, 'the control file has a version');
like(slurp('CHANGELOG.md'), qr/^## \Q$version\E\b/m,
	"CHANGELOG.md has an entry for $version");


# Every released version is in the changelog, has its script, and leads to this
# one step by step.
my @scripts = map { /metaprobe--(.*)\.sql$/ ? $1 : () } files('released/*.sql');
my %next = map { /^(.*)--(.*)$/ ? ($1 => $2) : () } @scripts;
my @released = grep { !/--/ } @scripts;
cmp_ok(scalar @released, '>=', 1, 'there are released versions');
for my $released (@released)
{
	my $at = $released;

	like(slurp('CHANGELOG.md'), qr/^## \Q$released\E \(\d{4}-\d\d-\d\d\)$/m, "CHANGELOG.md has a date for $released");
	$at = delete $next{$at} while defined $next{$at};
	is($at, $version, "an upgrade path from $released");
	%next = map { /^(.*)--(.*)$/ ? ($1 => $2) : () } @scripts;
}
my @versions = slurp('CHANGELOG.md') =~ /^## (\d\S*)/mg;
is(join(' ', grep { $_ ne $version } @versions), join(' ', reverse grep { $_ ne $version } @released),
	'CHANGELOG.md has these versions, newest first');
like(slurp('packaging/debian/changelog'), qr/\Ametaprobe \(\Q$version\E-\d+\)/, "Debian's changelog has the version");
is(slurp('packaging/debian/control'), slurp('packaging/debian/control.in') =~ s/PGVERSION/15/gr,
	"Debian's control file is made of control.in");
# What a reader is told to install is what the tests run on.
my ($oldest) = slurp('script/lib/packages.sh') =~ /^oldest_major=(\d+)$/m;
like(slurp('README.md'), qr/PostgreSQL $oldest or newer/, 'README.md names the oldest server');
is(decode_json(slurp('META.json'))->{prereqs}{runtime}{requires}{PostgreSQL}, "$oldest.0.0", 'so does META.json');
is(slurp('packaging/debian/pgversions'), "$oldest+\n", "so does Debian's package");

# META.json by PGXN's specification 1.0.0: what it requires, and its types.
my $meta = decode_json(slurp('META.json'));
for my $key (qw(name abstract version maintainer license provides meta-spec))
{
	ok(defined $meta->{$key}, "META.json has $key");
}
is($meta->{'meta-spec'}{version}, '1.0.0', 'version of the specification');
is($meta->{version}, $version, 'META.json has the version of the control file');
like($meta->{name}, qr/^[^\s\/\\]{2,}$/, 'name of the distribution');
is($meta->{license}, 'postgresql', 'license is one the specification names');
like($meta->{release_status}, qr/^(stable|testing|unstable)$/,
	'release status');
for my $name (sort keys %{ $meta->{provides} })
{
	my $part = $meta->{provides}{$name};
	is($part->{version}, $version, "version of the provided $name");
	ok(-f "$root/$part->{file}", "file of the provided $name");
	ok(-f "$root/$part->{docfile}", "document of the provided $name");
}
ok(!(grep { ref } @{ $meta->{tags} }), 'tags are strings');
my %known = map { $_ => 1 } qw(name abstract description version maintainer license release_status provides prereqs
  tags meta-spec generated_by no_index resources);
is(join(' ', grep { !$known{$_} && !/^[xX]_/ } sort keys %$meta), '', 'META.json has no unknown key');
is(join(' ', grep { !/^\d+\.\d+\.\d+(?:-[A-Za-z0-9-]+)?$/ }
			map { ($_->{version}) } $meta, $meta->{'meta-spec'}, values %{ $meta->{provides} }),
	'', 'versions are semantic ones');
for my $phase (sort keys %{ $meta->{prereqs} })
{
	like($phase, qr/^(configure|build|test|runtime|develop)$/, "META.json has a phase $phase");
	for my $relation (sort keys %{ $meta->{prereqs}{$phase} })
	{
		like($relation, qr/^(requires|recommends|suggests|conflicts)$/, "with a relation $relation");
		like($_, qr/^(?:[<>=!]{1,2} ?)?\d+\.\d+\.\d+$/, "a version, $_") for values %{ $meta->{prereqs}{$phase}{$relation} };
	}
}
is(join(' ', grep { !defined $_->{file} || !defined $_->{version} } values %{ $meta->{provides} }), '', 'what it provides');

# Every declaration is part of the install script, every test has its answer.
my $makefile = slurp('Makefile');
like($makefile, qr/^\h*(SQL_PARTS = )?\Q$_\E\b/m, "$_ is in the install script")
  for files('src/*.sql');
for my $test (files('sql/*.sql'))
{
	my $answer = $test =~ s{^sql/(.*)\.sql$}{expected/$1.out}r;
	ok(-f "$root/$answer", "$test has $answer");
}
for my $answer (files('expected/*.out'))
{
	my $test = $answer =~ s{^expected/(.*?)(_\d+)?\.out$}{sql/$1.sql}r;
	ok(-f "$root/$test", "$answer has $test");
}
for my $spec (files('test/isolation/specs/*.spec'))
{
	my $answer = $spec =~ s{specs/(.*)\.spec$}{expected/$1.out}r;
	ok(-f "$root/$answer", "$spec has $answer");
}
for my $answer (files('test/isolation/expected/*.out'))
{
	my $spec = $answer =~ s{expected/(.*?)(_\d+)?\.out$}{specs/$1.spec}r;
	ok(-f "$root/$spec", "$answer has $spec");
}

# Every function says what the planner may make of it, and is in the reference,
# unless it only serves an object that is (a type, an operator, an aggregate, a
# cast, or as support function).
my $install = join "\n", map { slurp($_) } files('src/*.sql');
my $reference = slurp('doc/reference.md');
my @statements = sql_statements($install);
my $functions = created_functions($install);
my @labelled = grep { /^CREATE FUNCTION/ } @statements;
cmp_ok(scalar @labelled, '>', 80, 'functions in src/*.sql');
for my $label (qr/\b(?:IMMUTABLE|STABLE|VOLATILE)\b/, qr/\bPARALLEL (?:SAFE|RESTRICTED|UNSAFE)\b/, qr/\bCOST \d+/)
{
	is(join("\n", map { substr($_, 0, 60) } grep { $_ !~ $label } @labelled), '', "every function has its $label");
}
my $served = join "\n",
  map { /^CREATE\s+(?:AGGREGATE|TYPE|OPERATOR|CAST)\b/ ? s/^CREATE\s+AGGREGATE\s+\w+//r : /\bSUPPORT\s+(\w+)/ ? $1 : () }
  @statements;
my %described = map { $_ => 1 } map { /\w+/g } $reference =~ s/^```.*?^```$//msgr =~ /`([^`]+)`/g;
is(join(' ', grep { !$described{$_} && $served !~ /\b$_\b/ } sort keys %$functions), '', 'functions are in the reference');
is(join(' ', grep { !$described{$_} } map { /^CREATE\s+TYPE\s+(\w+)/ ? $1 : () } @statements), '', 'types are in the reference');
is(join(' ', grep { index($reference, '`' . s/\|/\\|/gr) < 0 && index($reference, " $_`") < 0 && $reference !~ /`[^`\n]*\Q${\ s{\|}{\\|}gr}\E[^`\n]*`/ }
			map { /^CREATE\s+OPERATOR\s+([^\s\w(]+)/ ? $1 : () } @statements),
	'', 'operators are in the reference');
my @settings = map { slurp($_) =~ /DefineCustom\w+Variable\(\s*"([\w.]+)"/g } files('src/*.c');
cmp_ok(scalar @settings, '>=', 2, 'settings');
is(join(' ', grep { $reference !~ /`\Q$_\E`/ } @settings), '', 'settings are in the reference');
my %codes = (DATA_EXCEPTION => '22000', NUMERIC_VALUE_OUT_OF_RANGE => '22003', NULL_VALUE_NOT_ALLOWED => '22004',
	INVALID_PARAMETER_VALUE => '22023', ARRAY_SUBSCRIPT_ERROR => '2202E', INVALID_TEXT_REPRESENTATION => '22P02',
	INVALID_BINARY_REPRESENTATION => '22P03', CARDINALITY_VIOLATION => '21000', UNDEFINED_COLUMN => '42703',
	AMBIGUOUS_COLUMN => '42702', DATATYPE_MISMATCH => '42804', WRONG_OBJECT_TYPE => '42809', UNDEFINED_TABLE => '42P01',
	PROGRAM_LIMIT_EXCEEDED => '54000', OBJECT_NOT_IN_PREREQUISITE_STATE => '55000', FEATURE_NOT_SUPPORTED => '0A000',
	DUPLICATE_COLUMN => '42701', UNDEFINED_OBJECT => '42704', OUT_OF_MEMORY => '53200', DATA_CORRUPTED => 'XX001');
my %raised = map { $_ => 1 } map { slurp($_) =~ /\bERRCODE_(\w+)/g } files('src/*.[ch]');
is(join(' ', grep { !$codes{$_} || $reference !~ /^\|[^|\n]*\b$codes{$_}\b/m } sort keys %raised), '',
	'errors are in the table of errors');
# and every C function of an SQL declaration is there, and the other way round
my %declared = map { $_ => 1 } $install =~ /'MODULE_PATHNAME', '(\w+)'/g;
my %defined = map { $_ => 1 } map { slurp($_) =~ /\b(?:PG_FUNCTION_INFO_V1|METAPROBE_FUNCTION)\((\w+)\)/g } files('src/*.c');
is(join(' ', grep { !$defined{$_} } sort keys %declared), '', 'symbols that SQL declares are defined');

# Layers: the core knows no PostgreSQL; one file knows its versions.
my @includes = grep { slurp($_) =~ /#include\s+"(postgres|fmgr|utils\/|\.\.\/)/ }
  files('src/core/*.[ch]');
is("@includes", '', 'src/core includes no header of PostgreSQL or of src');
my @versioned = grep { slurp($_) =~ /PG_VERSION_NUM/ } files('src/*.[ch]');
is("@versioned", 'src/compat.h', 'server versions differ in src/compat.h only');

# The library exports nothing that could clash with another extension.
SKIP:
{
	my $library = "$root/metaprobe.so";
	skip 'the library is not built here', 1 unless -f $library;
	my @symbols = map { (split)[-1] }
	  grep { / [TDBR] / } qx(nm -D --defined-only "$library");
	my @strange = grep {
		!/^(pg_finfo_)?(metaprobe|loss_curve)_/
		  && !/^(_PG_init|Pg_magic_func|_init|_fini)$/
	} @symbols;
	is("@strange", '', 'exported symbols have our prefix');
}

done_testing();
