# What is read from a relation follows the snapshot of the query: changes of
# other sessions once they are committed, its own at once, in PL/pgSQL too.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main');

# One probe per label: the vote is always tied, so that the label of the
# nearest probe wins.  The curve classified is [1].
my $restore = q{
DELETE FROM probes;
INSERT INTO probes VALUES ('far', '[10]'), ('close', '[3]');
DELETE FROM suites;
INSERT INTO suites SELECT probe_suite_agg(label, curve) FROM probes;
};
$node->safe_psql(
	'postgres', qq{
CREATE TABLE probes (label text, curve loss_curve);
CREATE TABLE suites (suite probe_suite);
CREATE VIEW live AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
$restore
CREATE TABLE samples AS SELECT n AS id, '[1]'::loss_curve AS curve FROM generate_series(1, 300) AS n;
ALTER DATABASE postgres SET metaprobe.default_suite = 'public.live';
});

my $forms = q{
	classify_metadata('[1]', 'probes'::regclass),
	classify_metadata('[1]', 'live'::regclass),
	classify_metadata('[1]'),
	classify_metadata('[1]', (SELECT suite FROM live)),
	(tag_metadata('[1]', 'probes'::regclass)).label,
	(SELECT label FROM metadata_probabilities('[1]', 'live'::regclass) LIMIT 1),
	(SELECT label FROM nearest_probes('[1]'::loss_curve) LIMIT 1)
};
my $query = "SELECT $forms";

sub all_say
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($session, $label, $name) = @_;

	is($session->run($query), join('|', ($label) x 7), $name);
	return;
}

my $one = session($node);
my $two = session($node);

#
# Two sessions
#

all_say($one, 'close', 'at first');
$two->run(q{BEGIN; INSERT INTO probes VALUES ('new', '[2]')});
all_say($two, 'new', 'its own change, not committed, is seen');
all_say($one, 'close', "another's change, not committed, is not seen");
$two->run('COMMIT');
all_say($one, 'new', "another's change, committed, is seen");

$one->run('BEGIN');
all_say($one, 'new', 'read committed: before the change');
$two->run(q{DELETE FROM probes WHERE label = 'new'});
all_say($one, 'close', 'read committed: after the change');
$one->run('SAVEPOINT s');
$one->run(q{INSERT INTO probes VALUES ('own', '[1]')});
all_say($one, 'own', 'after a change of its own');
$one->run('ROLLBACK TO s');
all_say($one, 'close', 'after a rollback to a savepoint');
$one->run(q{SAVEPOINT s; INSERT INTO probes VALUES ('own', '[1]'); RELEASE s});
all_say($one, 'own', 'after the release of a savepoint');
$one->run('ROLLBACK');
all_say($one, 'close', 'after a rollback');

foreach my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
	$one->run("BEGIN ISOLATION LEVEL $level");
	all_say($one, 'close', "$level: before the change");
	$two->run(q{INSERT INTO probes VALUES ('new', '[2]')});
	all_say($one, 'close', "$level: another's change is not seen");
	$one->run(q{INSERT INTO probes VALUES ('own', '[1]')});
	all_say($one, 'own', "$level: its own change is seen");
	$one->run('ROLLBACK');
	all_say($one, 'new', "$level: after the end");
	$one->run($restore);
}

# In a prepared statement, of which the plan is kept
$one->run("SET plan_cache_mode = force_generic_plan; PREPARE q AS $query");
$query = 'EXECUTE q';
all_say($one, 'close', 'prepared: before the change');
$two->run(q{INSERT INTO probes VALUES ('new', '[2]')});
all_say($one, 'new', 'prepared: after the change');
$one->run(q{INSERT INTO probes VALUES ('own', '[1]')});
all_say($one, 'own', 'prepared: after a change of its own');
$one->run($restore);
$query = "SELECT $forms";

# Frozen suites do not follow.
$two->run(q{INSERT INTO probes VALUES ('new', '[2]')});
is( $one->run(q{SELECT classify_metadata('[1]', 'suites'::regclass),
		classify_metadata('[1]', (SELECT suite FROM suites))}),
	'close|close', 'a frozen suite does not follow the probes');
$two->run('UPDATE suites SET suite = (SELECT suite FROM live)');
is( $one->run(q{SELECT classify_metadata('[1]', 'suites'::regclass),
		classify_metadata('[1]', (SELECT suite FROM suites))}),
	'new|new', 'until it is made again');
$one->run($restore);

# Parallel workers see what their leader sees, not committed changes included.
$one->run(
	q{
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0; SET parallel_leader_participation = off;
BEGIN; INSERT INTO probes VALUES ('own', '[1]')});
my $count =
  q{SELECT classify_metadata(curve, 'live'::regclass), count(*) FROM samples GROUP BY 1};
like($one->run("EXPLAIN $count"), qr/Gather/, 'a parallel plan');
is($one->run($count), 'own|300', 'workers see the changes of their own transaction');
$one->run('ROLLBACK');
is($one->run($count), 'close|300', 'and not after it is rolled back');
$one->run('RESET ALL');

# A statement does not see what it changes itself.
is( $one->run(q{
WITH added AS (INSERT INTO probes VALUES ('own', '[1]') RETURNING label)
SELECT label, classify_metadata('[1]', 'live'::regclass) FROM added}),
	'own|close', 'a CTE that adds a probe');
all_say($one, 'own', 'the next statement');
$one->run($restore);
is( $one->run(q{
UPDATE probes SET label = classify_metadata('[1]', 'probes'::regclass) || label
RETURNING label}),
	"closefar\ncloseclose", 'an update of the probes by their own labels');
$one->run($restore);

#
# PL/pgSQL
#

# One place in the code for every form, which keeps what it has read from call
# to call, so that the next call must notice by itself that it is out of date.
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION labels() RETURNS text LANGUAGE plpgsql AS $$
DECLARE a text; b text; c text; d text; e text; truth text;
BEGIN
	a := classify_metadata('[1]'::loss_curve, 'probes'::regclass);
	b := classify_metadata('[1]'::loss_curve, 'live'::regclass);
	c := classify_metadata('[1]'::loss_curve);
	d := classify_metadata('[1]'::loss_curve, (SELECT suite FROM live));
	e := (tag_metadata('[1]'::loss_curve, 'probes'::regclass)).label;
	SELECT label INTO truth FROM probes ORDER BY curve <-> '[1]' LIMIT 1;
	IF a = b AND b = c AND c = d AND d = e AND e = truth THEN
		RETURN a;
	END IF;
	RETURN concat_ws(',', a, b, c, d, e, 'but really ' || truth);
END $$;
CREATE FUNCTION label_by(r regclass) RETURNS text LANGUAGE plpgsql AS
	$$ DECLARE t text; BEGIN t := classify_metadata('[1]'::loss_curve, r); RETURN t; END $$;
CREATE FUNCTION default_label() RETURNS text LANGUAGE plpgsql AS
	$$ DECLARE t text; BEGIN t := classify_metadata('[1]'::loss_curve); RETURN t; END $$;
CREATE FUNCTION stable_labels() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE a text; b text; c text;
BEGIN
	a := classify_metadata('[1]'::loss_curve, 'probes'::regclass);
	b := classify_metadata('[1]'::loss_curve, 'live'::regclass);
	c := classify_metadata('[1]'::loss_curve);
	RETURN CASE WHEN a = b AND b = c THEN a ELSE concat_ws(',', a, b, c) END;
END $$;
});

# What a script raises as its result; all that it prints if that is not all.
sub said
{
	my ($sql) = @_;
	my $output = $one->run($sql);

	return $output =~ /^psql:\S+ INFO:  said: ([^\n]*)$/ ? $1 : $output;
}

sub does
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $code, $expected) = @_;

	is( said(
			"BEGIN; DO \$do\$ DECLARE said text := ''; r record; BEGIN $code
			 RAISE INFO 'said: %', said; END \$do\$; ROLLBACK"),
		$expected, $name);
	return;
}

does('PL/pgSQL: changes in a loop', q{
FOR i IN 1 .. 4 LOOP
	said := said || labels() || ' ';
	INSERT INTO probes VALUES ('new ' || i::text, ('[' || (3 - i * 0.2)::text || ']')::loss_curve);
END LOOP;
FOR i IN 1 .. 3 LOOP
	said := said || labels() || ' ';
	DELETE FROM probes WHERE label = 'new ' || (5 - i)::text;
	UPDATE probes SET curve = '[1.5]' WHERE label = 'new 1' AND i = 2;
END LOOP;
said := said || labels();
}, 'close new 1 new 2 new 3 new 4 new 3 new 1 new 1');

does('PL/pgSQL: exception blocks that are rolled back', q{
FOR i IN 1 .. 3 LOOP
	said := said || labels() || ' ';
	BEGIN
		INSERT INTO probes VALUES ('own', '[1]');
		said := said || labels() || ' ';
		RAISE EXCEPTION 'back';
	EXCEPTION WHEN raise_exception THEN
		said := said || labels() || ' ';
	END;
END LOOP;
}, 'close own close close own close close own close ');

does('PL/pgSQL: nested exception blocks', q{
BEGIN
	DELETE FROM probes WHERE label = 'close';
	said := said || labels() || ' ';
	BEGIN
		INSERT INTO probes VALUES ('inner', '[1]');
		said := said || labels() || ' ';
		PERFORM 1 / 0;
	EXCEPTION WHEN division_by_zero THEN
		said := said || labels() || ' ';
		INSERT INTO probes VALUES ('handler', '[2]');
		said := said || labels() || ' ';
	END;
	said := said || labels() || ' ';
	RAISE EXCEPTION 'back';
EXCEPTION WHEN raise_exception THEN
	said := said || labels();
END;
}, 'far inner far handler handler close');

does('PL/pgSQL: exception blocks that succeed', q{
FOR i IN 1 .. 2 LOOP
	BEGIN
		INSERT INTO probes VALUES ('own ' || i::text, ('[' || (3 - i)::text || ']')::loss_curve);
	EXCEPTION WHEN raise_exception THEN
	END;
	said := said || labels() || ' ';
END LOOP;
}, 'own 1 own 2 ');

does('PL/pgSQL: the error is one of classification', q{
FOR i IN 1 .. 3 LOOP
	BEGIN
		DELETE FROM probes;
		said := said || labels();
	EXCEPTION WHEN invalid_parameter_value THEN
		said := said || 'none ';
	END;
	said := said || labels() || ' ';
END LOOP;
}, 'none close none close none close ');

does('PL/pgSQL: changes of the definition', q{
said := said || labels() || ' ';
TRUNCATE probes;
INSERT INTO probes VALUES ('truncated', '[5]');
said := said || labels() || ' ';
CREATE OR REPLACE VIEW live AS
	SELECT probe_suite_agg(label || '!', curve) AS suite FROM probes;
said := said || classify_metadata('[1]'::loss_curve) || ' ';
DROP VIEW live;
CREATE TABLE live AS SELECT probe_suite_agg('table', '[1]') AS suite;
said := said || classify_metadata('[1]'::loss_curve) || ' ';
ALTER TABLE live RENAME TO other;
BEGIN
	said := said || classify_metadata('[1]'::loss_curve);
EXCEPTION WHEN undefined_table THEN
	said := said || 'undefined ';
END;
}, 'close truncated truncated! table undefined ');

does('PL/pgSQL: another default suite in between', q{
CREATE VIEW reverse AS
	SELECT probe_suite_agg(label, ('[' || (11 - curve[0])::text || ']')::loss_curve) AS suite FROM probes;
FOR i IN 1 .. 4 LOOP
	PERFORM set_config('metaprobe.default_suite',
		CASE i % 2 WHEN 0 THEN 'public.live' ELSE 'public.reverse' END, true);
	said := said || classify_metadata('[1]'::loss_curve) || ' ';
	BEGIN
		SET LOCAL metaprobe.default_suite = 'public.reverse';
		said := said || classify_metadata('[1]'::loss_curve) || ' ';
		RAISE EXCEPTION 'back';
	EXCEPTION WHEN raise_exception THEN
		said := said || classify_metadata('[1]'::loss_curve) || ' ';
	END;
END LOOP;
}, 'far far far close far close far far far close far close ');

does('PL/pgSQL: tables by turns, as the default and as an argument', q{
CREATE TEMP TABLE other AS SELECT 'other' AS label, '[1]'::loss_curve AS curve;
FOR i IN 1 .. 4 LOOP
	PERFORM set_config('metaprobe.default_suite',
		CASE i % 2 WHEN 0 THEN 'public.probes' ELSE 'pg_temp.other' END, true);
	said := said || default_label() || ' ';
	said := said || label_by(CASE i % 2 WHEN 0 THEN 'probes' ELSE 'pg_temp.other' END) || ' ';
END LOOP;
}, 'other other close close other other close close ');

# A view may ask more than tables.
$node->safe_psql(
	'postgres', q{
CREATE VIEW by_setting AS
	SELECT probe_suite_agg(label, curve) AS suite FROM probes
	WHERE label = current_setting('test.label', true);
CREATE VIEW by_user AS
	SELECT probe_suite_agg(label, curve) AS suite FROM probes
	WHERE label = current_user;
CREATE ROLE close; CREATE ROLE far;
GRANT SELECT ON by_setting, by_user, probes TO close, far;
CREATE TABLE limited (LIKE probes);
INSERT INTO limited SELECT * FROM probes;
ALTER TABLE limited ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON limited USING (label = current_user);
CREATE POLICY setting ON limited USING (label = current_setting('test.label', true));
GRANT SELECT ON limited TO close, far;
});
does('PL/pgSQL: a view that reads a setting', q{
FOREACH said IN ARRAY ARRAY['far', 'close', 'far', 'close'] LOOP
	PERFORM set_config('test.label', said, true);
	IF label_by('by_setting') <> said THEN
		RAISE EXCEPTION '% is not %', label_by('by_setting'), said;
	END IF;
END LOOP;
said := 'all right';
}, 'all right');
does('PL/pgSQL: a view that reads a setting, in a DO block', q{
FOR i IN 1 .. 4 LOOP
	PERFORM set_config('test.label', CASE i % 2 WHEN 0 THEN 'far' ELSE 'close' END, true);
	said := said || classify_metadata('[1]'::loss_curve, 'by_setting'::regclass) || ' ';
END LOOP;
}, 'close far close far ');
does('PL/pgSQL: SET ROLE in between', q{
FOR i IN 1 .. 2 LOOP
	SET LOCAL ROLE far;
	said := said || label_by('by_user') || ' ' || label_by('limited') || ' ';
	SET LOCAL ROLE close;
	said := said || label_by('by_user') || ' ' || label_by('limited') || ' ';
END LOOP;
}, 'far far close close far far close close ');
does('PL/pgSQL: row security by a setting', q{
SET LOCAL ROLE close;
FOR i IN 1 .. 2 LOOP
	PERFORM set_config('test.label', 'none', true);
	said := said || (SELECT count(*) FROM nearest_probes('[1]', 'limited'::regclass))::text;
	said := said || label_by('limited') || ' ';
	PERFORM set_config('test.label', 'far', true);
	said := said || (SELECT count(*) FROM nearest_probes('[1]', 'limited'::regclass))::text;
END LOOP;
}, '1close 21close 2');

# So it does for a function that is stable, which has the snapshot of whoever
# calls it: the same one for two statements that have changed nothing but a
# setting in between.
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION stable_label_by(r regclass) RETURNS text LANGUAGE plpgsql STABLE AS
	$$ DECLARE t text; BEGIN t := classify_metadata('[1]'::loss_curve, r); RETURN t; END $$;
CREATE FUNCTION far_label(r regclass) RETURNS text LANGUAGE sql STABLE
	SET test.label = 'far' AS $$ SELECT stable_label_by(r) $$;
CREATE FUNCTION close_label(r regclass) RETURNS text LANGUAGE sql STABLE
	SET test.label = 'close' AS $$ SELECT stable_label_by(r) $$;
CREATE ROLE tenant;
GRANT SELECT ON limited, by_setting, probes TO tenant;
});
foreach my $relation ('by_setting', 'limited')
{
	is( $one->run(qq{
BEGIN; SET LOCAL ROLE tenant;
SET LOCAL test.label = 'far'; SELECT stable_label_by('$relation');
SET LOCAL test.label = 'close'; SELECT stable_label_by('$relation');
ROLLBACK}),
		"far\nclose",
		"stable PL/pgSQL: another setting for the next statement, $relation");
	is( $one->run(qq{
BEGIN; SET LOCAL ROLE tenant;
SELECT far_label('$relation'), close_label('$relation'), far_label('$relation');
ROLLBACK}),
		'far|close|far',
		"stable PL/pgSQL: another setting within a statement, $relation");
}

# Another session commits in the middle of a function: a volatile one sees it
# in its next expression, a stable one does not, nor does any in a transaction
# that keeps its snapshot.
my $connection = $node->connstr('postgres') =~ s/'/''/gr;
$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION dblink;
CREATE FUNCTION others_do(command text) RETURNS void LANGUAGE sql AS
	\$\$ SELECT dblink_exec('$connection', command) \$\$;
CREATE FUNCTION stable_loop() RETURNS text LANGUAGE plpgsql STABLE AS \$\$
DECLARE said text := '';
BEGIN
	FOR i IN 1 .. 2 LOOP
		said := said || stable_labels() || ' ';
		PERFORM others_do('INSERT INTO probes VALUES (''new ' || i::text || ''', ''[1]'')');
	END LOOP;
	RETURN said || stable_labels();
END \$\$;
});
does('PL/pgSQL: others commit in the middle', q{
FOR i IN 1 .. 3 LOOP
	said := said || labels() || ' ';
	PERFORM others_do('UPDATE probes SET curve = ''[1' || i::text || ']'' WHERE label = ''close''');
	said := said || labels() || ' ';
	PERFORM others_do('UPDATE probes SET curve = ''[2]'' WHERE label = ''close''');
END LOOP;
}, 'close far close far close far ');
does('PL/pgSQL: others commit in the middle of a transaction that writes', q{
INSERT INTO probes VALUES ('own', '[5]');
FOR i IN 1 .. 3 LOOP
	said := said || labels() || ' ';
	PERFORM others_do('UPDATE probes SET curve = ''[1' || i::text || ']'' WHERE label = ''close''');
	said := said || labels() || ' ';
	PERFORM others_do('UPDATE probes SET curve = ''[2]'' WHERE label = ''close''');
END LOOP;
}, 'close own close own close own ');
$one->run($restore);
is($one->run('SELECT stable_loop()'), 'close close close',
	'a stable PL/pgSQL function keeps its snapshot');
is($one->run('SELECT stable_loop()'), 'new 1 new 1 new 1',
	'until it is called again');
$one->run($restore);
is( said(q{
BEGIN ISOLATION LEVEL REPEATABLE READ;
DO $$ DECLARE said text := ''; BEGIN
	FOR i IN 1 .. 2 LOOP
		said := said || labels() || ' ';
		PERFORM others_do('INSERT INTO probes VALUES (''new'', ''[2]'')');
		said := said || labels() || ' ';
		INSERT INTO probes VALUES ('own ' || i::text, ('[' || (1.5 - i * 0.1)::text || ']')::loss_curve);
	END LOOP;
	RAISE INFO 'said: %', said || labels();
END $$;
COMMIT}),
	'close close own 1 own 1 own 2',
	'PL/pgSQL, REPEATABLE READ: only its own changes');
$one->run($restore);

# A procedure that commits on its way
$node->safe_psql(
	'postgres', q{
CREATE PROCEDURE committing() LANGUAGE plpgsql AS $$
DECLARE
	said text := '';
	s probe_suite;
	t text;
BEGIN
	FOR i IN 1 .. 3 LOOP
		INSERT INTO probes VALUES ('new ' || i::text, ('[' || (3 - i * 0.2)::text || ']')::loss_curve);
		IF i = 2 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
		UPDATE suites SET suite = (SELECT suite FROM live);
		COMMIT;
		SELECT suite INTO s FROM suites;
		t := classify_metadata('[1]'::loss_curve, s);
		said := said || labels() || ' ' || t || ' ';
	END LOOP;
	RAISE INFO 'said: %', said;
END $$;
});
is( said('CALL committing()'),
	'new 1 new 1 new 1 new 1 new 3 new 3 ',
	'a procedure that commits and rolls back');
$one->run($restore);

# A loop over a query keeps that query's snapshot, while its body has its own.
does('PL/pgSQL: a loop over a query, the probes changing meanwhile', q{
DECLARE
	inside text := '';
BEGIN
	FOR r IN SELECT id, classify_metadata(curve, 'live'::regclass) AS label FROM samples ORDER BY id LOOP
		IF r.label <> 'close' THEN
			said := said || r.id::text || ' ';
		END IF;
		IF r.id = 1 THEN
			INSERT INTO probes VALUES ('own', '[1]');
		END IF;
		inside := labels();
	END LOOP;
	said := said || inside;
END;
}, 'own');

# Triggers
$node->safe_psql(
	'postgres', q{
CREATE TABLE tagged (id int, curve loss_curve, before_label text, after_label text);
CREATE FUNCTION tag_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.before_label := classify_metadata(NEW.curve, 'live'::regclass);
	IF NEW.before_label <> classify_metadata(NEW.curve, (SELECT suite FROM live)) THEN
		RAISE EXCEPTION 'the forms differ';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER tag_before BEFORE INSERT ON tagged FOR EACH ROW EXECUTE FUNCTION tag_before();
CREATE FUNCTION learn_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO probes VALUES ('learnt ' || NEW.id::text, NEW.curve);
	RETURN NULL;
END $$;
CREATE TRIGGER learn_after AFTER INSERT ON tagged FOR EACH ROW EXECUTE FUNCTION learn_after();
CREATE FUNCTION retag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE tagged SET after_label = classify_metadata(curve, 'live'::regclass);
	RETURN NULL;
END $$;
CREATE TRIGGER retag AFTER INSERT OR UPDATE OR DELETE ON probes
	FOR EACH STATEMENT EXECUTE FUNCTION retag();
});
is( $one->run(q{
BEGIN;
INSERT INTO tagged VALUES (1, '[1]'), (2, '[2]');
INSERT INTO tagged VALUES (3, '[1]'), (4, '[4]');
SELECT id, before_label, after_label FROM tagged ORDER BY id;
UPDATE probes SET curve = '[4]' WHERE label = 'far';
DELETE FROM probes WHERE label IN ('learnt 1', 'learnt 4');
SELECT id, before_label, after_label FROM tagged ORDER BY id;
ROLLBACK}),
	q{1|close|learnt 1
2|close|learnt 2
3|learnt 1|learnt 1
4|close|learnt 4
1|close|learnt 3
2|close|learnt 2
3|learnt 1|learnt 3
4|close|far},
	'triggers');

# A function's SET clause changes a setting in a worker, too.
$node->safe_psql(
	'postgres', q{
CREATE TABLE kinds (tenant text, label text, curve loss_curve);
INSERT INTO kinds VALUES ('t1', 'of t1', '[1]'), ('t2', 'of t2', '[1]');
CREATE VIEW my_kinds AS SELECT label, curve FROM kinds WHERE tenant = current_setting('my.tenant');
CREATE FUNCTION kind(c loss_curve) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS
	$$BEGIN RETURN classify_metadata(c, 'my_kinds'::regclass); END$$;
CREATE FUNCTION kind1(c loss_curve) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET my.tenant = 't1' AS $$BEGIN RETURN kind(c); END$$;
CREATE FUNCTION kind2(c loss_curve) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET my.tenant = 't2' AS $$BEGIN RETURN kind(c); END$$;
CREATE TABLE ones AS SELECT '[1]'::loss_curve AS c FROM generate_series(1, 2000);
});
is( $node->safe_psql(
		'postgres', q{
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT kind1(c), kind2(c), count(*) FROM ones GROUP BY 1, 2}),
	'of t1|of t2|2000',
	'settings of functions in parallel workers');

$one->quit;
$two->quit;
$node->stop;
done_testing();
