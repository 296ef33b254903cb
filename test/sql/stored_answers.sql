--
-- What the values of stored_values.sql give: the same as long as the values are.
-- Novelty is left out: 0.2.0 defined it anew.
--
--   psql -At -f stored_answers.sql
--
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET extra_float_digits = 1;
SET TimeZone = 'UTC';

SELECT 'samples', count(*), md5(string_agg(loss_curve_send(curve)::text, ' ' ORDER BY id)),
	md5(string_agg(curve::text, ' ' ORDER BY id)) FROM samples;
SELECT 'probes', count(*), md5(string_agg(label || curve::text, ' ' ORDER BY id)) FROM probes;
SELECT 'suite', name, probes, labels, epochs, k, metric, weights, band, hash, scale, shrinkage,
		(SELECT md5(string_agg((label, curve, id)::text, ' ')) FROM probe_suite_probes(suite)),
		(SELECT md5(string_agg((actual, predicted, count)::text, ' ' ORDER BY actual, predicted))
			FROM probe_suite_confusion(suite))
	FROM suites, probe_suite_info(suite) ORDER BY name;
SELECT 'answers', name, md5(string_agg(concat_ws(' ', id,
		classify_metadata(curve, suite), label_score(curve, 'random_outputs', suite),
		(SELECT (label, probability, score, runner_up, margin, distance) FROM tag_metadata(curve, suite)),
		(SELECT string_agg((label, probability, votes, distance)::text, ' ') FROM metadata_probabilities(curve, suite)),
		(SELECT string_agg((n.rank, n.id, n.label, n.distance, n.curve)::text, ' ')
			FROM nearest_probes(curve, suite) AS n)), E'\n' ORDER BY id))
	FROM samples, suites WHERE name <> 'quoted' GROUP BY name ORDER BY name;
SELECT 'relations', md5(string_agg(concat_ws(' ', id, classify_metadata(curve, 'probes'::regclass),
		classify_metadata(curve, 'live_suite'::regclass)), E'\n' ORDER BY id)) FROM samples;
SELECT 'tags', md5(string_agg((to_jsonb(t) - 'novelty')::text, ' ' ORDER BY id)) FROM sample_tags AS t;
SELECT 'fitted tags', md5(string_agg((to_jsonb(t) - 'novelty')::text, ' ' ORDER BY id)) FROM fitted_tags AS t;
SELECT 'kept tags', md5(string_agg((id, (tag).label, (tag).probability, (tag).score, (tag).runner_up, (tag).margin,
		(tag).distance)::text, ' ' ORDER BY id)) FROM kept_tags;
SELECT 'suspects', md5(string_agg(to_jsonb(s)::text, ' ' ORDER BY id)) FROM suspects AS s;
SELECT 'log', count(*), md5(string_agg(l::text, ' ' ORDER BY id)) FROM loss_curves('loss_log', 'run') AS l;
SELECT 'mixture', mixture, noise_posterior(1.0, mixture) FROM mixtures;
SELECT 'statistics', md5(string_agg(statistics::text, ' ' ORDER BY id)) FROM statistics;
SELECT 'pieces', tableoid::regclass, count(*) FROM pieces GROUP BY tableoid ORDER BY 2;
SELECT 'worst', worst();
SELECT 'attributes', attrelid::regclass, attname, format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid IN ('samples'::regclass, 'probes'::regclass, 'suites'::regclass, 'sample_tags'::regclass)
		AND attnum > 0 ORDER BY attrelid::regclass::text, attnum;

-- Every row by its index, and in the order of the index.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT 'by hash', count(*) FROM samples AS s,
	LATERAL (SELECT id FROM samples AS t WHERE t.curve = s.curve AND t.id = s.id) AS same;
SELECT 'by btree', count(*), md5(string_agg(id::text, ' ')) FROM (
	SELECT id FROM samples WHERE epochs(curve) <= 40 AND curve >= '[]' ORDER BY curve, id) AS s;
SELECT 'by expression', count(*) FROM samples WHERE curve[0] > 2;

-- Nothing has changed, so there is nothing to refresh; but after changes there is.
CALL refresh_tags('sample_tags', 'samples', 'plain_suite');
CALL refresh_tags('fitted_tags', 'samples', 'fitted_suite');
BEGIN;
UPDATE samples SET curve[0] = 5 WHERE id % 10 = 0;
DELETE FROM samples WHERE id % 10 = 1;
CALL refresh_tags('sample_tags', 'samples', 'plain_suite');
SELECT 'refreshed', md5(string_agg((to_jsonb(t) - 'tagged_at' - 'novelty')::text, ' ' ORDER BY id)) FROM sample_tags AS t;
ROLLBACK;
