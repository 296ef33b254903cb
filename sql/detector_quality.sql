--
-- auroc, average_precision and detector_quality: how well a score ranks true
-- rows above the others
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set seed 42
\getenv seed METAPROBE_SEED
\set ECHO all

-- by hand: of 2 x 3 pairs 4 are won and 1 is a tie
SELECT auroc(score, truth), auroc(score, truth) = 4.5 / 6 AS exact, average_precision(score, truth),
	(detector_quality(score, truth)).*
	FROM (VALUES (9, true), (7, false), (5, true), (5, false), (1, false)) v(score, truth);
-- whatever type of number
SELECT auroc(n, n > 3), auroc(n::real, n > 3), auroc(n::bigint, n > 3)
	FROM generate_series(1, 5) n;

-- fixed data, with more or fewer ties, against scikit-learn 1.2: roc_auc_score, average_precision_score,
-- the best F1 of precision_recall_curve; the last by its definition in NumPy
CREATE VIEW fixed AS
	SELECT data, truth, score::double precision
	FROM generate_series(1, 1000) n, LATERAL (SELECT (n * n * 31 + n * 17) % 13 < 4 AS truth) t,
		LATERAL (VALUES ('many ties', (n * 7919) % 101 / 8.0), ('no ties', (n * 7919) % 1009 / 8.0),
			('better', (n * 7919) % 101 / 8.0 + CASE WHEN truth THEN 3 ELSE 0 END), ('two values', (n * 7919) % 2),
			('one value', 0)) v(data, score);
CREATE TABLE wanted (data text, auroc double precision, average_precision double precision,
	best_f1 double precision, precision_at_true_rate double precision);
INSERT INTO wanted VALUES
	('many ties', 0.49776037411612256, 0.45854013566643387, 0.6310746064339493, 0.45943600867678963),
	('no ties', 0.4953819035008995, 0.4656613427451461, 0.6318681318681318, 0.455531453362256),
	('better', 0.7077056813654273, 0.7086364791255229, 0.6911544227886057, 0.586077696706764),
	('two values', 0.4989938787583659, 0.46050108459869854, 0.6310746064339493, 0.46),
	('one value', 0.5, 0.461, 0.6310746064339493, 0.46099999999999997);
SELECT data, abs(q.auroc - w.auroc) < 1e-15 AS auroc, abs(q.average_precision - w.average_precision) < 1e-14 AS ap,
	abs(q.best_f1 - w.best_f1) < 1e-14 AS f1, abs(q.precision_at_true_rate - w.precision_at_true_rate) < 1e-14 AS at_rate,
	rows, q.auroc = x.auroc AND q.average_precision = x.average_precision AS same
	FROM (SELECT data, auroc(score, truth) AS auroc, average_precision(score, truth) AS average_precision, detector_quality(score, truth) AS quality
		FROM fixed GROUP BY data) x JOIN wanted w USING (data), LATERAL (SELECT (quality).*) q ORDER BY data;

-- random data with ties, infinities and NaN, against plain SQL.  METAPROBE_SEED makes other data; trials that
-- differ tell the seed.
SELECT setseed(:seed % 1000000 / 1000000.0);
CREATE TABLE random_rows AS
	SELECT trial, truth, CASE WHEN random() < 0.01 THEN (ARRAY['NaN', 'Infinity', '-Infinity', '-0', '0'])[1 + floor(random() * 5)]::float8
		ELSE round(random()::numeric, digits)::float8 + CASE WHEN truth THEN lift ELSE 0 END END AS score
	FROM (SELECT trial, (random() * 6)::integer AS digits, random() AS lift, random() AS share, 2 + (random() * 400)::integer AS n
			FROM generate_series(1, 200) trial) t,
		LATERAL (SELECT i < 2 OR random() < share AND i > 2 AS truth FROM generate_series(1, n) i OFFSET 0) r;
CREATE VIEW by_windows AS
	WITH thresholds AS (
		SELECT trial, score, count(*) FILTER (WHERE truth) AS hits, count(*) AS rows FROM random_rows GROUP BY trial, score
	), curves AS (
		SELECT *, sum(hits) OVER down AS hits_to, sum(rows) OVER down AS rows_to, sum(hits) OVER whole AS all_hits,
			sum(rows) OVER whole AS all_rows
		FROM thresholds WINDOW down AS (PARTITION BY trial ORDER BY score DESC), whole AS (PARTITION BY trial)
	)
	SELECT trial,
		sum(hits * (all_rows - all_hits - rows_to + hits_to + (rows - hits) / 2.0)) / max(all_hits * (all_rows - all_hits)) AS auroc,
		sum(hits * hits_to / rows_to) / max(all_hits) AS average_precision,
		max(2 * hits_to / (rows_to + all_hits)) AS best_f1,
		max((hits_to - hits + (all_hits - rows_to + rows) * hits / rows) / all_hits)
			FILTER (WHERE rows_to >= all_hits AND rows_to - rows < all_hits) AS precision_at_true_rate
	FROM curves GROUP BY trial;
CREATE VIEW compared AS
	SELECT trial, q.*, w.auroc AS sql_auroc, abs(q.auroc - w.auroc) < 1e-14
		AND abs(q.average_precision - w.average_precision) < 1e-13 AND abs(q.best_f1 - w.best_f1) < 1e-14
		AND abs(q.precision_at_true_rate - w.precision_at_true_rate) < 1e-14 AS same
	FROM (SELECT trial, detector_quality(score, truth) AS quality FROM random_rows GROUP BY trial) x
		JOIN by_windows w USING (trial), LATERAL (SELECT (quality).*) q;
SELECT count(*) AS trials, count(*) FILTER (WHERE same) AS same FROM compared;
SELECT :seed AS seed, * FROM compared WHERE same IS NOT TRUE ORDER BY trial LIMIT 3;
-- the order of rows does not matter, to the last bit
SELECT count(*) AS orders, count(DISTINCT detector_quality) AS results FROM (
	SELECT detector_quality(score, truth ORDER BY score) FROM fixed WHERE data = 'better'
	UNION ALL SELECT detector_quality(score, truth ORDER BY score DESC) FROM fixed WHERE data = 'better'
	UNION ALL SELECT detector_quality(score, truth ORDER BY truth) FROM fixed WHERE data = 'better'
	UNION ALL SELECT detector_quality(score, truth ORDER BY md5(score::text || truth)) FROM fixed WHERE data = 'better') x;

-- rows without a score or a truth do not count; one class alone has no figures, no row at all has no result
SELECT detector_quality(score, truth), auroc(score, truth)
	FROM (VALUES (1, true), (0, false), (NULL, true), (5, NULL), (NULL, NULL)) v(score, truth);
SELECT detector_quality(1, true), auroc(1, true), average_precision(1, true), auroc(1, false) FROM generate_series(1, 3);
SELECT detector_quality(1, true), auroc(1, true), average_precision(1, true) WHERE false;
SELECT detector_quality(NULL, true), auroc(NULL, true), average_precision(1, NULL);
-- NaN sorts as it does in PostgreSQL, last and equal to itself; zeros are equal
SELECT auroc(score, truth) FROM (VALUES ('NaN'::float8, true), ('Infinity', false)) v(score, truth);
SELECT auroc(score, truth) FROM (VALUES ('NaN'::float8, true), ('NaN', false)) v(score, truth);
SELECT auroc(score, truth) FROM (VALUES ('-0'::float8, true), ('0', false)) v(score, truth);
-- FILTER, groups, windows
SELECT auroc(score, truth) FILTER (WHERE data = 'better') = (SELECT auroc(score, truth) FROM fixed WHERE data = 'better') AS same
	FROM fixed;
SELECT n, auroc(n, n % 2 = 0) OVER (ORDER BY n), auroc(n, n % 2 = 0) OVER (ORDER BY n ROWS 2 PRECEDING)
	FROM generate_series(1, 6) n;

-- the same from workers
CREATE TABLE many AS
	SELECT n % 3 AS third, (n::bigint * 7919) % 50021 % 9973 / 7.0::float8 AS score, n % 11 < 2 AS truth FROM generate_series(1, 100000) n;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT third, detector_quality(score, truth) FROM many GROUP BY third
	UNION ALL SELECT NULL, detector_quality(score, truth) FROM many;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan_of('SELECT detector_quality(score, truth) FROM many');
SELECT plan_of('SELECT third, detector_quality(score, truth) FROM many GROUP BY third');
SELECT count(*) FROM serial JOIN (SELECT third, detector_quality(score, truth) FROM many GROUP BY third
	UNION ALL SELECT NULL, detector_quality(score, truth) FROM many) x USING (detector_quality);
-- workers that find nothing
SELECT detector_quality(score, truth) FROM many WHERE score < -1;
SELECT detector_quality(score, truth) FROM many WHERE score < 0.2;
RESET ALL;
SET search_path = public, test;
-- several over the same arguments share a state, which none of them spoils for the others
SELECT auroc(score, truth) = (detector_quality(score, truth)).auroc AS auroc,
	average_precision(score, truth) = (detector_quality(score, truth)).average_precision AS average_precision FROM many;

DROP VIEW fixed, compared, by_windows;
DROP TABLE wanted, random_rows, many, serial;
