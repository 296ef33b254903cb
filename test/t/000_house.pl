# The rules of the house that can be checked by reading: versions agree, parts
# are listed, layers hold, symbols are prefixed.

use strict;
use warnings;

use File::Basename;
use File::Spec;
use JSON::PP;
use Test::More;

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
