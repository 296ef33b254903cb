# Documents as tests: the SQL in a Markdown file is run in its order, and what
# it prints is compared with the output that the document shows.
#
# A recipe is a block that begins with ```sql or ```python; a block without a
# language, with only blank lines between, is its output.  A recipe that shows
# no output must print nothing, if the caller checks those as well.
#
# METAPROBE_REWRITE=1 writes what was printed into the document instead.
package Recipes;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use FindBin;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  recipes
  recipe_session
  run_recipe
  check_recipes
  has_python_modules
);

our $root = "$FindBin::RealBin/../..";

# Does Debian's Python have these?
sub has_python_modules
{
	my $import = 'import ' . join(', ', @_);
	my ($found) = eval { run_command([ '/usr/bin/python3', '-c', "$import; print('all')" ]) };

	return defined $found && $found eq 'all';
}

# The recipes of a document: its title (the heading above, and its line), language,
# code, output if it has one, and for the rewriting the lines to replace.
sub recipes
{
	my ($document) = @_;
	my @lines = split /\n/, slurp_file("$root/$document");
	my ($heading, @recipes, $last) = ('');

	for (my $i = 0; $i < @lines; $i++)
	{
		$heading = $1 if $lines[$i] =~ /^#+ +(.*)/;
		undef $last if $lines[$i] =~ /\S/ && $lines[$i] !~ /^```/;
		next unless $lines[$i] =~ /^```(\w*)$/;

		my ($language, $first) = ($1, ++$i);
		$i++ while $i < @lines && $lines[$i] ne '```';
		die "$document: the block at line $first does not end" if $i == @lines;

		my $text = join "\n", @lines[ $first .. $i - 1 ];
		if ($language eq 'sql' || $language eq 'python')
		{
			$last = {
				title => "$document:$first: $heading",
				heading => $heading,
				language => $language,
				code => $text,
				range => [ $i + 1, 0 ]
			};
			push @recipes, $last;
		}
		else
		{
			@$last{qw(output range)} = ($text, [ $first, $i - $first ])
			  if $language eq '' && $last;
			undef $last;
		}
	}
	return @recipes;
}

# A psql as a reader has it.
sub recipe_session
{
	my ($node, $dbname) = @_;

	return session($node, $dbname, '-Xq', '-P', 'pager=off', '-P',
		'footer=off');
}

# What a recipe prints, without the blanks at the ends of lines and blocks.
# Python gets the connection through the environment, as the session's database.
sub run_recipe
{
	my ($node, $psql, $recipe) = @_;
	my $output;

	if ($recipe->{language} eq 'sql')
	{
		$output = $psql->run($recipe->{code});
	}
	else
	{
		local $ENV{PGHOST} = $node->host;
		local $ENV{PGPORT} = $node->port;
		local $ENV{PGDATABASE} =
		  $psql->run("\\t\nSELECT current_database();\n\\t") =~ s/\s//gr;
		my ($stdout, $stderr) =
		  run_command([ '/usr/bin/python3', '-c', $recipe->{code} ]);

		$output = "$stdout$stderr";
	}
	return trimmed($output);
}

sub trimmed
{
	my ($text) = @_;

	$text =~ s/\h+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

# Runs recipes and checks what they print.
sub check_recipes
{
	my ($node, $psql, $document, @recipes) = @_;
	my @lines = split /\n/, slurp_file("$root/$document");

	# From the last to the first, the lines' numbers stay right.
	my @outputs = map { [ $_, run_recipe($node, $psql, $_) ] } @recipes;
	foreach (reverse @outputs)
	{
		my ($recipe, $output) = @$_;

		splice @lines, $recipe->{range}[0], $recipe->{range}[1],
		  defined $recipe->{output} ? $output : ('```', $output, '```')
		  if $output ne '' || defined $recipe->{output};
	}
	if ($ENV{METAPROBE_REWRITE})
	{
		open my $file, '>', "$root/$document" or die "$document: $!";
		print $file map { "$_\n" } @lines;
		close $file;
	}
	else
	{
		is($_->[1], trimmed($_->[0]{output} // ''), $_->[0]{title})
		  foreach @outputs;
	}
	return;
}

1;
