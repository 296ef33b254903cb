-- Tables with the real curves.  :data is the folder of the compressed CSVs.

SET client_min_messages = warning;
\pset footer off
\pset border 2
\pset linestyle unicode
\pset null '-'

CREATE EXTENSION metaprobe;

CREATE TABLE probes (probe_id text PRIMARY KEY, label text, curve loss_curve);
CREATE TABLE held_out (probe_id text PRIMARY KEY, label text, curve loss_curve);
CREATE TABLE dataset (
	example_id integer PRIMARY KEY,
	true_label integer,
	given_label integer,
	is_mislabelled boolean,
	curve loss_curve
);

-- \copy takes no variables, so the folder comes in as the working directory.
\cd :data
\copy probes FROM PROGRAM 'gzip -dc probes.csv.gz' (FORMAT csv, HEADER)
\copy held_out FROM PROGRAM 'gzip -dc val_probes.csv.gz' (FORMAT csv, HEADER)
\copy dataset FROM PROGRAM 'gzip -dc dataset.csv.gz' (FORMAT csv, HEADER)
VACUUM ANALYZE;

\echo
\echo '== What was loaded: one loss curve (the loss after each of 40 epochs) per example'
\echo
SELECT 'dataset' AS "table", count(*) AS rows, 'the examples to tag' AS "what it holds",
       pg_size_pretty(pg_total_relation_size('dataset')) AS size FROM dataset
UNION ALL
SELECT 'probes', count(*), 'examples made to be of a known kind: the suite',
       pg_size_pretty(pg_total_relation_size('probes')) FROM probes
UNION ALL
SELECT 'held_out', count(*), 'more such examples, kept out of the suite to test it',
       pg_size_pretty(pg_total_relation_size('held_out')) FROM held_out;

\echo '== The five kinds of probes, with the median loss at some epochs and one curve of each'
\echo
SELECT label AS "kind of probe", count(*) AS probes,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY curve[0])::numeric, 3) AS "epoch 0",
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY curve[10])::numeric, 3) AS "epoch 10",
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY curve[39])::numeric, 3) AS "epoch 39",
       sparkline((array_agg(curve ORDER BY probe_id))[1], 40) AS "loss of one, epochs 0 to 39"
  FROM probes GROUP BY label ORDER BY label;
