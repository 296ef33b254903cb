# Relations are read with the rights of whoever calls, row security included.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main');

# The curve classified is [1]; "secret" is nearest, then "close", then "far".
# One probe per label, so that the nearest one's wins.
$node->safe_psql(
	'postgres', q{
CREATE ROLE reader; CREATE ROLE stranger; CREATE ROLE clerk; CREATE ROLE auditor BYPASSRLS;
CREATE TABLE probes (label text, curve loss_curve, remark text, owner name);
INSERT INTO probes VALUES ('far', '[10]', '', 'reader'), ('close', '[3]', '', 'reader'),
	('secret', '[1]', '', 'postgres');
GRANT SELECT ON probes TO reader, auditor;
GRANT SELECT (label, curve) ON probes TO clerk;
CREATE TABLE numbered AS SELECT 1 AS id, label, curve FROM probes;
GRANT SELECT (label, curve) ON numbered TO clerk;
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
CREATE VIEW owners_view AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
CREATE VIEW invokers_view WITH (security_invoker) AS
	SELECT probe_suite_agg(label, curve) AS suite FROM probes;
GRANT SELECT ON owners_view, invokers_view TO reader, stranger;
CREATE SCHEMA hidden;
CREATE TABLE hidden.probes AS SELECT label, curve FROM probes;
GRANT SELECT ON hidden.probes TO stranger;
CREATE FUNCTION trusted_label(c loss_curve) RETURNS text LANGUAGE sql SECURITY DEFINER AS
	$$ SELECT classify_metadata(c, 'probes'::regclass) $$;
});

# What a role gets, or the SQLSTATE of the error, in one session.
my $psql = session($node);
$psql->run('\set VERBOSITY sqlstate');

sub as_role
{
	my ($role, $sql, %params) = @_;
	my $before = $params{before} // '';
	my $output = $psql->run("BEGIN; $before; SET LOCAL ROLE $role; $sql; ROLLBACK");

	return $output =~ s/^psql:\S+ ERROR:  //mr;
}

# All functions, with the relation and as the default
my @calls = (
	[ q{SELECT classify_metadata('[1]', %s)}, q{SELECT classify_metadata('[1]')} ],
	[ q{SELECT (tag_metadata('[1]', %s)).label}, q{SELECT (tag_metadata('[1]')).label} ],
	[
		q{SELECT label_score('[1]', 'close', %s)},
		q{SELECT label_score('[1]', 'close')}
	],
	[
		q{SELECT label FROM metadata_probabilities('[1]', %s) LIMIT 1},
		q{SELECT label FROM metadata_probabilities('[1]') LIMIT 1}
	],
	[
		q{SELECT label FROM nearest_probes('[1]', %s) LIMIT 1},
		q{SELECT label FROM nearest_probes('[1]'::loss_curve) LIMIT 1}
	]);

foreach my $relation ('probes', 'suites', 'invokers_view')
{
	foreach my $call (@calls)
	{
		is(as_role('stranger', sprintf $call->[0], "'$relation'::regclass"),
			'42501', sprintf("without SELECT on $relation: $call->[0]", 'it'));
		is( as_role(
				'stranger', $call->[1],
				before => "SET metaprobe.default_suite = 'public.$relation'"),
			'42501', "without SELECT on $relation: $call->[1]");
	}
}
like(
	error_of($node, q{SET ROLE stranger; SELECT classify_metadata('[1]', 'probes'::regclass)}),
	qr/ERROR:  42501: permission denied for table probes/,
	'the error names the table');
like(
	error_of($node, q{SET ROLE stranger; SELECT classify_metadata('[1]', 'suites'::regclass)}),
	qr/ERROR:  42501: permission denied for table suites/,
	'the error names the table of suites');

my $classify = q{SELECT classify_metadata('[1]', '%s'::regclass)};
is(as_role('reader', sprintf $classify, 'probes'), 'secret', 'with SELECT');
is(as_role('stranger', sprintf $classify, 'owners_view'),
	'secret', 'a view reads with the rights of its owner');
is(as_role('reader', sprintf $classify, 'invokers_view'),
	'secret', 'a view with security_invoker reads with those of the caller');
is(as_role('clerk', sprintf $classify, 'probes'),
	'secret', 'SELECT on the columns read is enough');
is(as_role('clerk', sprintf $classify, 'numbered'),
	'42501', 'an id is one of the columns read');
is(as_role('stranger', q{SELECT trusted_label('[1]')}),
	'secret', 'a function with SECURITY DEFINER lends its owner\'s rights');
is( as_role(
		'stranger',
		q{SELECT classify_metadata('[1]', oid::regclass) FROM pg_class
		WHERE relname = 'probes' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'hidden')}),
	'42501', 'without USAGE on the schema');
is( as_role('reader', sprintf($classify, 'probes'),
		before => 'REVOKE SELECT ON probes FROM reader'),
	'42501', 'after REVOKE');

# One connection, with everything warm: no role gets what another has read.
is( $node->safe_psql(
		'postgres', q{
PREPARE q AS SELECT classify_metadata('[1]', 'probes'::regclass), classify_metadata('[1]');
SET plan_cache_mode = force_generic_plan;
SET metaprobe.default_suite = 'public.probes';
EXECUTE q;
SET ROLE reader;
EXECUTE q;
SET ROLE stranger;
\set ON_ERROR_STOP off
EXECUTE q;
\echo :SQLSTATE
SET ROLE clerk;
EXECUTE q;
}),
	"secret|secret\nsecret|secret\n42501\nsecret|secret",
	'SET ROLE and a prepared statement');

$node->safe_psql(
	'postgres', q{
CREATE FUNCTION label_by(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE label text;
BEGIN
	label := classify_metadata('[1]'::loss_curve, relation);
	RETURN label;
EXCEPTION WHEN insufficient_privilege THEN
	RETURN 'denied';
END $$;
CREATE FUNCTION labels_of_roles(relation regclass, roles name[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text := '';
	name name;
	label text;
BEGIN
	FOREACH name IN ARRAY roles LOOP
		EXECUTE format('SET LOCAL ROLE %I', name);
		-- the same expression for all, in this function and in the other
		BEGIN
			label := classify_metadata('[1]'::loss_curve, relation);
		EXCEPTION WHEN insufficient_privilege THEN
			label := 'denied';
		END;
		said := said || name || ' ' || label_by(relation) || ' ' || label || E'\n';
	END LOOP;
	RETURN said;
END $$;
});

sub labels_of
{
	my ($relation, @roles) = @_;

	return $node->safe_psql('postgres',
		    "BEGIN; SELECT labels_of_roles('$relation', '{"
		  . join(',', @roles)
		  . "}'); ROLLBACK");
}

is( labels_of('probes', 'postgres', 'stranger', 'reader', 'stranger', 'clerk'),
	q{postgres secret secret
stranger denied denied
reader secret secret
stranger denied denied
clerk secret secret
},
	'SET ROLE within a PL/pgSQL function');

$node->safe_psql(
	'postgres', q{
CREATE FUNCTION plain_label(relation regclass) RETURNS text LANGUAGE plpgsql AS
	$$ DECLARE t text; BEGIN t := classify_metadata('[1]'::loss_curve, relation); RETURN t; END $$;
});
is( as_role(
		'reader', q{
DO $$
BEGIN
	SET LOCAL ROLE stranger;
	RAISE INFO '%', plain_label('probes');
END $$},
		before => q{SELECT plain_label('probes')}),
	"secret\n42501",
	'SET ROLE, the same expression, the same snapshot');

# Row security
$node->safe_psql(
	'postgres', q{
ALTER TABLE probes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON probes USING (owner = current_user);
CREATE POLICY clerks ON probes TO clerk USING (label <> 'secret' AND label <> 'close');
CREATE TABLE samples AS SELECT n AS id, '[1]'::loss_curve AS curve FROM generate_series(1, 100) AS n;
GRANT SELECT ON samples TO PUBLIC;
GRANT SELECT (owner) ON probes TO clerk;
});

foreach my $call (@calls)
{
	next if $call->[0] =~ /label_score/;
	is(as_role('reader', sprintf $call->[0], "'probes'::regclass"),
		'close', sprintf("row security: $call->[0]", 'it'));
	is( as_role(
			'reader', $call->[1],
			before => "SET metaprobe.default_suite = 'public.probes'"),
		'close',
		"row security: $call->[1]");
}
is( as_role('reader',
		q{SELECT label_score('[1]', 'secret', 'probes'::regclass)}),
	'22023', 'row security: a label that cannot be seen does not exist');
unlike(
	error_of($node, q{SET ROLE reader; SELECT label_score('[1]', 'none', 'probes'::regclass)}),
	qr/secret/, 'row security: no hint names it');
is( as_role(
		'reader',
		q{SELECT string_agg(label, ' ') FROM nearest_probes('[1]', 'probes'::regclass)}),
	'close far', 'row security: the probes that can be seen');
is(as_role('reader', sprintf $classify, 'owners_view'),
	'secret', 'row security: a view shows what its owner sees');
is(as_role('reader', sprintf $classify, 'invokers_view'),
	'close', 'row security: a view with security_invoker does not');
is(as_role('auditor', sprintf $classify, 'probes'),
	'secret', 'row security: BYPASSRLS');
is( as_role('reader', sprintf($classify, 'probes'),
		before => 'SET row_security = off'),
	'42501', 'row security: not to be turned off');
is( as_role('clerk', sprintf($classify, 'probes')),
	'far', 'row security: a policy of one role');
is( as_role('postgres', sprintf($classify, 'probes'),
		before => 'ALTER TABLE probes FORCE ROW LEVEL SECURITY'),
	'secret', 'row security: superusers bypass it');
is( labels_of('probes', 'postgres', 'reader', 'clerk', 'auditor', 'reader', 'stranger', 'postgres'),
	q{postgres secret secret
reader close close
clerk far far
auditor secret secret
reader close close
stranger denied denied
postgres secret secret
},
	'row security: SET ROLE within a PL/pgSQL function');
is( as_role(
		'reader', q{
SELECT classify_metadata(curve, 'probes'::regclass), count(*) FROM samples GROUP BY 1},
		before => q{
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0; SET parallel_leader_participation = off}),
	'close|100', 'row security: in parallel workers');

# The extension lends no rights of its own.
is( $node->safe_psql(
		'postgres', q{
SELECT count(*) FILTER (WHERE prosecdef OR proleakproof), count(*) > 50
FROM pg_proc JOIN pg_depend ON objid = pg_proc.oid AND deptype = 'e'
	AND classid = 'pg_proc'::regclass
JOIN pg_extension ON refobjid = pg_extension.oid AND extname = 'metaprobe'}),
	'0|t', 'no function is SECURITY DEFINER or LEAKPROOF');

$psql->quit;
$node->stop;
done_testing();
