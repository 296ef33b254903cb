--
-- Charts: Vega-Lite specifications.  What they look like, and that the numbers
-- in them are those of the functions that they show.
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- the data of a chart, one line per row
CREATE FUNCTION data(chart jsonb) RETURNS SETOF jsonb LANGUAGE sql
	RETURN jsonb_array_elements(chart #> '{data,values}');
CREATE TABLE suites (name text, suite probe_suite);
INSERT INTO suites VALUES
	('small', '{"k":2,"probes":[{"label":"a","id":"A1","curve":[1,null,0.5,0.25]},{"label":"a","id":"A2","curve":[2,null,0.1]},
		{"label":"b <i>\"b\"</i>","curve":[4,4,4,4]},{"label":"b <i>\"b\"</i>","id":"B2","curve":[3,5,3,3]}]}');
-- the whole of each, but for the data
\pset format unaligned
\pset tuples_only on
SELECT jsonb_pretty(probe_suite_chart(suite) - 'data') FROM suites;
SELECT jsonb_pretty(curve_chart('[1,2,0.5]', suite) - 'data') FROM suites;
SELECT jsonb_pretty(confusion_chart(suite) - 'data') FROM suites;
SELECT jsonb_pretty(reliability_chart(suite) - 'data') FROM suites;
SELECT jsonb_pretty(tag_chart('{a,b}', '{1,2}') - 'data');
-- their data: missing epochs are null, so that lines break there
SELECT data(probe_suite_chart(suite)) FROM suites;
SELECT data(curve_chart('[1,null,0.5]', suite)) FROM suites;
SELECT data(confusion_chart(suite)) FROM suites;
SELECT data(reliability_chart(suite)) FROM suites;
SELECT data(tag_chart(ARRAY['x', 'a', NULL, 'b'], '{1,2,4,2}'));
SELECT data(tag_chart('{a,b}', '{1}'));
-- no rows, or only rows of no count
SELECT tag_chart('{}', '{}') -> 'title', data(tag_chart('{a}', '{0}'));
SELECT tag_chart('{}', '{}') #> '{data,values}', tag_chart('{}', '{}') #> '{encoding,x,scale}';
-- curves that have no neighbour, are empty, or longer than the suite's: with scales only where there is no loss
SELECT chart #>> '{title,subtitle}', chart #> '{data,values}', chart #> '{encoding,x,scale}', chart #> '{encoding,y,scale}'
	FROM suites, unnest('{"[]","[null]","[null,7]"}'::loss_curve[]) curve, curve_chart(curve, suite) chart;
SELECT data(curve_chart('[4,4,4,4,9]', configure_probe_suite(suite, k => 1))) FROM suites;
-- probes that have no neighbour are in a column of their own
SELECT chart #> '{encoding,x,scale,domain}', chart #>> '{title,subtitle}', chart #> '{data,values}'
	FROM confusion_chart('{"k":1,"probes":[{"label":"a","curve":[1]},{"label":"b","curve":[null,1]}]}') chart;
-- a curve that is too novel for a tag
SELECT curve_chart('[90,90,90]', configure_probe_suite(suite, max_novelty => x)) #>> '{title,subtitle}' FROM suites, unnest('{1,1e9}'::float8[]) x;
-- probes of which none has another at a defined distance
SELECT chart #>> '{title,subtitle}', chart #> '{data,values}', chart #> '{layer,2,encoding,size,scale,domain}'
	FROM reliability_chart('{"k":1,"probes":[{"label":"a","curve":[1]},{"label":"b","curve":[null,1]}]}') chart;
-- bins
SELECT bins, jsonb_array_length(reliability_chart(suite, bins) #> '{data,values}') FROM suites, unnest('{1,2,1000}'::integer[]) bins;
SELECT error_of('SELECT reliability_chart(suite, 0) FROM suites');
-- NULL
SELECT reliability_chart(NULL) IS NULL, reliability_chart(suite, NULL) IS NULL FROM suites;
SELECT probe_suite_chart(NULL) IS NULL, curve_chart(NULL, suite) IS NULL, curve_chart('[1]', NULL) IS NULL,
	confusion_chart(NULL) IS NULL, tag_chart(NULL) IS NULL, tag_chart(NULL, '{1}') IS NULL, tag_chart('{a}', NULL) IS NULL
	FROM suites;
\pset format aligned
\pset tuples_only off

-- long curves: some 500 epochs evenly, and the last one
INSERT INTO suites SELECT n, probe_suite_agg('a', (SELECT array_agg(e % 7 ORDER BY e)::loss_curve FROM generate_series(1, n) e))
	FROM unnest('{500,501,1000,1001,16000}'::integer[]) n GROUP BY n;
SELECT name, count(*), min(epoch), max(epoch), array_agg(DISTINCT step) AS steps
	FROM (SELECT name, (row -> 'epoch')::integer AS epoch,
			(row -> 'epoch')::integer - lag((row -> 'epoch')::integer) OVER (PARTITION BY name ORDER BY (row -> 'epoch')::integer) AS step
		FROM suites, data(probe_suite_chart(suite)) row WHERE name <> 'small') r
	GROUP BY name ORDER BY max;
SELECT name, jsonb_array_length(row -> 'epoch') AS epochs, row -> 'epoch' -> -1 AS last, jsonb_array_length(row -> 'loss') AS losses
	FROM suites, probe_suite_probes(suite) p, data(curve_chart(p.curve, suite)) row WHERE name IN ('501', '16000') ORDER BY name, row -> 'rank';
-- no more than 20 neighbours, whatever k
SELECT k, count(*) - 1 AS neighbours FROM (SELECT probe_suite_agg('a', ARRAY[n]::loss_curve) AS suite FROM generate_series(1, 40) n) s,
	unnest('{1,20,40}'::integer[]) k, data(curve_chart('[0]', configure_probe_suite(suite, k => k))) GROUP BY k ORDER BY k;

-- the real curves of test/data: every number is that of the function shown
CREATE TABLE probes (id text, label text, curve loss_curve);
\copy probes from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/probes.csv.gz' with (format csv, header)
CREATE TABLE held_out (id text PRIMARY KEY, label text, curve loss_curve);
\copy held_out from program 'gzip -dc "$PG_ABS_SRCDIR"/test/data/mnist/val_probes.csv.gz' with (format csv, header)
TRUNCATE suites;
INSERT INTO suites SELECT 'mnist', probe_suite_agg(label, curve, id) FROM probes;
CREATE TABLE points AS
	SELECT * FROM suites, jsonb_to_recordset(probe_suite_chart(suite) #> '{data,values}')
		AS r(label text, epoch integer, mean real, lower real, upper real, probes bigint);
SELECT count(*) AS points, count(*) FILTER (WHERE mean = (average[epoch])::real) AS means,
	count(*) FILTER (WHERE abs(p.lower - q.lower) <= 1e-6 * q.lower AND abs(p.upper - q.upper) <= 1e-6 * q.upper) AS quartiles,
	count(*) FILTER (WHERE p.probes = q.probes) AS probes
	FROM points p JOIN (SELECT label, avg(curve) AS average FROM probes GROUP BY label) a USING (label)
		JOIN (SELECT label, n - 1 AS epoch, count(*) AS probes, percentile_cont(0.25) WITHIN GROUP (ORDER BY loss) AS lower,
				percentile_cont(0.75) WITHIN GROUP (ORDER BY loss) AS upper
			FROM probes, unnest(curve::float8[]) WITH ORDINALITY u(loss, n) GROUP BY label, n) q USING (label, epoch);
SELECT count(*) AS bins, sum(r.count) AS probes, count(*) FILTER (WHERE r.count = c.count) AS same,
	count(*) FILTER (WHERE r.probability = c.probability::real AND r.hit_rate = c.hit_rate::real) AS numbers,
	bool_and(reliability_chart(suite) #>> '{title,subtitle}' ~ round(calibration_error::numeric, 4)::text) AS error_shown
	FROM suites, probe_suite_reliability(suite) c JOIN jsonb_to_recordset(reliability_chart((SELECT suite FROM suites)) #> '{data,values}')
		AS r(bin integer, probability real, hit_rate real, count bigint) USING (bin);
SELECT count(*) AS cells, sum(r.count) AS probes, count(*) FILTER (WHERE r.count = c.count) AS same,
	count(*) FILTER (WHERE r.share = (c.count / 250.0)::real) AS shares
	FROM (SELECT r.* FROM suites, jsonb_to_recordset(confusion_chart(suite) #> '{data,values}')
			AS r(actual text, predicted text, count bigint, share real)) r
		FULL JOIN (SELECT c.* FROM suites, probe_suite_confusion(suite) c) c USING (actual, predicted);
SELECT confusion_chart(suite) #>> '{title,subtitle}' AS subtitle,
	(SELECT sum(count) FROM probe_suite_confusion(suite) WHERE actual = predicted) AS hits FROM suites;
SELECT count(*) AS neighbours, count(DISTINCT h.id) AS curves,
	count(*) FILTER (WHERE (r.label, r.id, r.distance, r.loss::loss_curve) = (n.label, n.id, n.distance, n.curve)) AS same
	FROM (SELECT * FROM held_out WHERE id ~ '3$') h, suites,
		jsonb_to_recordset(curve_chart(h.curve, suite) #> '{data,values}')
			AS r(rank integer, id text, label text, distance float8, loss jsonb), nearest_probes(h.curve, suite) n
	WHERE n.rank = r.rank;
SELECT count(*) AS curves,
	count(*) FILTER (WHERE chart #>> '{title,subtitle}' = format('tagged %s with probability %s', label, probability)) AS tags,
	count(*) FILTER (WHERE (chart #> '{data,values,0,loss}')::loss_curve = curve AND chart #> '{data,values,0,rank}' = 'null') AS same
	FROM (SELECT h.curve, curve_chart(h.curve, suite) AS chart, (tag_metadata(h.curve, suite)).*
		FROM held_out h, suites WHERE h.id ~ '3$' OFFSET 0) c;

-- tag tables, and whatever else has labels
SELECT create_tag_table('held_out_tags', 'held_out');
CALL refresh_tags('held_out_tags', 'held_out', 'suites');
UPDATE held_out_tags SET label = NULL WHERE id = (SELECT min(id) FROM held_out);
SELECT r.*, r.tags = (SELECT count(*) FROM held_out_tags t WHERE t.label IS NOT DISTINCT FROM r.label) AS same,
	r.share = (tags / sum(tags) OVER ())::real AS share_is_right
	FROM jsonb_to_recordset(tag_chart('held_out_tags') #> '{data,values}') AS r(label text, tags bigint, share real);
CREATE VIEW "Odd ""view""" AS SELECT 1 AS label UNION ALL SELECT NULL;
SELECT data(tag_chart('"Odd ""view"""'));
CREATE TEMP TABLE none (label varchar(5));
SELECT tag_chart('none') #> '{data,values}' AS none;
SELECT error_of(format('SELECT tag_chart(%L::regclass)', relation)) FROM unnest('{suites,held_out_pkey,4294967295}'::text[]) relation;
-- privileges are the caller's
CREATE ROLE metaprobe_test_reader;
GRANT USAGE ON SCHEMA public, test TO metaprobe_test_reader;
SET ROLE metaprobe_test_reader;
SELECT error_of('SELECT tag_chart(''held_out_tags'')');
RESET ROLE;
GRANT SELECT (label) ON held_out_tags TO metaprobe_test_reader;
SET ROLE metaprobe_test_reader;
SELECT count(*) FROM data(tag_chart('held_out_tags'));
RESET ROLE;
REVOKE ALL ON SCHEMA public, test FROM metaprobe_test_reader;
REVOKE SELECT (label) ON held_out_tags FROM metaprobe_test_reader;
DROP ROLE metaprobe_test_reader;

-- whatever the search_path holds, names mean what they meant when the functions were created
CREATE TABLE plain AS SELECT probe_suite_chart(suite) AS of_suite, confusion_chart(suite) AS of_confusion,
	curve_chart((SELECT curve FROM held_out ORDER BY id LIMIT 1), suite) AS of_curve, tag_chart('held_out_tags') AS of_tags
	FROM suites;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.epochs(loss_curve) RETURNS bigint LANGUAGE sql RETURN 1 / 0;
CREATE FUNCTION hostile.avg(loss_curve) RETURNS loss_curve LANGUAGE sql RETURN '[0]'::public.loss_curve;
CREATE FUNCTION hostile.jsonb_build_object(text, jsonb) RETURNS jsonb LANGUAGE sql RETURN '0'::jsonb;
CREATE FUNCTION hostile.count(text) RETURNS bigint LANGUAGE sql RETURN 1;
CREATE FUNCTION hostile.tag_chart(text[], bigint[]) RETURNS jsonb LANGUAGE sql RETURN '0'::jsonb;
CREATE FUNCTION hostile.nearest_probes(loss_curve, probe_suite, integer) RETURNS integer LANGUAGE sql RETURN 1;
SET search_path = hostile, pg_catalog;
SELECT of_suite = public.probe_suite_chart(suite) AS suite, of_confusion = public.confusion_chart(suite) AS confusion,
	of_curve = public.curve_chart((SELECT curve FROM public.held_out ORDER BY id LIMIT 1), suite) AS curve,
	of_tags = public.tag_chart('public.held_out_tags') AS tags FROM public.suites, public.plain;
SET search_path = public, test;
DROP SCHEMA hostile CASCADE;

-- both charts of lines have the same colours and dashes for a label, in the order of the suite's labels
SELECT of_suite #> '{encoding,color,scale}' = of_curve #> '{layer,0,encoding,color,scale}' AS colours,
	of_suite #> '{layer,1,encoding,strokeDash,scale}' = of_curve #> '{layer,0,encoding,strokeDash,scale}' AS dashes,
	of_suite #> '{encoding,color,scale,domain}' = to_jsonb(labels) AS domain
	FROM plain, suites, probe_suite_info(suite);

DROP VIEW "Odd ""view""";
DROP TABLE suites, probes, held_out, points, plain, held_out_tags, none;
DROP FUNCTION data(jsonb);
