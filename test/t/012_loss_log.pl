# Logs of losses: assembled in bounded memory, through temporary files that do
# not outlive the query, with the caller's rights, the same in any physical order.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = random_seed();
my $node = start_node('main');

# 40,000 ids of up to 25 epochs each, a tenth of them recorded twice, in chunks
# of some hundred, of both an even and an uneven distribution of ids.
my $generate = sub {
	my ($table, $n, $epochs) = @_;
	return qq{
SELECT create_loss_log('$table');
INSERT INTO $table
	SELECT 'r', epoch, array_agg(id ORDER BY place), array_agg(loss ORDER BY place),
		'2026-01-01'::timestamptz + (noise($seed, epoch, chunk) * 1000)::integer * '1 second'::interval
	FROM (
		SELECT epoch, CASE n % 3 WHEN 0 THEN n ELSE n::bigint * n * 1000003 END AS id,
			(noise($seed + 1, epoch, n + 1000000 * attempt) * 3 - 0.5)::real AS loss,
			(noise($seed + 2, epoch, n + 1000000 * attempt) * ($n / 300))::integer AS chunk,
			noise($seed + 3, epoch, n + 1000000 * attempt) AS place
		FROM generate_series(1, $n) AS n, generate_series(0, $epochs - 1) AS epoch, generate_series(0, 1) AS attempt
		WHERE epoch < 3 + noise($seed + 4, n, 0) * $epochs
			AND noise($seed + 5, epoch, n + 1000000 * attempt) < CASE attempt WHEN 0 THEN 0.9 ELSE 0.1 END
	) AS entries
	GROUP BY epoch, chunk;
VACUUM ANALYZE $table;};
};

# What SQL makes of a log, and how many curves are others, or are missing.
my $by_sql = q{
SELECT id, loss_curve_agg(loss, epoch) AS curve FROM (
	SELECT DISTINCT ON (u.id, epoch) u.id, epoch, loss FROM %s, unnest(ids, losses) WITH ORDINALITY AS u(id, loss, place)
	ORDER BY u.id, epoch, recorded_at DESC, ids DESC, losses DESC, place DESC) AS e
GROUP BY id};
my $differ = q{
SELECT count(*) AS rows, count(*) FILTER (WHERE c.curve IS DISTINCT FROM w.curve) AS differ
FROM wanted AS w FULL JOIN loss_curves('%s', 'r', repeated => 'last') AS c USING (id)};

$node->safe_psql('postgres', $generate->('log', 40000, 25));
$node->safe_psql('postgres', 'CREATE TABLE wanted AS ' . sprintf($by_sql, 'log'));
my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM wanted');
cmp_ok($rows, '>', 39000, 'many curves');
my $twice = $node->safe_psql('postgres',
	'SELECT sum(cardinality(ids)) - (SELECT sum(observed_epochs(curve)) FROM wanted) FROM log');
cmp_ok($twice, '>', 10000, 'many losses twice');

sub temporary_files
{
	return $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_ls_tmpdir()});
}

# Kilobytes of temporary files that a query has written, by its plan
sub temporary_size
{
	my ($settings, $query) = @_;
	my $plan = $node->safe_psql('postgres', "$settings; EXPLAIN (ANALYZE, BUFFERS) $query");

	return $plan =~ /temp read=(\d+) written=(\d+)/ ? 8 * $2 : 0;
}

# In memory, and in ever less of it; the sort of chunks and the result are
# SQL's to spill.
foreach my $work_mem ('64kB', '256kB', '1MB', '4MB', '256MB')
{
	is($node->safe_psql('postgres', "SET work_mem = '$work_mem'; " . sprintf($differ, 'log')),
		"$rows|0", "work_mem = $work_mem");
}
my $all = q{SELECT count(*) FROM loss_curves('log', repeated => 'last')};
is(temporary_size(q{SET work_mem = '256MB'}, $all), 0, 'no temporary file where memory suffices');
cmp_ok(temporary_size(q{SET work_mem = '1MB'}, $all), '>', 5000, 'temporary files where not');
is(temporary_files(), '0', 'and none of them is left');

# Memory: what the backend has while it assembles, less what it has anyway
my $memory = q{
CREATE FUNCTION peak() RETURNS bigint LANGUAGE sql AS
	$$ SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+)'))[1]::bigint
		- (regexp_match(pg_read_file('/proc/self/status'), 'RssShmem:\s+(\d+)'))[1]::bigint $$;
};
SKIP:
{
	skip 'no /proc here', 1 unless -r '/proc/self/status';
	$node->safe_psql('postgres', $memory);
	my %peak;
	foreach my $work_mem ('1MB', '256MB')
	{
		$peak{$work_mem} = $node->safe_psql('postgres',
			"SET work_mem = '$work_mem'; SELECT FROM loss_curves('log', repeated => 'last') LIMIT 1; SELECT peak()");
	}
	note "peak of memory, kB: $_: $peak{$_}" foreach sort keys %peak;
	cmp_ok($peak{'1MB'}, '<', $peak{'256MB'}, 'less memory takes less memory');
}

# Physical order
$node->safe_psql(
	'postgres', qq{
CREATE TABLE shuffled (LIKE log INCLUDING ALL);
INSERT INTO shuffled SELECT * FROM log ORDER BY md5(ids::text || epoch || $seed);
CREATE TABLE clustered (LIKE log INCLUDING ALL);
INSERT INTO clustered SELECT * FROM log;
CREATE INDEX clustered_ids ON clustered (recorded_at DESC);
CLUSTER clustered USING clustered_ids;
UPDATE clustered SET run = run WHERE epoch % 3 = 1;
});
foreach my $table ('shuffled', 'clustered')
{
	is($node->safe_psql('postgres', "SET work_mem = '$_'; " . sprintf($differ, $table)),
		"$rows|0", "$table, work_mem = $_")
	  foreach '256kB', '64MB';
}

# Errors in the middle, with files open
my $session = session($node);
$session->run('\set VERBOSITY sqlstate');
$session->run(q{SET work_mem = '128kB'});
like($session->run(q{SELECT count(*) FROM loss_curves('log')}),
	qr/^psql:\S+ ERROR:  21000$/, 'two losses for one epoch');
like(
	$session->run(q{INSERT INTO log (run, epoch, ids, losses) VALUES ('r', 3, '{1}', '{NaN}');
		SELECT count(*) FROM loss_curves('log', repeated => 'last')}),
	qr/^psql:\S+ ERROR:  22003$/,
	'an invalid loss');
$session->run(q{DELETE FROM log WHERE cardinality(ids) = 1 AND losses[1] = 'NaN'});
is($session->run(q{
DO $$
DECLARE
	code text := '';
BEGIN
	FOR i IN 1 .. 3 LOOP
		BEGIN
			PERFORM count(*) FROM loss_curves('log');
		EXCEPTION WHEN cardinality_violation THEN
			code := SQLSTATE;
		END;
		PERFORM count(*) FROM loss_curves('log', repeated => 'last');
	END LOOP;
END $$;
SELECT count(*) FROM pg_ls_tmpdir()}), '0', 'caught errors leave no file behind');
like(
	$session->run(qq{SET temp_file_limit = '1MB'; $all}),
	qr/^psql:\S+ ERROR:  53400$/,
	'temp_file_limit is honoured');
$session->run('RESET temp_file_limit');
is($session->run('SELECT count(*) FROM pg_ls_tmpdir()'), '0', 'no file is left after errors');
is($session->run(sprintf $differ, 'log'), "$rows|0", 'and the next answer is right');

# Cancelled in the middle, at many moments
my %outcomes;
foreach my $time (1 .. 12)
{
	my $output = $session->run('SET statement_timeout = ' . 20 * $time . "; $all");

	$session->run('SET statement_timeout = 0');
	$output =~ s/^psql:\S+ //;
	$outcomes{$output}++;
}
note "$_: $outcomes{$_} times" foreach sort keys %outcomes;
ok($outcomes{'ERROR:  57014'}, 'cancelled');
delete @outcomes{ $rows, 'ERROR:  57014' };
is_deeply(\%outcomes, {}, 'cancelled or answered');
is($session->run('SELECT count(*) FROM pg_ls_tmpdir()'), '0', 'no file is left after a cancel');
is( $session->run(
		q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'metaprobe %' AND name <> 'metaprobe suite'}),
	'0',
	'nor memory');

# A cursor that is not read to its end
is( $session->run(q{
BEGIN;
DECLARE c CURSOR FOR SELECT epochs(curve) > 0 FROM loss_curves('log', repeated => 'last');
FETCH 2 FROM c;
CLOSE c;
COMMIT;
SELECT count(*) FROM pg_ls_tmpdir()}),
	"t\nt\n0", 'a cursor that is closed early');

# Privileges and row security
$node->safe_psql(
	'postgres', q{
CREATE ROLE reader; CREATE ROLE stranger; CREATE ROLE clerk;
CREATE SCHEMA readers AUTHORIZATION reader;
CREATE TABLE shared (run text, epoch integer, ids bigint[], losses real[], recorded_at timestamptz, note text);
INSERT INTO shared VALUES ('own', 0, '{1,2}', '{1,2}', now()), ('foreign', 0, '{1}', '{9}', now());
GRANT SELECT ON shared TO reader;
GRANT SELECT (run, epoch, ids, losses) ON shared TO clerk;
});
$session->run('RESET work_mem');

sub as_role
{
	my ($role, $sql) = @_;
	return $session->run("SET ROLE $role; $sql; RESET ROLE") =~
	  s/^psql:\S+ ERROR:  //mr;
}

my $own = q{SELECT * FROM loss_curves('shared', 'own') ORDER BY id};
is(as_role('reader', $own), "1|[1]\n2|[2]", 'who may read the log');
is(as_role('stranger', $own), '42501', 'who may not');
is(as_role('clerk', $own), "1|[1]\n2|[2]", 'the columns that are read');
is(as_role('clerk', q{SELECT * FROM loss_curves('shared', 'own', 'last')}),
	'42501', 'the column that tells what is last');
is(as_role('reader', q{SELECT count(*) FROM loss_curves('shared')}), '21000', 'two runs');
$session->run(q{ALTER TABLE shared ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON shared USING (run = 'own')});
is(as_role('reader', q{SELECT * FROM loss_curves('shared') ORDER BY id}),
	"1|[1]\n2|[2]", 'row security hides the other run');
is($session->run(q{SELECT count(*) FROM loss_curves('shared', 'foreign')}), '1', 'but not from the owner');
is(as_role('reader', q{SELECT create_loss_log('public.no')}), '42501', 'a schema in which one may not create');
is( as_role(
		'reader', q{SELECT create_loss_log('readers.log');
SELECT relowner::regrole FROM pg_class WHERE oid = 'readers.log'::regclass}),
	"readers.log\nreader", 'the log belongs to whoever makes it');
is(as_role('stranger', q{SELECT * FROM loss_curves('readers.log')}), '42501', 'and to nobody else');

# What a statement sees: its snapshot, and what its transaction has written
$session->run(q{SELECT create_loss_log('live')});
my $other = session($node);
my $count = q{SELECT count(*), sum(observed_epochs(curve)) FROM loss_curves('live')};
$session->run(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM live});
$other->run(q{INSERT INTO live (run, epoch, ids, losses) VALUES ('r', 0, '{1,2,3}', '{1,2,3}')});
is($session->run($count), '0|', 'the snapshot of the transaction');
$session->run(q{INSERT INTO live (run, epoch, ids, losses) VALUES ('r', 1, '{1,2}', '{1,2}')});
is($session->run($count), '2|2', 'and its own writes');
is($other->run($count), '3|3', 'which another does not see');
$session->run('COMMIT');
is($other->run($count), '3|5', 'before they are committed');

# In a query with parallel workers the leader assembles
is( $session->run(q{
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT count(*), count(*) FILTER (WHERE c.curve = w.curve)
FROM wanted AS w JOIN loss_curves('log', 'r', repeated => 'last') AS c USING (id)}),
	"$rows|$rows", 'joined with a parallel scan');
is( $session->run($session->run(q{SELECT format('SET %I = on', name) FROM pg_settings
	WHERE name IN ('debug_parallel_query', 'force_parallel_mode')})
		. qq{; CREATE TEMP TABLE temporary AS TABLE live; SELECT count(*) FROM loss_curves('temporary')}),
	'3', 'a temporary log, where queries are made parallel');

$_->quit foreach $session, $other;
is(temporary_files(), '0', 'no file is left at the end');
$node->stop;
done_testing();
