# The documents keep their promises: links lead somewhere, commands exist and
# have the options that are shown, and make dist makes a whole distribution.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename;
use File::Spec;
use FindBin;
use Test::More;

use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;

my $root = abs_path("$FindBin::RealBin/../..");

chdir $root or die "cannot enter $root: $!";

# The documents: all of the sources, whoever builds in this tree.
my @documents = sort grep { !m{/(?:tmp_check|node_modules|results)/} }
  map { s{^\./}{}r } split /\n/, qx(find . -name '*.md' -not -path './.git/*' -not -path './debian/*');
cmp_ok(scalar @documents, '>=', 12, 'there are documents');

# The text of a document without its code.
sub prose
{
	my ($text) = @_;

	$text =~ s/^```.*?^```$//msg;
	return $text =~ s/`[^`]*`/``/gr;
}

# What a heading is called in a link.
sub anchor
{
	my ($heading) = @_;

	$heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
	$heading = lc($heading =~ s/[`*]//gr);
	$heading =~ s/[^\w\- ]//g;
	return $heading =~ s/ /-/gr;
}

sub anchors
{
	my ($text) = @_;
	my %seen;

	return { map { my $a = anchor($_); $seen{$a}++ ? ("$a-" . ($seen{$a} - 1) => 1) : ($a => 1) }
		  $text =~ s/^```.*?^```$//msgr =~ /^#+ +(.*?)\s*$/mg };
}

# The faults of a document's links.
sub link_faults
{
	my ($name, $text) = @_;
	my @faults;

	foreach my $target (prose($text) =~ /\]\(([^)\s]*)(?:\s+"[^"]*")?\)/g, prose($text) =~ /<((?:https?|mailto):[^>]*)>/g)
	{
		if ($target =~ /^[a-z]+:/)
		{
			push @faults, "$target is no address"
			  unless $target =~ m{^https?://[\w.-]+\.[a-z]{2,}(?:[/#?][^\s"<>\\]*)?$};
			next;
		}
		my ($file, $anchor) = $target =~ /^([^#]*)(?:#(.*))?$/;
		my $path = $file eq '' ? $name : File::Spec->catfile(dirname($name), $file);

		push(@faults, "$target leads out of the repository"), next
		  if index(abs_path(dirname("$root/$path")) // '', $root) != 0;
		push(@faults, "$target leads nowhere"), next unless -e "$root/$path";
		push @faults, "$target: no such heading"
		  if defined $anchor && !anchors($file eq '' ? $text : slurp_file("$root/$path"))->{$anchor};
	}
	return @faults;
}

my $n_links = 0;
foreach my $document (@documents)
{
	my $text = slurp_file($document);

	$n_links += () = prose($text) =~ /\]\(/g;
	is(join("\n", link_faults($document, $text)), '', "links of $document");
}
note "$n_links links";
cmp_ok($n_links, '>', 50, 'links were looked at');
foreach my $bad ('[a](doc/nothing.md)', '[a](#nowhere)', '[a](doc/reference.md#nowhere)', '[a](../../etc/passwd)',
	'[a](http:/x)', '[a](https://nodot)', '<https://bad host>')
{
	isnt(join(' ', link_faults('README.md', "# Here\n$bad\n")), '', "found to be a bad link: $bad");
}
is(join(' ', link_faults('README.md', "# A b\n[a](#a-b) [b](doc/reference.md#the-type-loss_curve) <https://a.org/x> `[c](d)`\n")),
	'', 'good links');

# Commands: in blocks without language or of sh, and between backquotes.  Ours
# are there, may be run, and have the options that are shown with them.
my %help;

sub help
{
	my ($command) = @_;

	$help{$command} //= do
	{
		my $said = qx(./$command --help 2>&1 </dev/null);
		$? == 0 ? $said : "status $?: $said";
	};
	return $help{$command};
}

my $makefile = slurp_file('Makefile');
my %target = map { $_ => 1 } qw(all install installcheck clean), $makefile =~ /^([\w-]+):/mg;
my ($part_list) = slurp_file('script/test') =~ /^\tparts=\(([a-z ]+)\)$/m;
my %part = map { $_ => 1 } split / /, $part_list;
my %long = map { basename($_, '.sh') => 1 } glob('script/long/*.sh');

sub command_faults
{
	my ($line) = @_;
	my ($command, @arguments) = split ' ', $line =~ s/\s+#.*//r;
	my @faults;

	if ($command eq 'make')
	{
		return map { "make has no target $_" } grep { /^[a-z]/ && !$target{$_} } @arguments;
	}
	return () unless $command =~ m{^(?:script|report|examples|test|clients)/[\w/.-]+$} && $command !~ m{/$|\.\w+$};
	return () if -d $command || ($command =~ m{/} && !-e $command && $command !~ m{^(?:script|report/run|.*/run$)});
	return ("$command is not there") unless -e $command;
	return () unless -f $command && slurp_file($command) =~ /^#!/;
	return ("$command may not be run") unless -x $command;
	push @faults, "$command --help ends with $1" if help($command) =~ /^(status \d+)/;
	foreach my $option (map { /^(--[\w-]+)/ ? $1 : () } @arguments)
	{
		push @faults, "$command does not know $option" unless $option eq '--help' || help($command) =~ /\Q$option\E\b/;
	}
	my $known = $command eq 'script/test' ? \%part : $command eq 'script/test-long' ? { %long, all => 1 } : undef;
	push @faults, map { "$command has no part $_" } grep { $known && /^[a-z]+$/ && !$known->{$_} } @arguments;
	return @faults;
}

my $n_commands = 0;
foreach my $document (@documents)
{
	my $text = slurp_file($document);
	my @lines = map { split /\n/ } $text =~ /^```(?:sh)?\n(.*?)^```$/msg;
	my @spans = map { s/\s+/ /gr } $text =~ s/^```.*?^```$//msgr =~ /`([^`]+)`/g;
	my @commands = grep { /^(?:sudo )?(?:make|(?:script|report|examples|test)\/)/ } @lines, @spans;

	s/^sudo // for @commands;
	$n_commands += @commands;
	is(join("\n", map { command_faults($_) } @commands), '', "commands of $document");
}
note "$n_commands commands, the help of " . join(', ', sort keys %help);
cmp_ok(scalar keys %help, '>=', 7, 'commands with help');
foreach my $bad ('script/tset', 'script/demo --forever', 'script/test nonsense', 'make nonsense', 'report/run --nonsense')
{
	isnt(join(' ', command_faults($bad)), '', "found to be a bad command: $bad");
}
is(join(' ', map { command_faults($_) } 'script/test core regress', 'script/demo --keep', 'make dist', 'make installcheck REGRESS=x'),
	'', 'good commands');
# Every command and part is mentioned where a reader looks for it.
my $readme = slurp_file('README.md') . slurp_file('CONTRIBUTING.md');
like($readme, qr/\Q$_\E/, "$_ is in README.md or CONTRIBUTING.md")
  for qw(script/test script/test-long script/demo examples/digits/run examples/runs/run report/run), 'make dist';
like(help('script/test'), qr/^  $_ /m, "script/test --help tells of $_") foreach sort keys %part;
like(help('script/test-long'), qr/^  $_ /m, "script/test-long --help tells of $_") foreach sort keys %long;

# The distribution has all files, and its own house rules hold.
SKIP:
{
	skip 'zip and unzip are not here', 3 unless grep({ -x "$_/zip" } split /:/, $ENV{PATH}) && grep({ -x "$_/unzip" } split /:/, $ENV{PATH});
	my $place = PostgreSQL::Test::Utils::tempdir();
	my ($zip) = run_command([ 'script/dist', $place ]);
	my ($version) = slurp_file('metaprobe.control') =~ /^default_version = '(.*)'$/m;

	is(basename($zip), "metaprobe-$version.zip", 'the name of the distribution');
	system_or_bail('unzip', '-q', $zip, '-d', $place);
	my @packed = split /\n/, qx(cd $place/metaprobe-$version && find . -type f | sort);
	my @sources = grep { !m{\.(?:o|so|bc|pyc|zip)$|^\./metaprobe--|^\./(?:\.git|\.ci/|debian/)|/(?:tmp_check|tmp_check_iso|results|output_iso|__pycache__|build)/|^\./regression\.} }
	  split /\n/, qx(find . -type f | sort);
	is(join("\n", @packed), join("\n", @sources), 'it has all files, and no other');
	ok(-x "$place/metaprobe-$version/script/test", 'what may be run still may');
	is(system("cd $place/metaprobe-$version && $^X test/t/000_house.pl >$place/house.log 2>&1"), 0, 'its own house rules hold')
	  or diag(slurp_file("$place/house.log"));
}

done_testing();
