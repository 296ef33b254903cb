# A disk that is full: an error that says so, nothing half done, and all goes on
# once there is room again.  The same with a limit to temporary files.
#
# The disk is a small file system in memory, in a user namespace of its own, so
# that no privilege is needed but the kernel's permission to make one.

use strict;
use warnings FATAL => 'all';

use File::Temp;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;

# Run this file again where the disk is mounted, as the same user as before; at
# once, for PostgreSQL's modules send the output elsewhere.
BEGIN
{
	if (!defined $ENV{METAPROBE_SMALL_DISK})
	{
		my $directory = File::Temp->newdir();
		my @unshare = (
			'unshare', '--user', '--map-root-user', '--mount', 'bash', '-c',
			'mount -t tmpfs -o size=24m metaprobe "$1" && exec unshare --user --map-user="$2" --map-group="$3" "${@:4}"',
			'bash', "$directory", $>, $) + 0);

		plan skip_all => 'no file system can be mounted here'
		  if system('bash', '-c', '"$@" >/dev/null 2>&1', 'bash', @unshare, 'true') != 0;
		$ENV{METAPROBE_SMALL_DISK} = "$directory";
		exit(system(@unshare, $^X, (map { "-I$_" } @INC), $0) >> 8);
	}
}

use Metaprobe;
use PostgreSQL::Test::Utils;
use RealCurves;

my $disk = $ENV{METAPROBE_SMALL_DISK};
my $seed = random_seed();
my $node = start_node('main');

srand($seed);
load_real_curves($node);

# All that is written is on that disk, but for the WAL, and the catalogues.
$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk'");
$node->safe_psql(
	'postgres', q{
CREATE TABLE chunks AS
	SELECT e - 1 AS epoch, array_agg(id::bigint ORDER BY id) AS ids, array_agg(loss::real ORDER BY id) AS losses
	FROM samples, unnest(curve::float8[]) WITH ORDINALITY AS u(loss, e) GROUP BY e, id / 1000;
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;
ALTER SYSTEM SET default_tablespace = 'small';
ALTER SYSTEM SET temp_tablespaces = 'small';
ALTER SYSTEM SET autovacuum = off;
SELECT pg_reload_conf();
});
$node->safe_psql(
	'postgres', q{
SELECT create_tag_table('tags', 'samples');
SELECT create_loss_log('training');
CREATE TABLE copied (id integer, curve loss_curve);
});

my $ballast = "$disk/ballast";

# Leave so many kB of the disk free.
sub leave_room
{
	my ($kilobytes) = @_;
	my ($output) = run_command([ 'df', '--output=avail', '-k', $disk ]);
	my ($free) = $output =~ /(\d+)/;

	die "only $free kB are free" if $free < $kilobytes;
	system_or_bail('dd', 'if=/dev/zero', "of=$ballast", 'bs=1k', 'count=' . ($free - $kilobytes), 'status=none');
	return;
}

sub make_room
{
	unlink $ballast or die "cannot remove $ballast: $!";
	return;
}

my $session = session($node);
$session->run('\set VERBOSITY verbose');
$session->run(q{SET client_min_messages = warning; SET work_mem = '64kB'; SET temp_buffers = '800kB'});

my $full = qr/ERROR:  53100: could not (?:extend|write|create).*: (?:No space left on device|wrote only)/;

# Do something with less room than it takes, at several moments; then with all
# the room there is.
sub fails_for_lack_of_room
{
	my ($name, $sql, $check, $nothing, $kilobytes) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	foreach my $room (0, map { int(rand($kilobytes)) } 1 .. 2)
	{
		leave_room($room);
		like($session->run($sql), $full, "$name: an error with $room kB left");
		like($session->run($check), $nothing, '... and nothing half done');
		make_room();
		is(temporary_files(), '', '... nor left behind');
	}
	return;
}

# The temporary files and relations of ended statements, those of sessions left
# out
sub temporary_files
{
	return $node->safe_psql('postgres',
		q{SELECT name FROM pg_ls_tmpdir((SELECT oid FROM pg_tablespace WHERE spcname = 'small'))});
}

my $rows = 8000;

#
# Recording
#
my $record = q{INSERT INTO training SELECT 'r', epoch, ids, losses FROM chunks};
fails_for_lack_of_room('recording', $record, 'SELECT count(*) FROM training', qr/^0$/, 1000);
$session->run($record);

my $build = q{CREATE TABLE curves AS SELECT * FROM loss_curves('training')};
my $is_built = q{SELECT to_regclass('curves') IS NULL};
fails_for_lack_of_room('curves of a log', $build, $is_built, qr/^t$/, 1000);
fails_for_lack_of_room(
	'curves by the aggregate',
	q{CREATE TABLE curves AS SELECT id, loss_curve_agg(loss, epoch) AS curve FROM training, unnest(ids, losses) AS u(id, loss) GROUP BY id},
	$is_built, qr/^t$/, 1000);
fails_for_lack_of_room('reading in partitions', q{SELECT count(*) FROM loss_curves('training')}, 'SELECT 1', qr/^1$/, 500);
is($session->run($build), '', 'curves of a log, with room');
is( $session->run(q{SELECT count(*), count(*) FILTER (WHERE c.curve = s.curve) FROM curves AS c JOIN samples AS s USING (id)}),
	"$rows|$rows", '... as they should be');
$session->run('DROP TABLE curves');

my $file = "$PostgreSQL::Test::Utils::tmp_check/disk_full_curves";
$session->run("\\copy (SELECT id, curve FROM samples) TO '$file'");
fails_for_lack_of_room('COPY', "\\copy copied FROM '$file'", 'SELECT count(*) FROM copied', qr/^0$/, 600);
$session->run('DROP TABLE copied');

#
# A refresh: no room for the work table, then for some batches, then for all
#
my $refresh = q{CALL refresh_tags('tags', 'samples', 'suites', batch_size => 500)};
my $untrue = q{
SELECT count(*) FROM samples AS s JOIN tags AS t USING (id), tag_metadata(curve, 'suites'::regclass) AS m
WHERE (t.label, t.probability, t.score, t.runner_up, t.margin, t.distance, t.novelty)
	IS DISTINCT FROM (m.label, m.probability, m.score, m.runner_up, m.margin, m.distance, m.novelty)};
my $count = 'SELECT count(*) FROM tags';

fails_for_lack_of_room('the work table', $refresh, $count, qr/^0$/, 300);

# The work table takes about as much as the tags do, so there is room for that
# and some of these.
$session->run(q{BEGIN; CALL refresh_tags('tags', 'samples', 'suites')});
my $tags = $session->run(q{SELECT pg_total_relation_size('tags') / 1024});
$session->run('ROLLBACK; VACUUM tags');
my $done = 0;
foreach my $share (1.3, 0.6)
{
	leave_room(int($share * $tags));
	like($session->run($refresh), $full, "a refresh that runs out of room, with $share of what the tags take");
	make_room();
	my $now = $session->run($count);
	cmp_ok($now, '>=', $done, "... keeps its batches: $now");
	is($session->run($untrue), 0, '... and all that it tagged is true');
	is(temporary_files(), '', '... nothing is left behind');
	$done = $now;
}
ok($done > 0 && $done < $rows, 'some batches were done, and some were not');
like($session->run($refresh), qr/^@{[ $rows - $done ]}\|0\|0\|$done$/, 'with room again, the next refresh does the rest');
is($session->run("$untrue; $count"), "0\n$rows", '... and all tags are true');

#
# temp_file_limit
#
# quoted since PostgreSQL 18
my $limited = qr/ERROR:  53400: temporary file size exceeds "?temp_file_limit"?/;
$session->run(q{SET temp_file_limit = '256kB'});
like($session->run(q{SELECT count(*) FROM loss_curves('training')}), $limited, 'temp_file_limit: loss_curves');
$session->run(q{UPDATE suites SET suite = configure_probe_suite(suite, k => 5)});
$session->run('CREATE VIEW sorted AS SELECT * FROM samples ORDER BY curve, id');
like($session->run(q{CALL refresh_tags('tags', 'sorted', 'suites')}), $limited, 'temp_file_limit: a refresh that sorts');
is($session->run($count), $rows, '... and no tag is lost');
is(temporary_files(), '', '... nor a file left behind');
$session->run('RESET temp_file_limit');
is($session->run(q{CALL refresh_tags('tags', 'sorted', 'suites')}), "0|$rows|0|0", '... and without a limit all are changed');
is($session->run($untrue), 0, '... to what is true');

# The session's work table is gone, as is that of sessions which ended by an
# error in the midst of one.
is($session->run(q{SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'}), 0, 'no work table is left');

$session->quit;
$node->stop;
done_testing();
