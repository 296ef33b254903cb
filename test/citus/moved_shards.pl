# Shards that move to another worker while a tag table is refreshed, with writes
# blocked and by logical replication: no refresh gives another answer.
#
# METAPROBE_ROUNDS says how many moves of each kind.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use ThreeNodes;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_three_nodes(conf => "wal_level = logical\nmax_replication_slots = 40\nmax_wal_senders = 40");
my $seed = random_seed();
my $rounds = $ENV{METAPROBE_ROUNDS} // 3;

distribute_real_curves($coordinator, gaps => $seed);
create_twin_tags($coordinator);

# Move a shard of samples, and with it that of its tags, to the other worker.
sub move_a_shard
{
	my ($mode) = @_;
	my $chosen = random_below($seed, $shards);

	return $coordinator->psql('postgres', qq{
SELECT citus_move_shard_placement(s.shardid, s.nodename, s.nodeport, n.nodename, n.nodeport, '$mode')
FROM (SELECT shardid, nodename, nodeport, row_number() OVER (ORDER BY shardid) AS number
		FROM citus_shards WHERE table_name = 'samples'::regclass) AS s,
	pg_dist_node AS n
WHERE s.number = 1 + $chosen AND n.shouldhaveshards AND n.nodeport <> s.nodeport});
}

for my $round (1 .. 2 * $rounds)
{
	my $mode = ('block_writes', 'force_logical')[ $round % 2 ];
	my $k = 2 + $round;

	foreach my $schema ('public', 'plain')
	{
		my $suites = $schema eq 'plain' ? 'plain.one_suite' : 'suites';

		$coordinator->safe_psql('postgres', qq{
UPDATE $suites SET suite = configure_probe_suite(suite, k => $k);
DELETE FROM $schema.samples WHERE id % 50 = $round;
UPDATE $schema.samples SET curve[1] = 0.125 WHERE id % 50 = 10 + $round;
INSERT INTO $schema.samples SELECT id + 100000 * $round, run, is_mislabelled, curve
	FROM plain.samples WHERE id % 100 = 20 + $round AND id < 8000});
	}
	my $statement = start_statement($coordinator, q{CALL refresh_tags('tags', 'samples', 'suites', batch_size => 100)});
	my ($status, $out, $err) = move_a_shard($mode);
	my $beside = $statement->{run}->pumpable && $statement->{run}->pump_nb;
	my ($succeeded, $said) = finish_statement($statement);
	my $rows = $coordinator->safe_psql('postgres', 'SELECT count(*) FROM samples');

	note "round $round, $mode: ", $beside ? 'the refresh was still running' : 'the refresh was over';
	is($status, 0, "round $round, $mode: a shard has moved") or diag($err);
	ok($succeeded, "round $round, $mode: the refresh goes on") or diag($said);
	like($coordinator->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'suites')}), $succeeded ? qr/^0\|0\|0\|$rows$/ : qr/\|/,
		"round $round, $mode: and leaves nothing to do");
	$coordinator->safe_psql('postgres', q{CALL refresh_tags('plain.tags', 'plain.samples', 'plain.one_suite')});
	same_answer($coordinator, "round $round, $mode", "SELECT $tag_columns FROM tags");
	is($coordinator->safe_psql('postgres', q{
SELECT count(*) FROM citus_shards AS s, citus_shards AS t
WHERE s.table_name = 'samples'::regclass AND t.table_name = 'tags'::regclass AND s.nodeport <> t.nodeport
	AND (SELECT shardminvalue FROM pg_dist_shard WHERE shardid = s.shardid) = (SELECT shardminvalue FROM pg_dist_shard WHERE shardid = t.shardid)}),
		'0', "round $round, $mode: tags are where their rows are");
}

# All shards on one worker, and balanced again
$coordinator->safe_psql('postgres', sprintf(q{SELECT citus_set_node_property('%s', %d, 'shouldhaveshards', false)}, $workers[1]->host, $workers[1]->port));
$coordinator->safe_psql('postgres', q{SELECT citus_drain_node('%s', %d, 'block_writes')} =~ s/%s/$workers[1]->host/er =~ s/%d/$workers[1]->port/er);
same_answer($coordinator, 'all on one worker', "SELECT $tag_columns FROM tags");
$coordinator->safe_psql('postgres', sprintf(q{SELECT citus_set_node_property('%s', %d, 'shouldhaveshards', true)}, $workers[1]->host, $workers[1]->port));
$coordinator->safe_psql('postgres', q{SELECT rebalance_table_shards('samples', shard_transfer_mode => 'block_writes')});
like($coordinator->safe_psql('postgres', q{CALL refresh_tags('tags', 'samples', 'suites')}), qr/^0\|0\|0\|/, 'rebalanced, there is nothing to do');
same_answer($coordinator, 'rebalanced', "SELECT $tag_columns FROM tags");

$_->stop foreach $coordinator, @workers;
done_testing();
