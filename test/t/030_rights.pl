# What a function gives of a relation is what its caller could select: compared,
# in one connection with everything warm, with the same function over a table
# that the caller fills by a SELECT of its own.  Who calls, how, what is granted
# and which rows a policy shows changes from one step to the next, at random.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main');
my $seed = random_seed();
my $steps = $ENV{METAPROBE_STEPS} // 300;

srand($seed);

# Relations: any of them can be a probe table, rows to be tagged, rows whose
# truth is known, a log of losses, and a table with labels.
$node->safe_psql(
	'postgres', qq{
CREATE ROLE keeper; CREATE ROLE reader; CREATE ROLE clerk; CREATE ROLE stranger; CREATE ROLE auditor BYPASSRLS;
GRANT CREATE ON SCHEMA public TO keeper;
CREATE TABLE allowed (owner name, who name);
INSERT INTO allowed VALUES ('a', 'reader'), ('b', 'reader'), ('b', 'clerk');
GRANT SELECT ON allowed TO PUBLIC;
SET ROLE keeper;
CREATE TABLE plain (id integer PRIMARY KEY, label text, curve loss_curve, truth boolean, owner name, secret text,
	run text, epoch integer, ids bigint[], losses real[]);
INSERT INTO plain SELECT n, (ARRAY['easy','hard','random_outputs'])[1 + n % 3], random_curve($seed, n, 6), n % 3 = 2,
	(ARRAY['a','b','c'])[1 + n % 3 + n / 40 - n / 40], 'hidden ' || n, 'one', n % 6, ARRAY[n / 6], ARRAY[n]
	FROM generate_series(1, 60) AS n;
CREATE TABLE by_owner AS TABLE plain;
ALTER TABLE by_owner ADD PRIMARY KEY (id), ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON by_owner USING (owner IN (SELECT a.owner FROM allowed a WHERE who = current_user));
CREATE TABLE forced AS TABLE plain;
ALTER TABLE forced ADD PRIMARY KEY (id), ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON forced USING (owner = 'a' OR current_user = 'keeper' AND owner = 'b');
CREATE TABLE by_setting AS TABLE plain;
ALTER TABLE by_setting ADD PRIMARY KEY (id), ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON by_setting USING (owner = current_setting('app.tenant', true));
CREATE VIEW owners_view AS SELECT * FROM by_owner WHERE owner <> 'c';
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM plain
	WHERE owner IN (SELECT a.owner FROM allowed a WHERE who = current_user);
CREATE VIEW invoker WITH (security_invoker) AS SELECT * FROM by_owner;
CREATE VIEW invoker_plain WITH (security_invoker, security_barrier) AS SELECT * FROM plain;
CREATE VIEW setting_view AS SELECT * FROM by_setting;
CREATE MATERIALIZED VIEW copied AS SELECT * FROM by_owner WHERE owner <> 'c';
CREATE TABLE parts (LIKE plain) PARTITION BY LIST (owner);
CREATE TABLE part_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE part_rest PARTITION OF parts DEFAULT;
ALTER TABLE part_rest ENABLE ROW LEVEL SECURITY;	-- asked only where it is read by its own name
INSERT INTO parts SELECT * FROM plain;
CREATE TABLE parent (LIKE plain);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent SELECT * FROM plain WHERE owner = 'a';
INSERT INTO child SELECT * FROM plain WHERE owner <> 'a';
RESET ROLE;

CREATE SCHEMA helpers;
GRANT USAGE ON SCHEMA helpers TO PUBLIC;
-- the same calls from PL/pgSQL, where what is kept from call to call lives longest
CREATE FUNCTION helpers.labels(relation regclass) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	label text;
	said text := '';
BEGIN
	FOR i IN 1..6 LOOP
		label := classify_metadata(format('[%s,1,%s,1,0]', i, 6 - i)::loss_curve, relation);
		said := said || label || ' ';
	END LOOP;
	RETURN said;
END \$\$;
});

my @relations = qw(plain by_owner forced by_setting owners_view barrier invoker
  invoker_plain setting_view copied parts part_a part_rest parent child);
my @roles = qw(keeper reader clerk stranger auditor);

# Calls: a name, what the caller must be able to select, and the query.  REL is
# the relation, in single quotes NAME.
my $own = q{CREATE TEMP TABLE own_rows AS SELECT n AS id, format('[%s,2,1,%s]', n % 5, n % 3)::loss_curve AS curve,
	n % 2 = 0 AS truth FROM generate_series(1, 12) AS n;};
my $own_suite = q{CREATE TEMP TABLE own_suite AS SELECT probe_suite_agg(l, format('[%s,2,1]', n)::loss_curve) AS suite
	FROM (VALUES ('easy', 0), ('random_outputs', 5)) AS v(l, n);};
my $curve = q{'[1,1,0.5,2]'::loss_curve};
my @suite_columns = qw(id label curve);
my $tags = sub {
	my ($source, $suite) = @_;

	return qq{SELECT count(*) FROM (SELECT create_tag_table('pg_temp.tags', '$source', '{id}')) AS made;
CALL refresh_tags('pg_temp.tags', '$source', '$suite');
SELECT id, label, distance, curve_hash FROM pg_temp.tags ORDER BY id;};
};
my @calls = (
	[ 'classify_metadata', \@suite_columns, "SELECT classify_metadata($curve, 'REL'::regclass)" ],
	[ 'classify_metadata', \@suite_columns, "SELECT classify_metadata($curve)", 'default' ],
	[ 'classify_metadata', \@suite_columns, q{SELECT helpers.labels('REL')} ],
	[ 'classify_metadata', \@suite_columns,
		"$own SELECT classify_metadata(curve, 'REL'::regclass), count(*) FROM own_rows GROUP BY 1 ORDER BY 1" ],
	[ 'tag_metadata', \@suite_columns, "SELECT tag_metadata($curve, 'REL'::regclass)" ],
	[ 'tag_metadata', \@suite_columns, "SELECT tag_metadata($curve)", 'default' ],
	[ 'label_score', \@suite_columns, "SELECT label_score($curve, 'hard', 'REL'::regclass)" ],
	[ 'label_score', \@suite_columns, "SELECT label_score($curve, 'hard')", 'default' ],
	[ 'metadata_probabilities', \@suite_columns, "SELECT * FROM metadata_probabilities($curve, 'REL'::regclass)" ],
	[ 'metadata_probabilities', \@suite_columns, "SELECT * FROM metadata_probabilities($curve)", 'default' ],
	[ 'nearest_probes', \@suite_columns, "SELECT * FROM nearest_probes($curve, 'REL'::regclass)" ],
	[ 'nearest_probes', \@suite_columns, "SELECT * FROM nearest_probes($curve, 'REL'::regclass, 2)" ],
	[ 'nearest_probes', \@suite_columns, "SELECT * FROM nearest_probes($curve, 3)", 'default' ],
	[ 'compare_detectors', [qw(truth curve)],
		"$own_suite SELECT * FROM compare_detectors('REL', 'truth', 'own_suite')" ],
	[ 'compare_detectors', \@suite_columns,
		"$own SELECT * FROM compare_detectors('own_rows', 'truth', 'REL', 'easy')" ],
	[ 'loss_curves', [qw(run epoch ids losses)], "SELECT * FROM loss_curves('REL', 'one') ORDER BY id" ],
	[ 'loss_curves', [qw(run epoch ids losses)], "SELECT * FROM loss_curves('REL', invalid => 'missing') ORDER BY id" ],
	[ 'tag_chart', ['label'], "SELECT tag_chart('REL'::regclass)" ],
	# looks at columns alone
	[ 'create_tag_table', ['id'],
		"SELECT count(*) FROM (SELECT create_tag_table('pg_temp.tags', 'REL', '{id}')) AS made; TABLE pg_temp.tags" ],
	[ 'refresh_tags', [qw(id curve)], $own_suite . $tags->('REL', 'own_suite') ],
	[ 'refresh_tags', \@suite_columns, $own . $tags->('own_rows', 'REL') ],);

# New functions that take a relation belong here.
is( $node->safe_psql(
		'postgres', q{
SELECT string_agg(DISTINCT proname, ' ' ORDER BY proname) FROM pg_proc JOIN pg_depend ON objid = pg_proc.oid
	AND deptype = 'e' AND classid = 'pg_proc'::regclass
JOIN pg_extension ON refobjid = pg_extension.oid AND extname = 'metaprobe'
WHERE 'regclass'::regtype = ANY (proargtypes)}),
	join(' ', sort keys %{ { map { $_->[0] => 1 } @calls } }),
	'every function that takes a relation is called here');

my $psql = session($node);
$psql->run(q{\set VERBOSITY sqlstate
SET client_min_messages = error});

sub one_of
{
	return $_[ int(rand(@_)) ];
}

# What a script prints, or the SQLSTATE of its first error.
sub outcome
{
	my ($sql) = @_;
	my $output = $psql->run($sql);

	return $output =~ /ERROR:  (\w{5})/ ? "error $1" : $output;
}

# The call over a relation, as the current role, leaving nothing behind.
sub call
{
	my ($call, $relation, $fill) = @_;
	my (undef, undef, $query, $default) = @$call;
	my $setting =
	  $default ? "SET LOCAL metaprobe.default_suite = '$relation';" : '';

	$fill //= '';
	return outcome("BEGIN; $fill $setting " . $query =~ s/REL/$relation/gr . '; ROLLBACK');
}

my %seen;
my @wrong;
foreach my $step (1 .. $steps)
{
	my ($role, $relation, $call) = (one_of(@roles), one_of(@relations), one_of(@calls));
	my $granted = one_of('ALL', 'SELECT', 'nothing', 'SELECT (id, label, curve)', 'SELECT (label, curve)',
		'SELECT (truth, curve)', 'SELECT (run, epoch, ids, losses)', 'SELECT (label)', 'SELECT (id)');

	# Another right and another tenant than before, each now and then.
	$psql->run('RESET SESSION AUTHORIZATION; RESET ROLE;');
	if (rand() < 0.6)
	{
		$psql->run("REVOKE ALL ON $relation FROM reader, clerk, auditor;"
			  . "REVOKE ALL (id, label, curve, truth, run, epoch, ids, losses) ON $relation FROM reader, clerk, auditor;"
			  . ($granted eq 'nothing' ? '' : "GRANT $granted ON $relation TO reader, clerk, auditor"));
	}
	$psql->run('SET app.tenant = ' . one_of(qw(a b c))) if rand() < 0.3;
	$psql->run('SET row_security = ' . one_of(qw(on on off)));
	$psql->run(one_of("SET ROLE $role", "SET SESSION AUTHORIZATION $role"));

	my $columns = join ', ', @{ $call->[1] };
	my $fill = "CREATE TEMP TABLE mine AS SELECT $columns FROM $relation;";
	$fill = qq{DO \$\$ BEGIN IF NOT has_column_privilege('$relation', 'id', 'SELECT') THEN
		RAISE insufficient_privilege; END IF; END \$\$; CREATE TEMP TABLE mine (id integer);}
	  if $call->[0] eq 'create_tag_table';
	my $own_copy = call($call, 'pg_temp.mine', $fill);
	my $got = call($call, $relation =~ s/^/public./r);

	$got =~ s/public\.\Q$relation\E/pg_temp.mine/g;
	my $kind = $own_copy =~ /^error (.*)/ ? "error $1" : 'answered';
	$seen{$kind}++;
	next if $got eq $own_copy;
	push @wrong,
	  "step $step, $role, $relation: $call->[2]\n  selected: $own_copy\n  function: $got";
}
is(join("\n", @wrong[ 0 .. ($#wrong < 4 ? $#wrong : 4) ]),
	'', "$steps calls give what their caller could select");
note "$_: $seen{$_}" foreach sort keys %seen;
cmp_ok($seen{answered} // 0, '>', $steps / 8, 'many were answered');
cmp_ok($seen{'error 42501'} // 0, '>', $steps / 8, 'many were denied');
$psql->run('RESET SESSION AUTHORIZATION; RESET row_security');

# A SECURITY DEFINER function lends its owner's rights, to its own relation
# whatever its caller has set, and has no others.
$node->safe_psql(
	'postgres', q{
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, reader, clerk, auditor;
CREATE TABLE traps (label text, curve loss_curve);
INSERT INTO traps VALUES ('trap', '[1]');
GRANT SELECT ON traps TO PUBLIC;
SET ROLE keeper;
CREATE FUNCTION named() RETURNS text LANGUAGE sql SECURITY DEFINER AS
	$$ SELECT classify_metadata('[1,1,1]', 'public.plain'::regclass) $$;
CREATE FUNCTION pinned() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = public, pg_temp SET metaprobe.default_suite = 'public.plain' AS
	$$ BEGIN RETURN classify_metadata('[1,1,1]'); END $$;
CREATE FUNCTION callers() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
	$$ BEGIN RETURN classify_metadata('[1,1,1]'); END $$;
CREATE FUNCTION of_forced() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
	$$ SELECT count(*) FROM nearest_probes('[1,1,1]'::loss_curve, 'public.forced'::regclass, 1000) $$;
});
$psql->run(q{SET metaprobe.default_suite = 'public.traps'; SET SESSION AUTHORIZATION stranger});
my $label = $psql->run('SELECT named()');
like($label, qr/^(easy|hard|random_outputs)$/, 'SECURITY DEFINER: the definer may read it');
is($psql->run('SELECT pinned()'), $label, 'SECURITY DEFINER: its own setting');
is($psql->run('SELECT callers()'), 'trap', 'SECURITY DEFINER: the setting is the caller\'s');
is($psql->run('SELECT classify_metadata(\'[1,1,1]\')'), 'trap', 'and is so again after these');
is(outcome(q{SELECT classify_metadata('[1,1,1]', 'public.plain'::regclass)}),
	'error 42501', 'nothing of it is left for the caller');
my $of_forced = $psql->run('SELECT of_forced()');
$psql->run('RESET SESSION AUTHORIZATION');
# a random curve may have none of these epochs, and then is no neighbour
is( $of_forced,
	$psql->run(q{SELECT count(coalesce(curve[0], curve[1], curve[2])) FROM plain WHERE owner IN ('a', 'b')}),
	'SECURITY DEFINER: forced row security of the definer');

# What is refused leaves no lock behind, and nothing of a table's rows in a message.
$psql->run('SET SESSION AUTHORIZATION stranger; BEGIN');
foreach my $call (grep { !$_->[3] } @calls)
{
	my $query = $call->[2] =~ s/REL/public.plain/gr;

	$psql->run('SAVEPOINT s');
	is(outcome($query), 'error 42501', "denied: $call->[0]");
	$psql->run('ROLLBACK TO s');
	is( $node->safe_psql('postgres',
			q{SELECT count(*) FROM pg_locks WHERE relation = 'plain'::regclass}),
		'0',
		"no lock is left: $call->[0]");
}
$psql->run('ROLLBACK; RESET SESSION AUTHORIZATION');

# Only its owner refreshes a tag table, and only as far as the owner sees.
$node->safe_psql(
	'postgres', q{
GRANT SELECT ON by_owner, plain, allowed TO reader, clerk;
CREATE SCHEMA readers AUTHORIZATION reader;
SET ROLE reader;
SELECT create_tag_table('readers.tags', 'by_owner');
CALL refresh_tags('readers.tags', 'by_owner', 'plain');
GRANT ALL ON SCHEMA readers TO clerk; GRANT ALL ON readers.tags TO clerk;
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM readers.tags'),
	'40', 'tags of the rows that the owner sees');
$psql->run('SET SESSION AUTHORIZATION clerk');
is(outcome(q{CALL refresh_tags('readers.tags', 'by_owner', 'plain')}),
	'error 42501', 'all privileges are not ownership');
$psql->run('RESET SESSION AUTHORIZATION');
is( $node->safe_psql('postgres', q{DELETE FROM allowed WHERE who = 'reader' AND owner = 'a';
SET ROLE reader; CALL refresh_tags('readers.tags', 'by_owner', 'plain'); SELECT count(*) FROM readers.tags}),
	"0|0|20|20\n20", 'what the owner no longer sees loses its tag');

$psql->quit;
$node->stop;
done_testing();
