# Any identifier is as good as another: with quotes, spaces, semicolons, other
# scripts, of exactly 63 bytes, and those that our statements use themselves.
# Every name that a function takes or makes is such a one at once: schema,
# table, columns, keys, suite, log, label, role, and the extension's schema.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_bare_node('main', extra => [ '--encoding=UTF8', '--no-locale', '--username=postgres' ]);

my %names = (
	'plain' => 'plain',
	'capitals' => 'MixedCase',
	'spaces' => ' two  words ',
	'double quotes' => 'say "this" now"',
	'only a quote' => '"',
	'single quotes' => "it's ''quoted''",
	'statement' => q{x"; DROP TABLE victim; --},
	'statement in a literal' => q{x'; DROP TABLE victim; --},
	'comment' => '/* not a comment',
	'dollars' => '$1 $$ $x$',
	'percent' => '%s%n%I%%',
	'backslash' => '\\x5c\\',
	'dots' => 'a.b.c',
	'newline and tab' => "a\nb\tc",
	'digits' => '1',
	'keyword' => 'select',
	'type' => 'text',
	'colons' => 'a::b:c',
	'braces' => '{a,b}',
	'accents' => 'naïveté',
	'combining' => "e\xcc\x81",
	'Chinese' => '樣本標籤',
	'right to left' => 'סדרה',
	'emoji' => "\xf0\x9f\x98\x80 \xf0\x9f\x91\xa9",
	'63 bytes' => 'a' x 63,
	'63 bytes and quotes' => ('"' x 31) . ('a' x 32),
	'63 bytes of three each' => "\xe6\xa8\xa3" x 21,
	'63 bytes, cut would split' => 'a' . ("\xc3\xa9" x 31),
	map { ("our own: $_" => $_) }
	  qw(s t w state is_there tag curve key_1 curve_hash_ tagged_curve tagged_suite added changed removed
	  truth scores scored fitted judged detectors quality computed mixture run epoch ids losses r l c tags));

sub identifier
{
	return '"' . $_[0] =~ s/"/""/gr . '"';
}

sub literal
{
	return "'" . $_[0] =~ s/'/''/gr . "'";
}

# The script for a name: {I} the identifier, {L} the literal, {R} the name of a
# table of that schema as text, {2} an identifier like it but for one byte.
my $setup = q{
CREATE SCHEMA {I};
CREATE ROLE {I};
GRANT ALL ON SCHEMA {I} TO {I};
SET ROLE {I};
SET search_path = {I};
CREATE TABLE {I}.{I} ({I} integer, {2} varchar(80), "other curve" {E}.loss_curve, "the truth" boolean, PRIMARY KEY ({I}, {2}));
INSERT INTO {I}.{I} SELECT n, {L} || n, format('[%s,%s,1]', n, n % 2)::{E}.loss_curve, n % 2 = 0 FROM generate_series(1, 9) AS n;
CREATE VIEW {I}."a view" AS SELECT {I} AS number, "other curve" AS {I}, "the truth" AS {2} FROM {I}.{I};
CREATE TABLE {I}.probes ({I} text, {2} {E}.loss_curve);
INSERT INTO {I}.probes VALUES ({L}, '[1,1,1]'), ({L}, '[2,1,1]'), ('random_outputs', '[8,0,1]'), ('random_outputs', '[9,0,1]');
CREATE TABLE {I}.{2} AS SELECT 7 AS id, {E}.probe_suite_agg({I}, {2}) AS {I} FROM {I}.probes;
};
my $questions = q{
SELECT {E}.classify_metadata('[1,1,1]', {R:probes}::regclass) = {L}, {E}.classify_metadata('[1,1,1]', {R2}::regclass) = {L};
SET metaprobe.default_suite = {R2};
SELECT {E}.classify_metadata('[1,1,1]') = {L}, ({E}.tag_metadata('[9,0,1]', {R:probes}::regclass)).runner_up = {L};
SELECT {E}.label_score('[1,1,1]', {L}) > 0.5;
SELECT count(*) FROM {E}.metadata_probabilities('[1,1,1]') WHERE label = {L};
SELECT count(*) FROM {E}.nearest_probes('[1,1,1]'::{E}.loss_curve, {R:probes}::regclass, 3) WHERE label = {L};
SELECT detector, auroc FROM {E}.compare_detectors({R}, 'the truth', {R2}, {L}) ORDER BY detector COLLATE "C";
SELECT detector, rows FROM {E}.compare_detectors({R:a view}, {L2}, {R:probes}, {L}, {L}) ORDER BY detector COLLATE "C";
SELECT {E}.tag_chart(array_agg(label), array_agg(n)) -> 'data' -> 'values' -> 0 ->> 'label' = {L}
	FROM (SELECT {L}::text AS label, 1::bigint AS n) AS x;
SELECT {E}.probe_suite_chart({I}) -> 'data' -> 'values' -> 0 ->> 'label' IN ({L}, 'random_outputs') FROM {I}.{2};
SELECT {E}.confusion_chart({I}) -> 'data' -> 'values' -> 0 ->> 'actual' IN ({L}, 'random_outputs') FROM {I}.{2};
SELECT count({E}.curve_chart('[1,1,1]', {I})) FROM {I}.{2};
SELECT {E}.create_loss_log({R:the log}) IS NOT NULL;
INSERT INTO {I}."the log" (run, epoch, ids, losses) VALUES ({L}, 0, '{1,2}', '{1,2}');
SELECT * FROM {E}.loss_curves({R:the log}, {L}) ORDER BY id;
DROP TABLE {I}.{I} CASCADE; SELECT {E}.create_loss_log({R}) IS NOT NULL;
DROP TABLE {I}.{I}; DROP TABLE {I}.{2};
};
my $tag_questions = q{
SELECT {E}.create_tag_table({R:the tags}, {R}) IS NOT NULL;
CALL {E}.refresh_tags({R:the tags}, {R}, {R2});
UPDATE {I}.{I} SET "other curve" = '[9,0,1]' WHERE {I} = 1;
DELETE FROM {I}.{I} WHERE {I} = 2;
INSERT INTO {I}.{I} VALUES (77, {L}, '[1,1,1]', true);
CALL {E}.refresh_tags({R:the tags}, {R}, {R:probes}, 'other curve', 1);
SELECT label = {L}, count(*) FROM {I}."the tags" GROUP BY 1 ORDER BY 1;
SELECT {E}.tag_chart({R:the tags}::regclass) -> 'data' -> 'values' -> 0 ->> 'label' IN ({L}, 'random_outputs');
SELECT {E}.create_tag_table({R:more tags}, {R:a view}, '{number}') IS NOT NULL;
ALTER TABLE {I}."more tags" ADD {I} integer;
CALL {E}.refresh_tags({R:more tags}, {R:a view}, {R2}, {L});
CALL {E}.refresh_tags({R:more tags}, {R:a view}, {R:probes}, {L});
SELECT count(*), count({I}) FROM {I}."more tags";
ALTER TABLE {I}."more tags" DROP {I};
SELECT {E}.create_tag_table({R:key tags}, {R:a view}, ARRAY['number', {L2}]) IS NOT NULL;
CALL {E}.refresh_tags({R:key tags}, {R:a view}, {R:probes}, {L});
DROP TABLE {I}."the tags", {I}."more tags", {I}."key tags";
};

sub script
{
	my ($template, $name, $extension) = @_;
	my $other = $name;

	# one byte less, or another last one
	$other =~ s/(?:[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]+)$/length($name) > 60 ? 'Z' : "$&Z"/e;
	my $schema = identifier($name);
	my %what = (
		E => identifier($extension),
		I => $schema,
		2 => identifier($other),
		L => literal($name),
		L2 => literal($other),
		R => literal("$schema.$schema"),
		R2 => literal("$schema." . identifier($other)));

	$template =~ s/\{R:([^}]+)\}/literal("$schema." . identifier($1))/ge;
	$template =~ s/\{(E|I|2|L|L2|R|R2)\}/$what{$1}/g;
	return $template;
}

# What a name's script prints, with the verbosity of errors.
sub answers
{
	my ($dbname, $name, $extension) = @_;
	my $session = session($node, $dbname);
	my $said;

	$session->run('SET client_min_messages = error');
	$said = $session->run(script("$setup $tag_questions $questions", $name, $extension));
	$said .= $session->run(script('RESET ROLE; DROP SCHEMA {I} CASCADE; DROP ROLE {I}', $name, $extension));
	$session->quit;
	return $said;
}

$node->safe_psql('postgres', 'CREATE EXTENSION metaprobe; CREATE TABLE victim AS SELECT 1 AS x');
my $expected = answers('postgres', 'plain', 'public');
unlike($expected, qr/ERROR/, 'a plain name');
cmp_ok(scalar(split /\n/, $expected), '>', 35, 'there is something to compare');

is(answers('postgres', $names{$_}, 'public'), $expected, "names: $_")
  foreach sort keys %names;
is($node->safe_psql('postgres', 'SELECT x FROM victim'), '1', 'nothing was injected');

# The same with the extension in a schema of such a name.
my $n = 0;
foreach my $kind ('double quotes', 'single quotes', 'statement', 'percent', 'newline and tab', 'keyword',
	'Chinese', '63 bytes and quotes')
{
	my ($name, $dbname) = ($names{$kind}, 'other' . $n++);

	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, script('CREATE SCHEMA {E}; CREATE EXTENSION metaprobe SCHEMA {E}; GRANT USAGE ON SCHEMA {E} TO PUBLIC',
		'plain', $name));
	is(answers($dbname, 'plain', $name), $expected, "the extension's schema: $kind");
	$node->safe_psql('postgres', "DROP DATABASE $dbname");
}

# Names that are too long are cut like everywhere, at a whole character, and
# then collide like everywhere; names that PostgreSQL generates do not.
my $long = 'a' . ("\xc3\xa9" x 40);
my $cut = 'a' . ("\xc3\xa9" x 31);
$node->safe_psql('postgres', 'CREATE TABLE samples (id integer PRIMARY KEY, curve loss_curve)');
is( $node->safe_psql('postgres', "SET client_min_messages = error; SELECT create_tag_table('$long', 'samples')"),
	qq{"$cut"}, 'a name that is too long is cut');
like(error_of($node, "SELECT create_tag_table('$long', 'samples')"),
	qr/42P07: relation "$cut" already exists/, 'and then it is there already');
like(error_of($node, "SELECT create_loss_log('$long')"),
	qr/42P07: relation "$cut" already exists/, 'also for a log');
my ($one, $two) = (('n' x 62) . '1', ('n' x 62) . '2');
is( $node->safe_psql('postgres', qq{
SELECT length(create_tag_table('tags$_'::text || repeat('n', 58), 'samples')::text) FROM generate_series(1, 1)}),
	'63', "a tag table whose key's name must be made shorter, $_")
  foreach 1, 2;
is( $node->safe_psql('postgres', qq{SELECT create_loss_log('$one'); SELECT create_loss_log('$two');
	SELECT count(DISTINCT indexrelid::regclass::text) FROM pg_index WHERE indrelid IN ('$one'::regclass, '$two'::regclass)}),
	"$one\n$two\n2", 'logs whose indexes would have one name');

# Names are looked up as they are: no function takes one that must be quoted
# for a piece of SQL.
foreach my $call (
	q{create_tag_table('x; DROP TABLE victim', 'samples')},
	q{create_tag_table('x" (y int); DROP TABLE victim; --', 'samples')},
	q{create_tag_table('x', 'samples', '{"id; DROP TABLE victim"}')},
	q{create_loss_log('x (y int); DROP TABLE victim; --')},
	q{compare_detectors('samples', 'true; DROP TABLE victim', 'samples')},
	q{compare_detectors('samples', 'id', 'samples', NULL, 'curve; DROP TABLE victim')})
{
	like(error_of($node, "SELECT $call"), qr/ERROR:  (42602|42703|42P01|42804|42601)/, "refused: $call");
}
like(error_of($node, q{SELECT classify_metadata(NULL::loss_curve); SET metaprobe.default_suite = 'public.samples; DROP TABLE victim'}),
	qr/ERROR:  22023/, 'refused: a setting');
is($node->safe_psql('postgres', 'SELECT x FROM victim'), '1', 'nothing was injected');

$node->stop;
done_testing();
