# A distributed loss log: what a training loop writes in chunks, and the curves of
# it, which become rows of a distributed table.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use ThreeNodes;
use Metaprobe;
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_three_nodes();
my $seed = random_seed();

# The real curves of three runs, as chunks of up to 100 losses of one epoch, some
# of which are recorded twice, the second time with other losses.
distribute_real_curves($coordinator, samples => 3000);
$coordinator->safe_psql('postgres', qq{
SELECT create_loss_log('training');
SELECT create_distributed_table('training', 'run', shard_count => 4);
SELECT create_loss_log('by_epoch');
SELECT create_distributed_table('by_epoch', 'epoch');
SELECT create_loss_log('plain.training');
INSERT INTO plain.training
	SELECT run, epoch - 1, array_agg(id ORDER BY noise), array_agg(loss ORDER BY noise), 'epoch'::timestamptz + epoch * '1 s'::interval
	FROM (SELECT *, hashint8extended(id * 64 + epoch, $seed) AS noise FROM plain.samples,
		unnest(curve::real[]) WITH ORDINALITY AS u(loss, epoch)) AS l
	WHERE loss IS NOT NULL
	GROUP BY run, epoch, id / 100;
CREATE TABLE plain.again AS
	SELECT run, epoch, ids, (SELECT array_agg(l + 1 ORDER BY n) FROM unnest(losses) WITH ORDINALITY AS u(l, n)), recorded_at + '1 h'
	FROM plain.training WHERE epoch % 7 = 3;
INSERT INTO training TABLE plain.training;
INSERT INTO by_epoch TABLE plain.training;
ANALYZE});

foreach my $log ('training', 'by_epoch')
{
	foreach my $run ('run 0', 'run 1', 'run 2')
	{
		same_answer($coordinator, "$log: $run", "SELECT id, curve FROM loss_curves('$log', '$run')",
			plain => "SELECT id, curve FROM samples WHERE run = '$run'");
	}
	same_error($coordinator, "$log: no run named",
		"SELECT count(*) FROM loss_curves('$log')" =~ s/by_epoch/training/r, qr/21000/);
	same_answer($coordinator, "$log: no such run", "SELECT count(*) FROM loss_curves('$log', 'none')",
		plain => "SELECT 0");
}
same_answer($coordinator, 'as an aggregate of its losses',
	q{SELECT u.id, loss_curve_agg(u.loss, t.epoch) FROM training AS t, unnest(t.ids, t.losses) AS u(id, loss) WHERE run = 'run 1' GROUP BY u.id},
	plain => q{SELECT id, curve FROM samples WHERE run = 'run 1'});

# Into distributed tables, and on with SQL
$coordinator->safe_psql('postgres', q{
CREATE TABLE curves (run text, id bigint, curve loss_curve, PRIMARY KEY (run, id));
SELECT create_distributed_table('curves', 'id');
INSERT INTO curves SELECT 'run 0', id, curve FROM loss_curves('training', 'run 0')});
same_answer($coordinator, 'INSERT ... SELECT into a distributed table', 'SELECT run, id, curve FROM curves',
	plain => q{SELECT run, id, curve FROM samples WHERE run = 'run 0'});

# Losses twice: an error, or the last ones
$coordinator->safe_psql('postgres', 'INSERT INTO training TABLE plain.again; INSERT INTO by_epoch TABLE plain.again; INSERT INTO plain.training TABLE plain.again');
same_error($coordinator, 'two losses', q{SELECT count(*) FROM loss_curves('training', 'run 1')}, qr/21000/);
foreach my $log ('training', 'by_epoch')
{
	same_answer($coordinator, "$log: the last losses", "SELECT id, curve FROM loss_curves('$log', 'run 2', repeated => 'last')",
		plain => q{SELECT id, curve FROM loss_curves('training', 'run 2', repeated => 'last')});
}

# A run is dropped with its chunks, and recording goes on beside reading.
$coordinator->safe_psql('postgres', q{
DELETE FROM training WHERE run = 'run 1'; DELETE FROM plain.training WHERE run = 'run 1';
INSERT INTO training (run, epoch, ids, losses) VALUES ('run 3', 0, '{1,2}', '{1,NaN}'), ('run 3', 1, '{2}', '{0.5}');
INSERT INTO plain.training (run, epoch, ids, losses) VALUES ('run 3', 0, '{1,2}', '{1,NaN}'), ('run 3', 1, '{2}', '{0.5}')});
same_answer($coordinator, 'another run', q{SELECT id, curve FROM loss_curves('training', 'run 3', invalid => 'missing')});
same_error($coordinator, 'NaN', q{SELECT id, curve FROM loss_curves('training', 'run 3')}, qr/22\w{3}/);
same_answer($coordinator, 'the run that was deleted', q{SELECT count(*) FROM loss_curves('training', 'run 1')});

$_->stop foreach $coordinator, @workers;
done_testing();
