# Rules for SQL, in the install and upgrade scripts and in the C code that makes
# it, that can be checked by reading.  Each check returns the faults that it
# finds in a text; 033_source_rules.pl feeds them bad examples, too.
#
# The rules for scripts are those of pgspot, as far as they concern an extension
# without SECURITY DEFINER functions, tables and PL/pgSQL.
package SourceRules;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT = qw(
  sql_statements
  created_functions
  sql_faults
  c_sql_faults
);

# An SQL string, quoted name, dollar quote or comment.
my $quoted = qr/'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<tag>\$\w*\$).*?\k<tag>|--[^\n]*|\/\*.*?\*\//s;

# The statements of a script, without comments; psql's own lines apart.
sub sql_statements
{
	my ($script) = @_;
	my ($statement, $depth, @statements) = ('', 0);

	$script =~ s/^\\.*$//mg;
	while ($script =~ /\G($quoted|\w+|.)/gs)
	{
		my $token = $1;

		next if $token =~ m{^(?:--|/\*)};
		$depth++ if $token =~ /^ATOMIC$/i || ($depth && $token =~ /^CASE$/i);
		$depth-- if $depth && $token =~ /^END$/i;
		if ($token eq ';' && $depth == 0)
		{
			push @statements, $statement =~ s/^\s+|\s+$//gr if $statement =~ /\S/;
			$statement = '';
			next;
		}
		$statement .= $token;
	}
	push @statements, $statement =~ s/^\s+|\s+$//gr if $statement =~ /\S/;
	return @statements;
}

# Names of the functions that a script creates, which its bodies may call.
sub created_functions
{
	my %names =
	  map { /^CREATE\s+(?:FUNCTION|AGGREGATE|PROCEDURE)\s+(\w+)/i ? ($1 => 1) : () } sql_statements($_[0]);

	return \%names;
}

# What SQL writes like a function, and looks up no name.
my $constructs = qr/^(?:
	coalesce|least|greatest|row|rows|from|values|over|filter|group|exists|in|and|or|not|as|on|using|select|with|
	order|by|when|then|else|where|lateral|materialized|u|l|c|t|numeric|varchar|cast|any|all|limit|array|check|key|nullif|detectors)$/xi;

# Faults of an SQL expression or query whose names are looked up by a path that
# is not ours: operators and functions of pg_catalog that are not qualified,
# and what has a hidden operator.
sub expression_faults
{
	my ($text, $own) = @_;
	my @faults;

	$text =~ s/($quoted)/substr($1, 0, 1) eq '"' ? '""' : substr($1, 0, 1) eq "'" ? "''" : ' '/ges;
	$text =~ s/\bOPERATOR\(\s*(?:pg_catalog|%s|%OTHER)\.[^)]+\)/ , /gi;
	push @faults, "hidden operator in $1" while $text =~ /\b(nullif|between|is\s+(?:not\s+)?distinct\s+from)\b/gi;
	push @faults, "hidden operator in CASE $1" while $text =~ /\bcase\s+(?!when\b)(\w+)/gi;
	push @faults, "hidden operator in $1 (...)" while $text =~ /\b((?:not\s+)?(?:in|any|some))\s*\(/gi;
	push @faults, "hidden operator in $1" while $text =~ /\b((?:i?like|similar\s+to))\b/gi;

	$text =~ s/(\.|\(|\bSELECT\s+|,\s*)\*(?=[\s,)]|$)/$1/gi;	# s.*, count(*), SELECT *
	$text =~ s/::|:=|=>|\[\s*\w*\s*:\s*\w*\s*\]/ /g;
	push @faults, "unqualified operator $1" while $text =~ m{(?<![\w.])([-+*/<>=~!@#^&|`?]+|(?<=\s)%(?=\s))}g;

	while ($text =~ /(?<![\w.\$%])(?<!\bAS )(\w+)\s*\(/gi)
	{
		my $name = $1;

		next if $name =~ $constructs || $own->{$name} || $name =~ /^\d/;
		push @faults, "unqualified function $name";
	}
	return @faults;
}

# Kinds of statements that an extension's script needs; any other deserves a
# thought, and a rule.
my $kinds = qr/^(?:
	CREATE\s+(?:FUNCTION|PROCEDURE|AGGREGATE|TYPE|OPERATOR|CAST)\b |
	ALTER\s+(?:FUNCTION|TYPE|OPERATOR|EXTENSION)\b |
	DROP\s+(?:FUNCTION|PROCEDURE|AGGREGATE|TYPE|OPERATOR|CAST)\b |
	COMMENT\s+ON\b |
	SELECT\s+metaprobe_version\(''::pg_catalog\.text\)\z)/xi;

# Faults of a script, each with the beginning of its statement.  The functions
# are those that its bodies may call without their schema.
sub sql_faults
{
	my ($script, $own) = @_;
	my $is_update = $script =~ /^\\echo Use "ALTER EXTENSION/m;
	my @faults;

	push @faults, 'does not begin by refusing psql'
	  unless $script =~ /\A(?:--[^\n]*\n)*\\echo Use "(?:CREATE|ALTER) EXTENSION [^\n]*\\quit$/m;
	foreach my $statement (sql_statements($script))
	{
		my ($start) = $statement =~ /^(.{0,60})/;
		my $bare = $statement =~ s/($quoted)/''/gr;
		my @found;

		# An update may replace an aggregate that is used by views: from version 15 on
		# PostgreSQL replaces in an extension's script only what the extension owns.
		push @found, 'OR REPLACE'
		  if $bare =~ /^CREATE\s+OR\s+REPLACE\b/i && !($is_update && $bare =~ /^CREATE\s+OR\s+REPLACE\s+AGGREGATE\b/i);
		push @found, 'IF NOT EXISTS' if $bare =~ /\bIF\s+NOT\s+EXISTS\b/i;
		push @found, 'a statement of another kind' unless $bare =~ s/\s+OR\s+REPLACE\b//ir =~ $kinds;
		push @found, 'SECURITY DEFINER' if $bare =~ /\bSECURITY\s+DEFINER\b/i;
		push @found, 'LEAKPROOF' if $bare =~ /(?<!NOT )\bLEAKPROOF\b/i;
		push @found, 'TRANSFORM' if $bare =~ /\bTRANSFORM\b/i;
		push @found, 'pg_temp'
		  if $statement =~ s/\bsearch_path\s*=\s*pg_catalog\s*,\s*pg_temp\b//ir =~ /\bpg_temp\b/i;
		push @found, '@...@ within quotes'
		  if grep { /\@ext(?:schema|owner)/ } $statement =~ /('(?:[^']|'')*'|"(?:[^"]|"")*"|\$\w*\$.*?\$\w*\$)/gs;
		push @found, function_faults($statement, $bare, $own)
		  if $bare =~ /^CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b/i;
		push @faults, map { "$_: $start" } @found;
	}
	return @faults;
}

# A body is C, or SQL that is parsed while the path is ours (and that is
# qualified all the same), or else has a search_path of its own.
sub function_faults
{
	my ($statement, $bare, $own) = @_;
	my ($language) = $bare =~ /\bLANGUAGE\s+(\w+)/i;

	return ('no LANGUAGE') unless defined $language;
	return ($statement =~ /\bAS\s+'MODULE_PATHNAME'/i ? () : ('C of another library'))
	  if lc $language eq 'c';
	return ('in language internal') if lc $language eq 'internal';
	return expression_faults($1, $own)
	  if lc $language eq 'sql' && $statement =~ /\b(?:BEGIN\s+ATOMIC|RETURN)\b(.*)/is;
	return () if $bare =~ /\bSET\s+search_path\s*(?:=|TO)\s*pg_catalog\s*,\s*pg_temp\b/i;
	return ("$language without a pinned search_path");
}

# The arguments of a C call, from behind its parenthesis on.
sub c_arguments
{
	my ($text) = @_;
	my ($depth, @arguments) = (0, '');

	while ($text =~ /\G("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|.)/gs)
	{
		my $token = $1;

		return map { s/^\s+|\s+$//gr } @arguments if $token eq ')' && $depth == 0;
		$depth++ if $token =~ /^[(\[{]$/;
		$depth-- if $token =~ /^[)\]}]$/;
		if ($token eq ',' && $depth == 0)
		{
			push @arguments, '';
			next;
		}
		$arguments[-1] .= $token;
	}
	die "a call that does not end: $text";
}

# Faults of the SQL that a C file makes.  What %s stands for must be quoted on
# the spot, or be in a list of names known to be (name => how it is made).
sub c_sql_faults
{
	my ($code, $known, $own) = @_;
	my (@faults, $sql);

	$code =~ s{/\*.*?\*/}{}gs;
	$code =~ s/^#.*$//mg;
	$sql = '';
	while ($code =~ /\b(appendStringInfo(?:String|Char)?|psprintf|snprintf|SPI_execute\w*|SPI_prepare\w*)\s*\(/g)
	{
		my $call = $1;
		my @arguments = c_arguments(substr($code, pos $code));
		my $at = $call =~ /^append|^snprintf/ ? 1 : 0;
		my ($format, @values) = @arguments[ $at .. $#arguments ];

		$format =~ s/\b[A-Z_]+\b(?=(?:[^"]*"[^"]*")*[^"]*$)/"NAME"/g;	# macros between strings
		my $text = join '', $format =~ /"((?:[^"\\]|\\.)*)"/g;

		if ($call =~ /^(?:snprintf|SPI_)/)
		{
			push @faults, "$call makes or takes a statement in another way: $format"
			  if $call eq 'snprintf' || $format !~ /^(?:sql|query|plan|plan_query\(query\)|"[^%]*"(?:\s*"[^%]*")*)$/;
			$sql .= " ; $text";
			next;
		}
		my @places = $text =~ /%([-\d.l]*[a-zA-Z%])/g;
		@places = grep { $_ ne '%' } @places;
		foreach my $place (@places)
		{
			my $value = shift(@values) // '(nothing)';

			next if $place =~ /[duxc]$/;
			$value =~ s/\s+/ /g;
			next if $value =~ /^quote_(?:qualified_)?identifier\(/;
			next if $value =~ /^\w+ > 0 \? "[^"%]*" : "[^"%]*"$/;
			next if defined $known->{$value};
			push @faults, "not known to be quoted: $value";
		}
		$sql .= " ; $text" if $call ne 'psprintf' || $text =~ /\b(?:SELECT|CREATE|ALTER|DROP|COMMENT|OPERATOR)\b/;
	}
	# each %s is a name with its schema, or part of one
	$sql =~ s/%s(?=\s*\()/pg_catalog.x/g;
	$sql =~ s/((?:\bSET|[,;])\s+(?:%s|\w+))\s+=/$1/g;	# UPDATE ... SET column =
	push @faults, expression_faults($sql, $own);
	push @faults, "unqualified type $1" while $sql =~ /::(?!pg_catalog\.|%s)(\w+)/g;
	return @faults;
}

1;
