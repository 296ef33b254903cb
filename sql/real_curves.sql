--
-- The loss curves of two real training runs (test/data), against the
-- predictions of an independent implementation
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE TABLE probes (run text, probe_id text, label text, curve loss_curve);
CREATE TABLE held_out (LIKE probes);
CREATE TABLE dataset (run text, example_id integer, true_label integer, given_label integer, is_mislabelled boolean,
	curve loss_curve);
CREATE TABLE losses (example_id integer, epoch integer, loss real);
CREATE TABLE predictions (run text, id text, known text, pred text, p_atypical double precision,
	p_corrupted double precision,
	p_random_inputs_outputs double precision, p_random_outputs double precision, p_typical double precision);
ALTER TABLE probes ALTER run SET DEFAULT 'mnist';
ALTER TABLE held_out ALTER run SET DEFAULT 'mnist';
ALTER TABLE dataset ALTER run SET DEFAULT 'mnist';
ALTER TABLE predictions ALTER run SET DEFAULT 'mnist';
\copy probes (probe_id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/probes.csv.gz' with (format csv, header)
\copy held_out (probe_id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/val_probes.csv.gz' with (format csv, header)
\copy dataset (example_id, true_label, given_label, is_mislabelled, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/dataset.csv.gz' with (format csv, header)
\copy losses from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/losses.csv.gz' with (format csv, header)
\copy predictions (id, known, pred, p_atypical, p_corrupted, p_random_inputs_outputs, p_random_outputs, p_typical) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/preds_val_exact.csv.gz' with (format csv, header)
\copy predictions (id, known, pred, p_atypical, p_corrupted, p_random_inputs_outputs, p_random_outputs, p_typical) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/preds_dataset_exact.csv.gz' with (format csv, header)
ALTER TABLE probes ALTER run SET DEFAULT 'mnist_hard';
ALTER TABLE held_out ALTER run SET DEFAULT 'mnist_hard';
ALTER TABLE dataset ALTER run SET DEFAULT 'mnist_hard';
ALTER TABLE predictions ALTER run SET DEFAULT 'mnist_hard';
\copy probes (probe_id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/probes.csv.gz' with (format csv, header)
\copy held_out (probe_id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/val_probes.csv.gz' with (format csv, header)
\copy dataset (example_id, true_label, given_label, is_mislabelled, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/dataset.csv.gz' with (format csv, header)
\copy predictions (id, known, pred, p_atypical, p_corrupted, p_random_inputs_outputs, p_random_outputs, p_typical) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/preds_val_exact.csv.gz' with (format csv, header)
\copy predictions (id, known, pred, p_atypical, p_corrupted, p_random_inputs_outputs, p_random_outputs, p_typical) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/preds_dataset_exact.csv.gz' with (format csv, header)
ANALYZE probes, held_out, dataset, losses, predictions;

-- all that is to be tagged, and both suites
CREATE TABLE rows AS
	SELECT run, probe_id AS id, label AS known, NULL::boolean AS is_mislabelled, curve FROM held_out
	UNION ALL SELECT run, example_id::text, NULL, is_mislabelled, curve FROM dataset;
CREATE TABLE suites AS SELECT run, probe_suite_agg(label, curve, probe_id) AS suite FROM probes GROUP BY run;
ANALYZE rows, suites;
SELECT run, count(*) FILTER (WHERE known IS NOT NULL) AS held_out, count(*) FILTER (WHERE known IS NULL) AS dataset,
	count(*) FILTER (WHERE is_mislabelled) AS mislabelled FROM rows GROUP BY run ORDER BY run;
SELECT run, probes, labels, epochs, k, metric, weights, hash FROM suites, probe_suite_info(suite) ORDER BY run;
-- the curves of the long losses are those of the dataset
SELECT count(*), count(*) FILTER (WHERE d.curve = l.curve) AS same
	FROM (SELECT example_id, loss_curve_agg(loss, epoch) AS curve FROM losses GROUP BY example_id) l
		JOIN dataset d USING (example_id) WHERE run = 'mnist';

-- labels and probabilities of every row whose vote is not tied
CREATE TABLE tags AS
	SELECT run, id, curve, classify_metadata(curve, (SELECT suite FROM suites WHERE run = 'mnist')) AS label,
		tag_metadata(curve, (SELECT suite FROM suites WHERE run = 'mnist')) AS tag FROM rows WHERE run = 'mnist';
INSERT INTO tags
	SELECT run, id, curve, classify_metadata(curve, (SELECT suite FROM suites WHERE run = 'mnist_hard')),
		tag_metadata(curve, (SELECT suite FROM suites WHERE run = 'mnist_hard')) FROM rows WHERE run = 'mnist_hard';
CREATE TABLE shares AS
	SELECT run, id, p.label, p.probability FROM rows JOIN suites USING (run), metadata_probabilities(curve, suite) p;
CREATE TABLE wanted AS
	SELECT run, id, pred, label, p, rank() OVER (PARTITION BY run, id ORDER BY p DESC) = 1 AS is_first
	FROM predictions, LATERAL (VALUES ('atypical', p_atypical), ('corrupted', p_corrupted),
		('random_inputs_outputs', p_random_inputs_outputs), ('random_outputs', p_random_outputs),
			('typical', p_typical)) v(label, p);
CREATE TABLE tied AS SELECT run, id FROM wanted WHERE is_first GROUP BY run, id HAVING count(*) > 1;
SELECT run, id ~ 'V' AS held_out, count(*) AS tied FROM tied GROUP BY run, held_out ORDER BY run, held_out;
SELECT run, count(*) AS shares, count(*) FILTER (WHERE abs(s.probability - w.p) < 1e-9) AS same
	FROM shares s JOIN wanted w USING (run, id, label) GROUP BY run ORDER BY run;
SELECT run, count(*) AS not_tied, count(*) FILTER (WHERE t.label = p.pred) AS same,
	count(*) FILTER (WHERE (t.tag).label = t.label) AS same_tag,
	count(*) FILTER (WHERE abs((t.tag).probability - greatest(p_atypical, p_corrupted, p_random_inputs_outputs,
		p_random_outputs, p_typical)) < 1e-9)
		AS same_probability
	FROM tags t JOIN predictions p USING (run, id) WHERE (run, id) NOT IN (SELECT run, id FROM tied)
		GROUP BY run ORDER BY run;

-- tied rows, by brute force: the smaller sum of distances to the neighbours, then the first label
CREATE TABLE arrays AS SELECT run, probe_id, label, curve, curve::double precision[] AS losses FROM probes;
CREATE TABLE by_force AS
	WITH distances AS (
		SELECT run, id, label, d, row_number() OVER (PARTITION BY run, id ORDER BY d, label COLLATE "C", curve,
			probe_id COLLATE "C") AS rank
		FROM (SELECT run, id, curve::double precision[] AS losses FROM tied JOIN rows USING (run, id) OFFSET 0) r
			JOIN arrays p USING (run),
			LATERAL (SELECT sqrt(sum((x - y) * (x - y))) AS d FROM unnest(r.losses, p.losses) u(x, y)) x
	)
	SELECT DISTINCT ON (run, id) run, id, label, count(*) AS votes, sum(d) AS sum FROM distances WHERE rank <= 20
	GROUP BY run, id, label ORDER BY run, id, votes DESC, sum, label COLLATE "C";
SELECT run, count(*) AS tied, count(*) FILTER (WHERE t.label = f.label) AS same,
	count(*) FILTER (WHERE (t.tag).margin = 0) AS margin_0,
	count(*) FILTER (WHERE t.label <> p.pred) AS not_the_first_in_the_alphabet
	FROM by_force f JOIN tags t USING (run, id) JOIN predictions p USING (run, id) GROUP BY run ORDER BY run;

-- accuracy on the held-out probes; mislabelled rows found by the label
SELECT run, round(avg((t.label = r.known)::integer), 4) AS accuracy FROM tags t JOIN rows r USING (run, id)
	WHERE known IS NOT NULL GROUP BY run ORDER BY run;
SELECT run, round(avg(is_mislabelled::integer) FILTER (WHERE label = 'random_outputs'), 3) AS precision,
	round(avg((label = 'random_outputs')::integer) FILTER (WHERE is_mislabelled), 3) AS recall
	FROM tags JOIN rows USING (run, id) WHERE is_mislabelled IS NOT NULL GROUP BY run ORDER BY run;
-- and ranked by the score: AUROC, ties counted half
CREATE TABLE scores AS
	SELECT run, is_mislabelled, label_score(curve, 'random_outputs',
		(SELECT suite FROM suites WHERE run = 'mnist')) AS score
	FROM dataset WHERE run = 'mnist'
	UNION ALL SELECT run, is_mislabelled, label_score(curve, 'random_outputs',
		(SELECT suite FROM suites WHERE run = 'mnist_hard'))
	FROM dataset WHERE run = 'mnist_hard';
SELECT run, auroc >= 0.999 AS enough, round(auroc::numeric, 5) AS auroc FROM (
	SELECT run,
		(sum(rank) FILTER (WHERE is_mislabelled) - count(*) FILTER (WHERE is_mislabelled) * (count(*) FILTER (WHERE is_mislabelled) + 1) / 2.0)
		/ (count(*) FILTER (WHERE is_mislabelled) * count(*) FILTER (WHERE NOT is_mislabelled)) AS auroc
	FROM (SELECT *, rank() OVER (PARTITION BY run
		ORDER BY score) + (count(*) OVER (PARTITION BY run, score) - 1) / 2.0 AS rank FROM scores) x
	GROUP BY run) y ORDER BY run;
-- a suite's own confusion, by leave one out
SELECT run, sum(count) AS probes, round(sum(count) FILTER (WHERE actual = predicted) / sum(count), 4) AS accuracy
	FROM suites, probe_suite_confusion(suite) GROUP BY run ORDER BY run;
-- novelty is about 1 for rows like the probes, and grows away from them
SELECT run, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY (tag).novelty)::numeric, 1) AS median,
	min((tag_metadata(array_fill(50, ARRAY[20])::loss_curve, suite)).novelty) > 5 AS outside
	FROM tags JOIN suites USING (run) WHERE id ~ 'V' GROUP BY run ORDER BY run;

DROP TABLE probes, held_out, dataset, losses, predictions, rows, suites, tags, shares, wanted, tied, arrays, by_force,
	scores;
