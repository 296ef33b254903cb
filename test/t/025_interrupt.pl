# All that takes long is interrupted at random moments, by a cancel, a statement
# or lock timeout, or the end of its session: the backend lives (unless it was
# ended), its memory is freed, nothing is left behind, and the next answer is
# right.
#
# METAPROBE_ROUNDS says how many interrupts, METAPROBE_SEED which ones.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Faults;
use List::Util qw(max min);
use Metaprobe;
use PostgreSQL::Test::Utils;
use RealCurves;
use Test::More;
use Time::HiRes qw(time usleep);

my $rounds = rounds(30);
my $seed = random_seed();
my $node = start_node('main');

srand($seed);
load_real_curves($node);

# many and the suites made of it are as large as it takes to be interrupted.
$node->safe_psql(
	'postgres', qq{
CREATE TABLE many AS SELECT s.id + 8000 * copy AS id, s.curve || s.curve[0:copy] AS curve, is_mislabelled
	FROM samples AS s, generate_series(0, 2) AS copy;
ALTER TABLE many ADD PRIMARY KEY (id);
CREATE TABLE many_probes AS SELECT label || id % 40 AS label, curve || (id / 7)::float8 AS curve, id::text
	FROM (SELECT label, curve, row_number() OVER (ORDER BY p.id, copy) AS id FROM probes AS p, generate_series(1, 16) AS copy) AS p;
CREATE TABLE suites AS SELECT 'plain' AS name, probe_suite_agg(label, curve, id) AS suite FROM probes
	UNION ALL SELECT 'large', probe_suite_agg(label, curve, id) FROM many_probes;
INSERT INTO suites SELECT metric, configure_probe_suite(suite, metric => metric)
	FROM suites, unnest('{l1,cosine,correlation,dtw}'::text[]) AS metric WHERE name = 'plain';
INSERT INTO suites SELECT 'band', configure_probe_suite(suite, metric => 'dtw', band => 2, weights => 'distance')
	FROM suites WHERE name = 'plain';
INSERT INTO suites SELECT 'fitted', fit_probe_suite(suite) FROM suites WHERE name = 'plain';
CREATE VIEW large AS SELECT suite FROM suites WHERE name = 'large';
SELECT create_loss_log('training');
INSERT INTO training (run, epoch, ids, losses)
	SELECT 'r', e - 1, array_agg(id::bigint ORDER BY id), array_agg(loss::real ORDER BY id)
	FROM many, unnest(curve::float8[]) WITH ORDINALITY AS u(loss, e) GROUP BY e, id / 1000;
SELECT create_loss_log('small_log');
INSERT INTO small_log SELECT * FROM training WHERE 0 = ANY (ids);
CREATE TABLE losses AS SELECT id, (e - 1)::integer AS epoch, loss::real
	FROM many, unnest(curve::float8[]) WITH ORDINALITY AS u(loss, e) WHERE id < 16000;
SELECT create_tag_table('tags', 'many');
CALL refresh_tags('tags', 'samples', 'probes');
VACUUM ANALYZE;
});

# What takes long: what it does, after which "check" says whether all is in
# order.  A lock on the table named makes it wait.
my $suite = q{(SELECT suite FROM suites WHERE name = '%s')};
my %tasks = map {
	my $value = sprintf $suite, $_;
	(
		"classify_metadata $_" => { sql => "SELECT classify_metadata(curve, $value), count(*) FROM many GROUP BY 1" },
		"tag_metadata $_" => { sql => "SELECT sum((tag_metadata(curve, $value)).score) FROM many" })
} 'plain', 'l1', 'cosine', 'correlation', 'dtw', 'band', 'fitted', 'large';
%tasks = (
	%tasks,
	'classify_metadata relation' => {
		sql => q{SELECT classify_metadata(curve, 'many_probes'::regclass), count(*) FROM many GROUP BY 1},
		lock => 'many_probes'
	},
	'parallel classify_metadata' => {
		sql => 'SELECT classify_metadata(curve, ' . sprintf($suite, 'large') . '), count(*) FROM many GROUP BY 1',
		parallel => 1
	},
	'parallel aggregates' => {
		sql => q{SELECT probe_suite_agg('x', curve, id::text) FROM many; SELECT count(*) FROM (SELECT id, loss_curve_agg(loss, epoch) FROM losses GROUP BY id) AS c},
		parallel => 1
	},
	'parallel mixture' => { sql => 'SELECT small_loss_mixture(loss) FROM losses', parallel => 1 },
	'metadata_probabilities' => {
		sql => 'SELECT count(*) FROM many, metadata_probabilities(curve, ' . sprintf($suite, 'plain') . ')'
	},
	'nearest_probes' => {
		sql => 'SELECT count(*) FROM many, nearest_probes(curve, ' . sprintf($suite, 'large') . ', 1000)'
	},
	'label_score' => { sql => q{SELECT sum(label_score(curve, 'typical1', } . sprintf($suite, 'large') . ')) FROM many' },
	'probe_suite_agg' => { sql => 'SELECT probe_suite_agg(label, curve, id) FROM many_probes', lock => 'many_probes' },
	'probe_suite_agg of one label' => { sql => q{SELECT probe_suite_agg('x', curve, id::text) FROM many} },
	'fit_probe_suite' => { sql => 'SELECT fit_probe_suite(' . sprintf($suite, 'large') . ')', lock => 'suites' },
	'probe_suite_candidates' => { sql => 'SELECT count(*) FROM probe_suite_candidates(' . sprintf($suite, 'plain') . ')' },
	'probe_suite_reliability' => { sql => 'SELECT count(*) FROM probe_suite_reliability(' . sprintf($suite, 'large') . ')' },
	'probe_suite_confusion' => { sql => 'SELECT count(*) FROM probe_suite_confusion(' . sprintf($suite, 'dtw') . ')' },
	'suite as text' => { sql => 'SELECT length(' . sprintf($suite, 'large') . '::text)' },
	'suite from text' => { sql => 'SELECT (probe_suite_info(suite::text::probe_suite)).hash FROM suites' },
	'suite as binary' => { sql => q{SELECT probe_suite_send(suite) IS NULL FROM suites, generate_series(1, 30)} },
	'equality of suites' => { sql => 'SELECT count(*) FROM (SELECT DISTINCT suite FROM suites, generate_series(1, 30)) AS s' },
	'compare_detectors' => { sql => q{SELECT * FROM compare_detectors('many', 'is_mislabelled', 'probes')}, lock => 'many' },
	'small_loss_mixture' => { sql => 'SELECT small_loss_mixture(loss) FROM losses' },
	'detector_quality' => { sql => 'SELECT detector_quality(loss, id % 10 = 0) FROM losses' },
	'loss_curve_agg' => { sql => 'SELECT count(*) FROM (SELECT id, loss_curve_agg(loss, epoch) AS c FROM losses GROUP BY id) AS c' },
	'avg and stddev' => { sql => 'SELECT epochs(avg(curve)), epochs(stddev(curve)) FROM many, generate_series(1, 10)' },
	'loss_curves' => { sql => q{SELECT count(*) FROM loss_curves('training')}, lock => 'training' },
	'loss_curves that spill' => { sql => q{SET LOCAL work_mem = '256kB'; SELECT count(*) FROM loss_curves('training')} },
	'knn_label' => {
		sql => q{SELECT count(*) FROM (SELECT s.id, knn_label(label, s.curve <-> p.curve, 20) AS l FROM samples AS s, probes AS p GROUP BY s.id) AS l}
	},
	'curve_statistics' => { sql => 'SELECT sum((curve_statistics(curve)).slope) FROM many, generate_series(1, 10)' },
	'create_tag_table' => {
		sql => q{SELECT create_tag_table('other', 'many'); SELECT pg_sleep(0.05); ROLLBACK; BEGIN},
		lock => 'many'
	},
	'refresh_tags' => { sql => q{CALL refresh_tags('tags', 'many', 'probes', batch_size => 3000)}, lock => 'tags', alone => 1 },
	'refresh_tags in a transaction' => { sql => q{CALL refresh_tags('tags', 'many', 'large')}, lock => 'suites' },
	'probe_suite_chart' => { sql => 'SELECT probe_suite_chart(' . sprintf($suite, 'large') . ') IS NULL' },
	'confusion_chart' => { sql => 'SELECT confusion_chart(' . sprintf($suite, 'large') . ') IS NULL' },
	'tag_chart' => { sql => q{SELECT count(tag_chart('tags')) FROM generate_series(1, 30)}, lock => 'tags' });

# The session that is interrupted stays the same, but for those that are ended,
# which are new ones; the other one interrupts.
my $other = session($node);
my ($session, $pid, @memory);
my $used = q{SELECT (SELECT sum(total_bytes) FROM pg_backend_memory_contexts),
	1024 * (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)'))[1]::bigint};
my $check = join '; ',
  (map { 'SELECT classify_metadata(curve, ' . sprintf($suite, $_) . ') FROM samples WHERE id = 17' } 'plain', 'dtw', 'fitted', 'large'),
  q{SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM loss_curves('small_log') AS c},
  q{SELECT count(*) FROM pg_ls_tmpdir()},
  q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name IN ('metaprobe assembly', 'metaprobe chunk', 'metaprobe curves', 'metaprobe refresh')},
  q{SELECT count(*) FROM pg_class WHERE relname = 'other'},
  q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'};

sub connect_anew
{
	$session = session($node);
	$session->run('\set VERBOSITY verbose');
	$session->run(q{SET client_min_messages = warning; SET max_parallel_workers_per_gather = 0});
	$pid = $session->run('SELECT pg_backend_pid()');
	return;
}

# Seconds of the CPU that the process has used
sub cpu_time
{
	return process_state($_[0]) =~ /\) (?:\S+ ){11}(\d+) (\d+)/ ? ($1 + $2) / 100 : undef;
}

sub median
{
	return (sort { $a <=> $b } @_)[ @_ / 2 ];
}

# Hand over a script and do not wait for its end.
sub start_task
{
	my ($task, $setting) = @_;
	my $parallel = $task->{parallel}
	  ? 'SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;'
	  : '';

	$session->run("$parallel $setting");
	$session->{in} .= ($task->{alone} ? '' : 'BEGIN; ') . $task->{sql} . ($task->{alone} ? '' : '; COMMIT') . ";\n\\warn 'it is over'\n";
	$session->{run}->pump_nb;
	return time;
}

# Wait until the task is over; when that was.
sub end_of_task
{
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	while ($session->{run}->pumpable && $session->{err} !~ /^it is over$/m)
	{
		die 'the task does not end' if time > $end;
		$session->{run}->pump_nb;
		usleep(500);
	}
	return time;
}

# Interrupt a task in a way, after so many seconds.  Gives the moment at which
# it was meant to end, and when that was in its CPU time.
my %interrupt = (
	cancel => sub {
		my ($task, $delay) = @_;
		start_task($task, '');
		usleep(1e6 * $delay);
		my $cpu = cpu_time($pid);
		my $moment = time;
		$other->run("SELECT pg_cancel_backend($pid)");
		return ($moment, $cpu);
	},
	terminate => sub {
		my ($task, $delay) = @_;
		start_task($task, '');
		usleep(1e6 * $delay);
		my $moment = time;
		$other->run("SELECT pg_terminate_backend($pid)");
		return ($moment, undef);
	},
	statement_timeout => sub {
		my ($task, $delay) = @_;
		my $milliseconds = 1 + int(1000 * $delay);
		return (start_task($task, "SET statement_timeout = $milliseconds") + $milliseconds / 1000, undef);
	},
	lock_timeout => sub {
		my ($task, $delay) = @_;
		my $milliseconds = 1 + int(1000 * min($delay, 1));
		$other->run("BEGIN; LOCK TABLE $task->{lock} IN ACCESS EXCLUSIVE MODE") if $task->{lock};
		return (start_task($task, "SET lock_timeout = $milliseconds") + $milliseconds / 1000, undef);
	});
my %expected = (
	cancel => qr/ERROR:  57014: canceling statement due to user request/,
	terminate => qr/FATAL:  57P01: terminating connection due to administrator command/,
	statement_timeout => qr/ERROR:  57014: canceling statement due to statement timeout/,
	lock_timeout => qr/ERROR:  55P03: canceling statement due to lock timeout/);

connect_anew();
my $right = $session->run($check);
note $right;

my (%done, %outcomes, %latest, @latencies, @cpu_latencies);
my @names = sort keys %tasks;
my @locked = grep { $tasks{$_}{lock} } @names;
foreach my $round (1 .. $rounds)
{
	my $way = (qw(cancel statement_timeout cancel terminate statement_timeout cancel lock_timeout))[ $round % 7 ];
	my $among = $way eq 'lock_timeout' ? \@locked : \@names;
	my $name = $among->[ int(rand(@$among)) ];
	my $delay = 0.002 * 500**rand();	# from 2 ms to 1 s

	my @lasting = ($session, $pid);

	connect_anew() if $way eq 'terminate';
	my ($moment, $cpu) = $interrupt{$way}->($tasks{$name}, $delay);
	my $end = end_of_task();
	my $cpu_end = defined $cpu ? cpu_time($pid) : undef;
	$session->{run}->finish if $way eq 'terminate';
	my $said = $session->{err};

	$other->run('ROLLBACK') if $way eq 'lock_timeout';
	$session->{out} = $session->{err} = '';
	my @errors = $said =~ /((?:ERROR|FATAL|PANIC): .*)/g;
	@errors = grep { !/25P02/ } @errors;
	my $was_interrupted = grep { $_ =~ $expected{$way} } @errors;
	my $outcome = $was_interrupted ? 'interrupted' : 'through before';
	my $fault = @errors > $was_interrupted ? "another error: @errors" : '';
	if ($was_interrupted)
	{
		my $latency = max(0, $end - $moment);
		my $cpu_latency = defined $cpu && defined $cpu_end ? $cpu_end - $cpu : 0;

		push @latencies, $latency;
		push @cpu_latencies, $cpu_latency if defined $cpu;
		$latest{$name} = [ $latency, $cpu_latency, $way ] if !$latest{$name} || $latency > $latest{$name}[0];
		$fault .= sprintf 'it took %.1f s', $latency if $latency > 30;
	}
	$fault .= 'not interrupted' if $way eq 'lock_timeout' && !$was_interrupted;
	$done{$way}++;
	$outcomes{$outcome}++;

	if ($way eq 'terminate')
	{
		wait_until_gone($pid);
		($session, $pid) = @lasting;
	}
	elsif (!$session->{run}->pumpable)
	{
		$fault .= "the session ended: $said";
		connect_anew();
	}
	else
	{
		$session->run('ROLLBACK; RESET statement_timeout; RESET lock_timeout; RESET min_parallel_table_scan_size; RESET parallel_setup_cost; RESET parallel_tuple_cost; SET max_parallel_workers_per_gather = 0');
	}
	my $answer = $session->run($check);
	$fault .= "wrong: $answer" if $answer ne $right;
	push @memory, [ $round, $pid, split /\|/, $session->run($used) ];
	is($fault, '', sprintf '%d: %s after %.3f s: %s: %s', $round, $way, $delay, $name, $outcome);
}

note join ', ', map { "$_: $done{$_}" } sort keys %done;
note join ', ', map { "$_: $outcomes{$_}" } sort keys %outcomes;
note sprintf 'from an interrupt to its effect at most %.3f s, of which %.2f s of the CPU',
  max(0, @latencies), max(0, @cpu_latencies);
note sprintf '  %-32s %.3f s, CPU %.2f s (%s)', $_, @{ $latest{$_} }
  foreach sort { $latest{$b}[0] <=> $latest{$a}[0] } keys %latest;
cmp_ok($outcomes{interrupted}, '>', $rounds / 3, 'most came in time');

# Memory of the session that lasts: the suites that it keeps are limited, and
# all the rest is given back.  Over many rounds it does not grow.
my @contexts = map { $_->[2] / 2**20 } @memory;
my @private = map { $_->[3] / 2**20 } @memory;
note join ' ', 'memory contexts, MB:', map { sprintf '%.1f', $_ } @contexts;
note join ' ', 'private memory, MB:', map { sprintf '%.0f', $_ } @private;
cmp_ok(max(@contexts), '<', 40, 'memory is freed');
if ($rounds >= 100)
{
	my $quarter = int($rounds / 4);
	my $grown = sub { median(@_[ -$quarter .. -1 ]) - median(@_[ $quarter .. 2 * $quarter ]) };

	cmp_ok($grown->(@contexts), '<', 4, 'memory contexts do not grow');
	cmp_ok($grown->(@private), '<', 40, 'nor does private memory');
}

# The refreshes that were broken off are finished by the next one.
$session->run(q{CALL refresh_tags('tags', 'many', 'probes')});
is( $session->run(q{
SELECT count(*) FROM (SELECT m.id, t, tag_metadata(m.curve, (SELECT suite FROM suites WHERE name = 'plain')) AS m
	FROM many AS m FULL JOIN tags AS t USING (id) OFFSET 0) AS x
WHERE ((t).label, (t).probability, (t).score, (t).distance, (t).novelty) IS DISTINCT FROM
	((m).label, (m).probability, (m).score, (m).distance, (m).novelty)}),
	0,
	'all tags are true after the next refresh');

$session->quit;
$other->quit;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no temporary file is left');
$node->stop;
done_testing();
