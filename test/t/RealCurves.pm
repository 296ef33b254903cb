# The loss curves of a real training run (test/data), as tables.
package RealCurves;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use FindBin;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(
  load_real_curves
  random_gaps
);

my $data = "$FindBin::RealBin/../data";

# Of the run "mnist" or "mnist_hard": probes and held_out (id, label, curve),
# and samples (id, is_mislabelled, curve), the first so many of the 8,000 rows,
# with ids from 0 on.
sub load_real_curves
{
	my ($node, %params) = @_;
	my $folder = "$data/" . ($params{run} // 'mnist');
	my $copy = sub {
		my ($table, $file) = @_;
		return qq{\\copy $table FROM PROGRAM 'gzip -dc "$folder/$file.csv.gz"' (FORMAT csv, HEADER)\n};
	};

	$node->safe_psql(
		$params{dbname} // 'postgres', q{
CREATE TABLE probes (id text PRIMARY KEY, label text, curve loss_curve);
CREATE TABLE held_out (LIKE probes INCLUDING ALL);
CREATE TEMP TABLE dataset (id integer, true_label text, given_label text, is_mislabelled integer, curve loss_curve);
}
		  . $copy->('probes', 'probes')
		  . $copy->('held_out', 'val_probes')
		  . $copy->('dataset', 'dataset')
		  . q{
CREATE TABLE samples (id integer PRIMARY KEY, is_mislabelled boolean, curve loss_curve);
INSERT INTO samples SELECT row_number() OVER (ORDER BY id) - 1, is_mislabelled = 1, curve FROM dataset ORDER BY id LIMIT }
		  . ($params{samples} // 8000) . q{;
ANALYZE probes, held_out, samples;});
	return;
}

# SQL of a curve as training leaves it that is under way, or that skips
# examples: epochs are missing at random, and at the end, and some are all
# missing, empty or NULL.
sub random_gaps
{
	my ($curve, $seed, $id) = @_;

	return qq{
CASE hashint8extended($id, $seed) & 31
	WHEN 0 THEN NULL
	WHEN 1 THEN '[]'::loss_curve
	WHEN 2 THEN '[null,null]'::loss_curve
	ELSE (SELECT array_agg(CASE WHEN (hashint8extended(64 * $id + e, $seed + 1) & 7) > 0 THEN loss END ORDER BY e)
		FROM unnest($curve\::float8[]) WITH ORDINALITY AS u(loss, e)
		WHERE e < 10 + (hashint8extended($id, $seed + 2) & 63))::loss_curve
END};
}

1;
