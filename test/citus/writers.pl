# Writers of distributed rows, beside two who refresh their tags, one of them on
# a worker: nobody fails, every tag is that of some version of its row, and the
# next refresh makes all of it true.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use ThreeNodes;
use Metaprobe;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_three_nodes();
my $seed = random_seed();
my $transactions = 250 * ($ENV{METAPROBE_ROUNDS} // 2);

# Whatever a row may become is one of twenty real curves.
distribute_real_curves($coordinator, gaps => $seed, samples => 2000);
$coordinator->safe_psql('postgres', q{
CREATE TABLE suites (suite probe_suite);
SELECT create_reference_table('suites');
INSERT INTO suites SELECT suite FROM plain.suites;
CREATE TABLE choices (number integer, curve loss_curve);
SELECT create_reference_table('choices');
INSERT INTO choices SELECT id, curve FROM plain.samples WHERE id < 20;
CREATE TABLE plain.hashes AS SELECT DISTINCT coalesce(loss_curve_hash_extended(curve, 0), 0) AS hash FROM plain.samples;
SELECT create_tag_table('tags', 'samples')});

my $script = "$PostgreSQL::Test::Utils::tmp_check/writers.sql";
append_to_file($script, q{
\set id random(0, 1999)
\set number random(0, 19)
\set chance random(1, 100)
\if :chance < 15
DELETE FROM samples WHERE id = :id;
\elif :chance < 60
UPDATE samples SET curve = (SELECT curve FROM choices WHERE number = :number) WHERE id = :id;
\else
INSERT INTO samples SELECT :id, 'run 0', false, curve FROM choices WHERE number = :number ON CONFLICT (id) DO UPDATE SET curve = excluded.curve;
\endif
});
my ($out, $err);
my $writers = IPC::Run::start(
	[
		$coordinator->installed_command('pgbench'), '-n', '-c', 4, '-t', $transactions,
		'--random-seed', $seed, '-f', $script, $coordinator->connstr('postgres')
	],
	'<', \undef, '>', \$out, '2>', \$err);
my ($rounds, $faults) = (0, '');
do
{
	foreach my $refresh (map { start_statement($_, q{CALL refresh_tags('tags', 'samples', 'suites', batch_size => 20)}) } $coordinator, $workers[0])
	{
		my ($succeeded, $said) = finish_statement($refresh);
		$faults .= "$said; " unless $succeeded;
	}
	$faults .= $coordinator->safe_psql('postgres', q{
SELECT string_agg(id::text, ' ') FROM (SELECT id, curve_hash FROM tags OFFSET 0) AS t WHERE curve_hash NOT IN (SELECT hash FROM plain.hashes)});
	$rounds++;
	$writers->pump_nb;
} while ($writers->pumpable);
ok($writers->finish, 'the writers wrote') or diag($err);
note "$rounds refreshes by each";
is($faults, '', 'no refresh fails beside them, and no tag is of another curve');
$coordinator->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'suites')});
$coordinator->safe_psql('postgres', q{
CREATE TABLE plain.rows (id integer PRIMARY KEY, curve loss_curve);
INSERT INTO plain.rows SELECT id, curve FROM samples;
SELECT create_tag_table('plain.tags', 'plain.rows');
CREATE TABLE plain.one_suite AS SELECT suite FROM plain.suites;
CALL refresh_tags('plain.tags', 'plain.rows', 'plain.one_suite')});
same_answer($coordinator, 'afterwards',
	'SELECT id, label, probability, score, runner_up, margin, distance, novelty, curve_hash, suite_hash FROM tags');

$_->stop foreach $coordinator, @workers;
done_testing();
