--
-- Suites that are fitted to their probes
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE TABLE probes (run text, id text, label text, curve loss_curve);
CREATE TABLE held_out (LIKE probes);
ALTER TABLE probes ALTER run SET DEFAULT 'mnist';
ALTER TABLE held_out ALTER run SET DEFAULT 'mnist';
\copy probes (id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/probes.csv.gz' with (format csv, header)
\copy held_out (id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/val_probes.csv.gz' with (format csv, header)
ALTER TABLE probes ALTER run SET DEFAULT 'mnist_hard';
ALTER TABLE held_out ALTER run SET DEFAULT 'mnist_hard';
\copy probes (id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/probes.csv.gz' with (format csv, header)
\copy held_out (id, label, curve) from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist_hard/val_probes.csv.gz' with (format csv, header)
CREATE TABLE plain AS SELECT run, probe_suite_agg(label, curve, id) AS suite FROM probes GROUP BY run;
CREATE TABLE fitted AS SELECT run, fit_probe_suite(suite) AS suite FROM plain;
CREATE TABLE candidates AS SELECT run, c.* FROM plain, probe_suite_candidates(suite) WITH ORDINALITY c;
ANALYZE plain, fitted;

-- what was chosen, the same bits everywhere
SELECT run, probes, epochs, k, metric, weights, scale, shrinkage, hash FROM fitted, probe_suite_info(suite)
	ORDER BY run;
-- how it does on probes that it has not seen
CREATE VIEW accuracy AS
	SELECT run, round(avg((classify_metadata(curve, p.suite) = label)::integer), 4) AS plain,
		round(avg((classify_metadata(curve, f.suite) = label)::integer), 4) AS fitted
	FROM held_out JOIN plain p USING (run) JOIN fitted f USING (run) GROUP BY run;
SELECT * FROM accuracy ORDER BY run;
SELECT round(avg(fitted), 4) AS fitted FROM accuracy;
-- ranking mislabelled examples: AUROC of the score
SELECT run, round(avg((a.score > b.score)::integer + (a.score = b.score)::integer / 2.0), 4) AS auroc FROM (
		SELECT run, label, label_score(curve, 'random_outputs', suite) AS score
		FROM held_out JOIN fitted USING (run) OFFSET 0) a
	JOIN (SELECT run, label, label_score(curve, 'random_outputs', suite) AS score
		FROM held_out JOIN fitted USING (run) OFFSET 0) b USING (run)
	WHERE a.label = 'random_outputs' AND b.label = 'typical' GROUP BY run ORDER BY run;

-- what it was chosen from
SELECT run, count(*) AS candidates, count(*) FILTER (WHERE chosen) AS chosen,
	count(*) FILTER (WHERE metric = 'l2') AS unfitted, count(DISTINCT (scale, shrinkage)) AS spaces
	FROM candidates GROUP BY run ORDER BY run;
SELECT run, metric, scale, shrinkage, k, weights, round(accuracy::numeric, 4) AS accuracy,
	round(difference::numeric, 4) AS difference, round(standard_error::numeric, 6) AS standard_error, chosen
	FROM candidates WHERE ordinality <= 3 OR chosen OR metric = 'l2' AND k = 20 ORDER BY run, ordinality;
SELECT run, bool_and(difference = 0 OR abs(best - accuracy - difference) < 1e-12) AS differences,
	bool_and(accuracy >= next) AS best_first, bool_and(difference <= standard_error) FILTER (WHERE chosen) AS near_best,
	count(*) FILTER (WHERE standard_error = 0 AND difference > 0) AS certain
	FROM (SELECT *, max(accuracy) OVER (PARTITION BY run) AS best,
		lead(accuracy) OVER (PARTITION BY run ORDER BY ordinality) AS next FROM candidates) c
	GROUP BY run ORDER BY run;
-- the suite has what was chosen
SELECT run, (i.metric, i.scale, i.shrinkage, i.k, i.weights) = (c.metric, c.scale, c.shrinkage, c.k, c.weights) AS same
	FROM fitted JOIN candidates c USING (run), probe_suite_info(suite) i WHERE chosen ORDER BY run;

-- the same cross-validation of candidates without a matrix, in SQL
CREATE TABLE parts AS
	SELECT run, (n - 1) % 10 AS part, label, curve, id FROM plain,
		probe_suite_probes(suite) WITH ORDINALITY p(label, curve, id, n);
CREATE TABLE scales AS
	SELECT 'raw' AS scale UNION ALL SELECT 'sqrt' UNION ALL SELECT 'cbrt' UNION ALL SELECT 'log';
CREATE FUNCTION scaled(scale text, x double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE scale WHEN 'raw' THEN x WHEN 'sqrt' THEN sign(x) * sqrt(abs(x)) WHEN 'cbrt' THEN cbrt(x)
		WHEN 'log' THEN sign(x) * ln(1 + 1000 * abs(x)) END
$$;
CREATE TABLE scaled_parts AS
	SELECT run, scale, part, label, id, (SELECT array_agg(scaled(scale, x) ORDER BY e)
		FROM unnest(curve::double precision[]) WITH ORDINALITY u(x, e))::loss_curve AS curve
	FROM parts, scales WHERE run = 'mnist_hard';
CREATE TABLE rests AS
	SELECT scale, part, k, weights, configure_probe_suite(suite, k => k, weights => weights) AS suite
	FROM (SELECT scale, p AS part, (SELECT probe_suite_agg(label, curve, id) FROM scaled_parts o
			WHERE o.scale = s.scale AND o.part <> p) AS suite
		FROM scales s, generate_series(0, 9) p) r, unnest('{1,5,20}'::integer[]) k,
		unnest('{uniform,distance}'::text[]) weights;
CREATE TABLE hits AS
	SELECT r.scale, k, weights, (SELECT count(*) FROM scaled_parts p WHERE (p.scale, p.part) = (r.scale, r.part)
		AND classify_metadata(curve, suite) = label) AS n FROM rests r;
SELECT count(*) AS candidates, max(abs(c.accuracy - hits / 1250.0)) < 1e-12 AS same
	FROM (SELECT scale, k, weights, sum(n) AS hits FROM hits GROUP BY scale, k, weights) v
		JOIN candidates c USING (scale, k, weights) WHERE run = 'mnist_hard' AND shrinkage IS NULL;

-- classification is by the k nearest points, mapped in SQL from what the text form says
CREATE FUNCTION mapped(n integer, scale text, entries double precision[], losses double precision[]) RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	x double precision[];
	z double precision[];
	before integer;
	after integer;
BEGIN
	losses := losses[1:n];
	FOR e IN 1 .. n LOOP
		SELECT max(i) FILTER (WHERE i <= e), min(i) FILTER (WHERE i >= e) INTO before, after
			FROM generate_subscripts(losses, 1) i WHERE losses[i] IS NOT NULL;
		EXIT WHEN after IS NULL;
		x[e] := scaled(scale, losses[after]);
		IF before < after THEN
			x[e] := x[e] + (scaled(scale, losses[before]) - x[e]) * (after - e) / (after - before);
		END IF;
	END LOOP;
	IF entries IS NULL THEN
		RETURN x;
	END IF;
	FOR i IN 1 .. coalesce(cardinality(x), 0) LOOP
		z[i] := (SELECT sum(entries[i * (i - 1) / 2 + j] * x[j]) FROM generate_series(1, i) j);
	END LOOP;
	RETURN z;
END $$;
CREATE TABLE fits AS SELECT run AS name, suite, suite::text::jsonb AS fit FROM fitted WHERE run = 'mnist_hard';
-- suites whose probes are of different lengths, with gaps and negative losses, and every scale
INSERT INTO fits SELECT 'small ' || scale, suite, suite::text::jsonb FROM scales, LATERAL (SELECT format('{"k":3,
	"metric":"fitted","scale":"%s","shrinkage":0.5,"matrix":[2,-0.5,1,0.25,3,0.5,1,0,-2,4],"probes":[
		{"label":"a","id":"1","curve":[1,null,0.5,-0.25]},{"label":"a","id":"2","curve":[2,-1]},
		{"label":"b","id":"3","curve":[null,0.5,0.001,0]},{"label":"b","id":"4","curve":[-3,1,1]},
		{"label":"c","id":"5","curve":[null,null,null,7]},{"label":"c","id":"6","curve":[0.125]}]}', scale)::probe_suite
	AS suite) v;
INSERT INTO fits SELECT replace(name, 'small', 'no matrix'), (fit - 'matrix' - 'shrinkage')::text::probe_suite,
	fit - 'matrix' - 'shrinkage' FROM fits WHERE name ~ 'small';
CREATE TABLE rows (name text, n integer, curve loss_curve);
INSERT INTO rows
	SELECT run, n, CASE n % 4 WHEN 0 THEN curve WHEN 1 THEN curve[0:n % 19] WHEN 2 THEN curve || 1.0
		ELSE (curve[0:2] || NULL::double precision || NULL::double precision || curve[5:9] || NULL::double precision || curve[11:]) END
	FROM (SELECT run, row_number() OVER (ORDER BY id)::integer AS n, curve FROM held_out WHERE run = 'mnist_hard') h
	WHERE n % 31 = 0 OR n < 20;
INSERT INTO rows SELECT name, n, curve::loss_curve FROM fits, unnest(ARRAY['[1,2,3,4]', '[null,1]', '[-1,null,null,-8]',
	'[0.001,0,0,0,5]', '[0]', '[null,null,1,null]', '[-0.5,0.25,1e-30]', '[1e30,2]']) WITH ORDINALITY u(curve, n)
	WHERE name <> 'mnist_hard';
CREATE TABLE spaces AS
	SELECT name, suite, (probe_suite_info(suite)).epochs AS n, fit ->> 'scale' AS scale,
		(SELECT array_agg(x::double precision ORDER BY o) FROM jsonb_array_elements_text(fit -> 'matrix')
			WITH ORDINALITY m(x, o)) AS entries FROM fits;
CREATE TABLE points AS
	SELECT name, p.n, p.label, p.id, p.curve, mapped(s.n, scale, entries, p.curve::double precision[]) AS point
	FROM spaces s, probe_suite_probes(suite) WITH ORDINALITY p(label, curve, id, n);
CREATE TABLE row_points AS
	SELECT name, r.n, s.n AS epochs, mapped(s.n, scale, entries, curve::double precision[]) AS point
	FROM rows r JOIN spaces s USING (name);
CREATE TABLE by_force AS
	SELECT name, n, label, id, d, row_number() OVER (PARTITION BY name, n ORDER BY d, number) AS rank FROM (
		SELECT r.name, r.n, p.label, p.id, p.n AS number, d FROM row_points r JOIN points p USING (name),
			LATERAL (SELECT sqrt(sum((x - y) ^ 2) * epochs / count(x - y)) AS d FROM unnest(r.point, p.point) u(x, y)
				HAVING count(x - y) > 0) u) x
	WHERE d IS NOT NULL;
SELECT name, count(DISTINCT f.n) AS rows, count(*) AS neighbours,
	count(*) FILTER (WHERE abs(f.d - g.distance) <= 1e-5 * f.d + 1e-4) AS same_distance,
	count(*) FILTER (WHERE (f.label, f.id) = (g.label, g.id)) > 0.98 * count(*) AS same_probes
	FROM (SELECT name, n, g.* FROM rows JOIN fits USING (name), nearest_probes(curve, suite) g) g
		JOIN by_force f USING (name, n, rank) GROUP BY name ORDER BY name COLLATE "C";
SELECT name, count(*) AS rows, count(*) FILTER (WHERE classify_metadata(curve, suite) = label) AS same
	FROM rows JOIN fits USING (name) JOIN (SELECT DISTINCT ON (name, n) name, n, label
		FROM by_force JOIN fits USING (name), probe_suite_info(suite) WHERE rank <= k
		GROUP BY name, n, label ORDER BY name, n, count(*) DESC, sum(d), label COLLATE "C") l USING (name, n)
	GROUP BY name ORDER BY name COLLATE "C";
-- the neighbours shown are the probes as they were recorded
SELECT count(*) > 100 AS many, bool_and(g.curve = p.curve) AS same
	FROM rows JOIN fits USING (name), nearest_probes(curve, suite) g JOIN probes p USING (id) WHERE name = 'mnist_hard'
		AND run = 'mnist_hard';
-- a row in training has the tag of its prefix, whether later epochs are absent or null
SELECT count(*) AS rows, bool_and(tag_metadata(curve[0:n], suite)
	IS NOT DISTINCT FROM tag_metadata(curve[0:n] || '[null,null]'::loss_curve, suite)) AS same
	FROM held_out JOIN fitted USING (run), generate_series(0, 19, 6) n WHERE id ~ '7$';
-- what the functions say of a row agrees
SELECT run, count(*) AS rows, bool_and((t.tag).label = classify_metadata(curve, suite)) AS label,
	bool_and((t.tag).label = (SELECT label FROM metadata_probabilities(curve, suite) LIMIT 1)) AS votes,
	bool_and((t.tag).distance = (SELECT distance FROM nearest_probes(curve, suite, 1))) AS distance,
	bool_and((t.tag).score = label_score(curve, (t.tag).label, suite)) AS score
	FROM held_out JOIN fitted USING (run), LATERAL (SELECT tag_metadata(curve, suite) AS tag OFFSET 0) t
	WHERE id ~ '3$' GROUP BY run ORDER BY run;
-- leave one out: the neighbours of a probe but itself vote
SELECT count(*) AS probes, count(*) FILTER (WHERE n.label = p.label) = (SELECT sum(count) FILTER (WHERE actual = predicted)
		FROM fitted, probe_suite_confusion(suite) WHERE run = 'mnist_hard') AS same
	FROM parts p JOIN fitted USING (run), LATERAL (
		SELECT label FROM nearest_probes(curve, suite, (SELECT k + 1 FROM probe_suite_info(suite))) n WHERE n.id <> p.id
		GROUP BY label ORDER BY count(*) DESC, sum(distance), label COLLATE "C" LIMIT 1) n
	WHERE run = 'mnist_hard';

-- probabilities: what the calibration says of the shares of the votes, and the same labels as without it
CREATE FUNCTION uncalibrated(suite probe_suite) RETURNS probe_suite LANGUAGE sql IMMUTABLE AS $$
	SELECT ((suite::text::jsonb) - 'calibration')::text::probe_suite
$$;
CREATE TABLE tags AS
	SELECT run, id, label, curve, tag_metadata(curve, suite) AS tag FROM held_out JOIN fitted USING (run);
CREATE TABLE uncalibrated_tags AS SELECT run, id, tag_metadata(curve, suite) AS tag
	FROM held_out JOIN (SELECT run, uncalibrated(suite) AS suite FROM fitted OFFSET 0) u USING (run);
SELECT run, count(*) AS rows, bool_and((t.tag).label = (u.tag).label) AS same_label,
	bool_and((t.tag).runner_up IS NOT DISTINCT FROM (u.tag).runner_up) AS same_runner_up,
	count(*) FILTER (WHERE (t.tag).probability = (u.tag).probability) AS same_probability
	FROM tags t JOIN uncalibrated_tags u USING (run, id) GROUP BY run ORDER BY run;
CREATE TABLE probabilities AS
	SELECT run, id, tag, p.*, suite::text::jsonb -> 'calibration' AS c FROM tags JOIN fitted USING (run),
		metadata_probabilities(curve, suite) p WHERE id ~ '7$';
SELECT run, count(*) AS rows, bool_and(abs(total - 1) < 1e-12) AS total, bool_and(same) AS as_defined,
	bool_and(abs(best - (tag).probability) < 1e-12 AND abs(best - second - (tag).margin) < 1e-12) AS tags_agree
	FROM (SELECT run, id, tag, sum(probability) AS total, max(probability) AS best,
			(array_agg(probability ORDER BY probability DESC))[2] AS second,
			bool_and(abs(probability - likelihood / likelihoods) < 1e-12) AS same
		FROM (SELECT *, sum(likelihood) OVER (PARTITION BY run, id) AS likelihoods
			FROM (SELECT *, (votes / sum(votes) OVER (PARTITION BY run, id) + (c ->> 0)::double precision)
				^ (c ->> 1)::double precision AS likelihood FROM probabilities) p) p
		GROUP BY run, id, tag) t GROUP BY run ORDER BY run;
-- on probes that the suite has not seen they come nearer to the hit rates: expected calibration errors of ten bins
CREATE FUNCTION calibration_error(probability double precision[], is_right boolean[]) RETURNS numeric LANGUAGE sql AS $$
	SELECT round((sum(abs(p - hits)) / sum(n))::numeric, 4) FROM (
		SELECT sum(p) AS p, sum(r::integer) AS hits, count(*) AS n FROM unnest(probability, is_right) u(p, r)
			GROUP BY least(floor(p * 10), 9)) bins
$$;
SELECT run, calibration_error(array_agg((t.tag).probability), array_agg((t.tag).label = label)) AS calibrated,
	calibration_error(array_agg((u.tag).probability), array_agg((u.tag).label = label)) AS uncalibrated
	FROM tags t JOIN uncalibrated_tags u USING (run, id) GROUP BY run ORDER BY run;
-- other settings than those learned from: no calibration
SELECT way, configure_probe_suite(suite, k => k, weights => weights, metric => metric)::text ~ 'calibration' AS calibrated
	FROM fitted, (VALUES ('nothing', NULL, NULL, NULL), ('same k', 5, NULL, NULL), ('k', 4, NULL, NULL),
		('weights', NULL, 'distance', NULL), ('metric', NULL, NULL, 'l2')) v(way, k, weights, metric) WHERE run = 'mnist_hard';
-- reliability, for a plain suite as its neighbours say
SELECT run, bin, round(probability::numeric, 4) AS probability, round(hit_rate::numeric, 4) AS hit_rate, count,
	round(calibration_error::numeric, 4) AS calibration_error FROM fitted, probe_suite_reliability(suite) ORDER BY run, bin;
CREATE TABLE left_out AS
	SELECT p.label, (SELECT array_agg(n.label) FROM nearest_probes(curve, suite, 21) n WHERE n.id <> p.id) AS labels
	FROM parts p JOIN plain USING (run) WHERE run = 'mnist_hard';
SELECT bin, r.count = v.n AS count, abs(r.probability - v.p) < 1e-12 AS probability
	FROM plain, probe_suite_reliability(suite, 4) r
		JOIN (SELECT least(floor(p * 4), 3) + 1 AS bin, count(*) AS n, avg(p) AS p
			FROM left_out, LATERAL (SELECT count(*) / 20.0::double precision AS p FROM unnest(labels) l
				GROUP BY l ORDER BY count(*) DESC LIMIT 1) x GROUP BY 1) v USING (bin)
	WHERE run = 'mnist_hard' ORDER BY bin;
SELECT run, probes, abs(hits - right_ones) < 1e-9 AS hits, abs(error - calibration_error) < 1e-12 AS error
	FROM fitted, LATERAL (SELECT sum(count) AS probes, sum(hit_rate * count) AS hits, min(calibration_error)
			AS calibration_error, sum(abs(probability - hit_rate) * count) / sum(count) AS error
		FROM probe_suite_reliability(suite, 100)) r,
		LATERAL (SELECT sum(count) AS right_ones FROM probe_suite_confusion(suite) WHERE actual = predicted) c ORDER BY run;
SELECT * FROM probe_suite_reliability((SELECT probe_suite_agg('a', '[1]')));
SELECT bins || ' -> ' || error_of(format('SELECT count(*) FROM plain, probe_suite_reliability(suite, %s)', bins))
	FROM unnest('{0,-1,1000,1001}'::integer[]) bins;

-- text, binary, and both at once
CREATE TABLE stored AS SELECT name, suite FROM fits;
SELECT count(*) AS suites, bool_and(suite::text::probe_suite::text = suite::text) AS text,
	bool_and((probe_suite_info(suite::text::probe_suite)).hash = (probe_suite_info(suite)).hash) AS hash,
	count(DISTINCT (probe_suite_info(suite)).hash) AS different,
	bool_and(receive('probe_suite', probe_suite_send(suite)) = suite::text) AS binary
	FROM stored;
SELECT left(suite::text, 160) FROM fits WHERE name = 'small cbrt';
SELECT length(probe_suite_send(suite)) - length(probe_suite_send(configure_probe_suite(suite, metric => 'l2'))) AS bytes,
	right(probe_suite_send(suite)::text, 16) AS last_entry FROM fits WHERE name = 'small cbrt';

-- other settings: naming another metric drops the fit
SELECT i.k, i.metric, i.weights, i.scale, i.shrinkage, c.suite::text = f.suite::text AS as_it_was
	FROM fits f, LATERAL (VALUES (configure_probe_suite(suite)), (configure_probe_suite(suite, k => 2)),
		(configure_probe_suite(suite, weights => 'distance')), (configure_probe_suite(suite, metric => 'fitted')),
		(configure_probe_suite(suite, metric => 'l1')), (configure_probe_suite(configure_probe_suite(suite, k => 1), k => 3))) c(suite),
		probe_suite_info(c.suite) i WHERE name = 'small log';
SELECT count(*) AS suites, bool_and(configure_probe_suite(f.suite, metric => 'l2', k => 20, weights => 'uniform')::text
	= p.suite::text) AS same FROM fitted f JOIN plain p USING (run);
-- fitting again begins with the probes
SELECT bool_and(fit_probe_suite(suite)::text = suite::text) AS same FROM fitted WHERE run = 'mnist_hard';

-- suites of which little can be learned
CREATE TABLE small (name text, suite probe_suite);
CREATE FUNCTION curve(VARIADIC losses double precision[]) RETURNS loss_curve LANGUAGE sql IMMUTABLE AS
	'SELECT losses::loss_curve';
INSERT INTO small SELECT 'one probe', probe_suite_agg('a', '[1,2]');
INSERT INTO small SELECT 'two probes', probe_suite_agg(label, '[1,2]'::loss_curve) FROM unnest('{a,b}'::text[]) label;
INSERT INTO small SELECT 'one label', probe_suite_agg('a', curve(n, n * n % 7)) FROM generate_series(1, 30) n;
INSERT INTO small SELECT 'all constant', probe_suite_agg(chr(97 + n % 2), '[3,3,3]'::loss_curve) FROM generate_series(1, 30) n;
INSERT INTO small SELECT 'constant labels', probe_suite_agg(chr(97 + n % 2), curve(n % 2, 1)) FROM generate_series(1, 30) n;
INSERT INTO small SELECT 'one epoch', probe_suite_agg(chr(97 + n % 3), curve(n % 3 + n % 5 / 5.0)) FROM generate_series(1, 60) n;
INSERT INTO small SELECT 'rare label', probe_suite_agg(CASE WHEN n = 1 THEN 'a' ELSE chr(98 + n % 2) END,
	curve(n % 2, n % 5, n % 3)) FROM generate_series(1, 30) n;
INSERT INTO small SELECT 'as many epochs as probes', probe_suite_agg(chr(97 + n % 2),
	(SELECT array_agg(n % 2 + (n * e * e % 11) / 10.0 ORDER BY e) FROM generate_series(1, 12) e)::loss_curve) FROM generate_series(1, 12) n;
INSERT INTO small SELECT 'lengths', probe_suite_agg(chr(97 + n % 2),
	(SELECT array_agg(CASE WHEN (n + e) % 5 > 0 OR e = 1 THEN n % 2 + (n * e % 7) / 3.0 END ORDER BY e)
		FROM generate_series(1, 1 + n % 6) e)::loss_curve) FROM generate_series(1, 60) n;
INSERT INTO small SELECT 'huge', probe_suite_agg(chr(97 + n % 2),
	curve(3e38 * sign(n % 4 - 1.5), n * 1e37, n % 2 * 1e-40)) FROM generate_series(1, 30) n;
INSERT INTO small SELECT 'dtw', configure_probe_suite(probe_suite_agg(chr(97 + n % 2),
	curve(n % 4, n % 2, n % 5, n % 2)), metric => 'dtw', band => 1, k => 7) FROM generate_series(1, 40) n;
INSERT INTO small SELECT 'balanced', configure_probe_suite(probe_suite_agg(CASE WHEN n % 5 = 0 THEN 'a' ELSE 'b' END,
	curve(n % 5, n % 7)), weights => 'balanced') FROM generate_series(1, 40) n;
SELECT name, i.metric, i.scale, i.shrinkage, i.k, i.weights, i.band,
	(fit::text::jsonb - 'calibration') = suite::text::jsonb AS unchanged, fit::text ~ 'calibration' AS calibrated,
	fit::text::probe_suite::text = fit::text AS round_trip,
	(SELECT sum(count) FROM probe_suite_confusion(fit)) = i.probes AS classifies
	FROM (SELECT *, fit_probe_suite(suite) AS fit FROM small OFFSET 0) s, probe_suite_info(fit) i
	ORDER BY name COLLATE "C";
SELECT name, count(*) AS candidates, sum(chosen::integer) AS chosen, max(accuracy) AS best,
	bool_and(accuracy BETWEEN 0 AND 1 AND standard_error >= 0) AS sound,
	max(k) AS largest_k, string_agg(DISTINCT weights, ',' ORDER BY weights) AS weights,
	string_agg(DISTINCT metric, ',' ORDER BY metric) AS metrics
	FROM small, probe_suite_candidates(suite) GROUP BY name ORDER BY name COLLATE "C";
-- the tags of a suite that is calibrated only
SELECT metric, (t.tag).label, round((t.tag).probability::numeric, 6) AS probability, round((t.tag).margin::numeric, 6) AS margin
	FROM (SELECT metric, ('{"k":3,"metric":"' || metric || '","calibration":[0.5,2],"probes":[{"label":"a","curve":[1,1]},
		{"label":"a","curve":[1,2]},{"label":"b","curve":[2,1.5]},{"label":"c","curve":[9,1]}]}')::probe_suite AS suite
		FROM unnest('{l2,l1,cosine,dtw}'::text[]) metric) s, LATERAL (SELECT tag_metadata('[1,1]', suite) AS tag OFFSET 0) t;
-- points too large for a float are at its end, and none is lost
SELECT rank, label, distance, curve FROM nearest_probes('[3e38,-3e38]', '{"k":2,"metric":"fitted","scale":"raw",
	"shrinkage":1,"matrix":[1e200,1,1],"probes":[{"label":"a","curve":[1,1]},{"label":"b","curve":[-1,2]},
	{"label":"c","curve":[0,0]}]}'::probe_suite);

-- limits and bad input
SELECT error_of($$SELECT fit_probe_suite(probe_suite_agg('a', array_fill(1, ARRAY[1001])::loss_curve))$$);
SELECT error_of($$SELECT * FROM probe_suite_candidates((SELECT probe_suite_agg('a', array_fill(1, ARRAY[1001])::loss_curve)))$$);
SELECT error_of(format($$SELECT '{"metric":"fitted","scale":"raw","probes":[{"label":"a","curve":%s}]}'::probe_suite$$,
	array_fill(1, ARRAY[1001])::loss_curve));
SELECT epochs FROM probe_suite_info((SELECT fit_probe_suite(probe_suite_agg(chr(97 + n % 2), array_fill(n, ARRAY[200])::loss_curve))
	FROM generate_series(1, 3) n));
SELECT error_of($$SELECT configure_probe_suite(suite, metric => 'fitted') FROM plain$$);
SELECT error_of($$SELECT configure_probe_suite(suite, band => 1) FROM fitted$$);
SELECT keys || ' -> ' || error_of(format($$SELECT '{%s,"probes":[{"label":"a","curve":[1,2]}]}'::probe_suite$$, keys))
	FROM unnest(ARRAY['"metric":"fitted"', '"scale":"raw"', '"metric":"l1","scale":"raw"', '"metric":"fitted","scale":"ln"',
	'"metric":"fitted","scale":1', '"metric":"fitted","scale":"raw","matrix":[1,0,1]',
	'"metric":"fitted","scale":"raw","shrinkage":0.5', '"metric":"l2","shrinkage":0.5,"matrix":[1,0,1]',
	'"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[]', '"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[1]',
	'"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[1,0,1,0]', '"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[1,0,0]',
	'"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[-1,0,1]', '"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[1,1e201,1]',
	'"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[1,1e999,1]', '"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[1,null,1]',
	'"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":[1,[0],1]', '"metric":"fitted","scale":"raw","shrinkage":0.5,"matrix":1',
	'"metric":"fitted","scale":"raw","shrinkage":0,"matrix":[1,0,1]', '"metric":"fitted","scale":"raw","shrinkage":1.5,"matrix":[1,0,1]',
	'"metric":"fitted","scale":"raw","shrinkage":"x","matrix":[1,0,1]', '"metric":"fitted","scale":"raw","shrinkage":1,"matrix":[1,0,1]',
	'"metric":"l2","calibration":[0.1,1]', '"metric":"fitted","scale":"raw","calibration":[0.1,1]',
	'"metric":"fitted","scale":"raw","calibration":[0.1]', '"metric":"fitted","scale":"raw","calibration":[0.1,1,1]',
	'"metric":"fitted","scale":"raw","calibration":[0,1]', '"metric":"fitted","scale":"raw","calibration":[0.1,0]',
	'"metric":"fitted","scale":"raw","calibration":[1,101]', '"metric":"fitted","scale":"raw","calibration":[-1,1]',
	'"metric":"fitted","scale":"raw","calibration":["a",1]', '"metric":"fitted","scale":"raw","calibration":0.1']) keys;
SELECT error_of(format($$SELECT '{"metric":"fitted","scale":"raw","shrinkage":1,"matrix":[%s1],"probes":[{"label":"a","curve":[1]}]}'::probe_suite$$,
	repeat('1,', 600000)));
-- hostile bytes: version, metric, scale, number of entries, entries, every single bit of the end
CREATE TABLE sent AS SELECT probe_suite_send(suite) AS bytes, length(probe_suite_send(suite)) AS n FROM fits
	WHERE name = 'small cbrt';
SELECT what || ' -> ' || receive('probe_suite', changed) FROM sent, LATERAL (VALUES ('version 1', set_byte(bytes, 0, 1)),
	('metric l2', set_byte(bytes, 1, 0)), ('metric 6', set_byte(bytes, 1, 6)), ('scale 4', set_byte(bytes, n - 109, 4)),
	('entries', set_byte(bytes, n - 84, 127)), ('9 entries', set_byte(substr(bytes, 1, n - 8), n - 81, 9)),
	('no entry', substr(set_byte(bytes, n - 81, 0), 1, n - 80)), ('cut', substr(bytes, 1, n - 1)), ('more', bytes || '\x00'),
	('NaN', set_byte(set_byte(bytes, n - 8, 127), n - 7, 255)), ('negative', set_byte(bytes, n - 8, 192))) v(what, changed);
SELECT count(*) AS bits, count(*) FILTER (WHERE result ~ '^\w{5}: ') > 20 AS refused,
	count(*) FILTER (WHERE result ~ '^{') > 20 AS accepted,
	count(*) FILTER (WHERE result !~ '^\w{5}: ' AND result !~ '^{' OR result ~ '^XX') AS others
	FROM (SELECT receive('probe_suite', set_bit(bytes, bit, 1 - get_bit(bytes, bit))) AS result
		FROM sent, generate_series(8 * (n - 109), 8 * n - 1) bit) x;
SELECT forget_received();

-- the planner's price includes the mapping
CREATE FUNCTION cost(suite probe_suite) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT json) SELECT classify_metadata(curve, %L::probe_suite) FROM held_out', suite) INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Total Cost';
END $$;
SELECT run, cost(suite) > cost(configure_probe_suite(suite, metric => 'l2')) AS dearer FROM fitted ORDER BY run;

DROP VIEW accuracy;
DROP TABLE tags, uncalibrated_tags, probabilities, left_out, probes, held_out, plain, fitted, candidates, parts, scales, scaled_parts, rests, hits, fits, rows, spaces, points,
	row_points, by_force, stored, small, sent;
DROP FUNCTION uncalibrated, calibration_error, mapped, scaled, curve, cost;
