--
-- k nearest neighbours by plain SQL, to hold against the extension's.
--
-- The including test fills
--   probes (n, label, curve, id), samples (n, curve): the data,
--   settings (setting, metric, band): what is tried,
--   distances (setting, sample, probe, d): from every sample to every probe,
--     NULL where undefined; sample -n stands for probe n, and is at no
--     distance from itself,
-- and then calls rank_neighbours().
--
SET client_min_messages = warning;
DROP TABLE IF EXISTS test.probes, test.samples, test.settings, test.distances CASCADE;
CREATE TABLE test.probes (n integer PRIMARY KEY, label text, curve loss_curve, id text);
CREATE TABLE test.samples (n integer PRIMARY KEY, curve loss_curve);
CREATE TABLE test.settings (setting text PRIMARY KEY, metric text, band bigint);
CREATE TABLE test.distances (setting text, sample integer, probe integer, d double precision);

-- Epochs of the suite: those of its longest probe
CREATE OR REPLACE FUNCTION test.suite_epochs() RETURNS integer STABLE LANGUAGE sql AS
	'SELECT max(epochs(curve))::integer FROM test.probes';

-- All distances of the metrics that go epoch by epoch.  unnest() pads the
-- shorter curve with NULL.
CREATE OR REPLACE FUNCTION test.epochwise_distance(metric text, a double precision[], b double precision[], n integer)
RETURNS double precision IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE metric
		WHEN 'l2' THEN sqrt(sum((x - y) * (x - y)) * (n / nullif(count(*), 0)::double precision))
		WHEN 'l1' THEN sum(abs(x - y)) * (n / nullif(count(*), 0)::double precision)
		WHEN 'cosine' THEN CASE WHEN sum(x * x) > 0 AND sum(y * y) > 0
			THEN least(greatest(1 - sum(x * y) / sqrt(sum(x * x) * sum(y * y)), 0), 2) END
		WHEN 'correlation' THEN CASE WHEN min(x) < max(x) AND min(y) < max(y)
			THEN least(greatest(1 - corr(x, y), 0), 2) END
	END
	FROM unnest(a, b) WITH ORDINALITY u(x, y, epoch)
	WHERE x IS NOT NULL AND y IS NOT NULL AND epoch <= n
$$;

-- Samples and, as negative ones, the probes themselves
CREATE OR REPLACE VIEW test.everything AS
	SELECT n, curve FROM test.samples UNION ALL SELECT -n, curve FROM test.probes;

-- All neighbours in their order: (distance, label, curve, id), in C order
CREATE MATERIALIZED VIEW test.ranked AS
	SELECT setting, sample, probe, label, curve, id, d, row_number() OVER (
		PARTITION BY setting, sample ORDER BY d, label COLLATE "C", curve::real[], id COLLATE "C") AS rank
	FROM test.distances JOIN test.probes ON n = probe WHERE d IS NOT NULL;

CREATE OR REPLACE FUNCTION test.rank_neighbours() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	REFRESH MATERIALIZED VIEW test.ranked;
	ANALYZE test.probes, test.samples, test.settings, test.distances, test.ranked;
END
$$;

-- The votes of the k nearest
CREATE OR REPLACE FUNCTION test.votes(k integer, weights text)
RETURNS TABLE (setting text, sample integer, label text, votes numeric, sum double precision, place bigint)
STABLE LANGUAGE sql AS $$
	SELECT *, row_number() OVER (PARTITION BY setting, sample ORDER BY votes DESC, sum, label COLLATE "C") FROM (
		SELECT setting, sample, label,
			CASE weights
				WHEN 'uniform' THEN count(*)
				WHEN 'balanced' THEN count(*) * (SELECT count(*) FROM test.probes)::numeric
					/ (SELECT count(*) FROM test.probes p WHERE p.label = r.label)
				ELSE sum(CASE WHEN least_d = 0 THEN 1 ELSE 1 / d END ORDER BY rank)::text::numeric
			END AS votes,
			sum(d ORDER BY rank) AS sum
		FROM (SELECT *, min(d) OVER (PARTITION BY setting, sample) AS least_d FROM test.ranked WHERE rank <= k) r
		WHERE weights <> 'distance' OR least_d > 0 OR d = 0
		GROUP BY setting, sample, label) v
$$;

-- The score of every label: others / (others + own), of the mean distances to
-- the m nearest
CREATE OR REPLACE FUNCTION test.scores(k integer)
RETURNS TABLE (setting text, sample integer, label text, score double precision)
STABLE LANGUAGE sql AS $$
	WITH parts AS (
		SELECT r.setting, r.sample, l.label, r.label = l.label AS is_own, d, row_number() OVER (
			PARTITION BY r.setting, r.sample, l.label, r.label = l.label ORDER BY d) AS rank
		FROM test.ranked r, (SELECT DISTINCT p.label FROM test.probes p) l
	), sizes AS (
		SELECT p.setting, p.sample, p.label, least(k, count(*) FILTER (WHERE is_own),
			count(*) FILTER (WHERE NOT is_own)) AS m
		FROM parts p GROUP BY p.setting, p.sample, p.label
	), means AS (
		SELECT setting, sample, label, avg(d) FILTER (WHERE is_own) AS own, avg(d) FILTER (WHERE NOT is_own) AS others
		FROM parts JOIN sizes USING (setting, sample, label) WHERE rank <= m GROUP BY setting, sample, label
	)
	SELECT setting, sample, label, CASE WHEN own + others = 0 THEN 0.5 ELSE others / (others + own) END FROM means
$$;

-- Novelty: the mean distance to the neighbours, by the mean of the same of each
-- of them among the probes
CREATE OR REPLACE FUNCTION test.novelties(k integer)
RETURNS TABLE (setting text, sample integer, distance double precision, novelty double precision)
STABLE LANGUAGE sql AS $$
	WITH near AS (
		SELECT * FROM test.ranked WHERE rank <= k
	), reaches AS (
		SELECT setting, -sample AS probe, avg(d) AS reach FROM near WHERE sample < 0 GROUP BY setting, sample
	)
	SELECT setting, sample, min(d), avg(d) / nullif(avg(reach), 0)
	FROM near LEFT JOIN reaches USING (setting, probe) GROUP BY setting, sample
$$;

-- Equal but for what another order of additions may round
CREATE OR REPLACE FUNCTION test.is_near(a double precision,
	b double precision) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
		ELSE abs(a - b) <= 1e-11 * greatest(abs(a), abs(b), 1e-3) END
$$;

-- Where the extension says something else.  How much must agree:
--   bits: all, distances to the last bit (for data whose sums are exact),
--   order: all, distances but for rounding,
--   near: distances but for rounding, which decides what would be ties.
CREATE OR REPLACE FUNCTION test.differences(k integer, weights text, agreement text)
RETURNS TABLE (what text, setting text, sample integer, wanted text, got text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	in_order boolean := agreement <> 'near';
BEGIN
	CREATE TEMP TABLE suites AS
		SELECT setting, configure_probe_suite(suite, k, metric, weights, band) AS suite
		FROM test.settings, (SELECT probe_suite_agg(label, curve, id) AS suite FROM test.probes) s;

	-- neighbours
	RETURN QUERY SELECT 'neighbour', setting, sample,
		format('%s: %s %s %s at %s', w.rank, w.label, w.id, w.curve, w.d),
			format('%s: %s %s %s at %s', f.rank, f.label, f.id, f.curve, f.distance)
		FROM (SELECT * FROM test.ranked WHERE sample > 0) w
			FULL JOIN (SELECT setting, n AS sample, p.*
				FROM suites, test.samples s, nearest_probes(s.curve, suite, 1000) p) f
			USING (setting, sample, rank)
		WHERE NOT test.is_near(w.d, f.distance) OR agreement = 'bits' AND w.d <> f.distance
			OR in_order AND (w.label, w.curve, w.id) IS DISTINCT FROM (f.label, f.curve, f.id);

	-- votes, probabilities and scores of all labels
	CREATE TEMP TABLE wanted_votes AS SELECT * FROM test.votes(k, weights);
	CREATE TEMP TABLE wanted_shares AS
		SELECT setting, s.n AS sample, label, votes,
			votes / sum(votes) OVER (PARTITION BY setting, s.n) AS probability, place, score,
			distance
		FROM test.settings t CROSS JOIN test.samples s CROSS JOIN (SELECT DISTINCT label FROM test.probes) l
			LEFT JOIN (SELECT setting, sample AS n, label, min(d) AS distance FROM test.ranked
				GROUP BY 1, 2, 3) r USING (setting, n, label)
			LEFT JOIN (SELECT setting, sample AS n, label, votes, place FROM wanted_votes) v USING (setting, n, label)
			LEFT JOIN (SELECT setting, sample AS n, label, score FROM test.scores(k)) c USING (setting, n, label);
	CREATE TEMP TABLE shares AS
		SELECT setting, n AS sample, p.*, label_score(curve, p.label, suite) AS score
		FROM suites, test.samples s, metadata_probabilities(s.curve, suite) WITH ORDINALITY p(label, probability,
			votes, distance, place);
	ANALYZE wanted_votes, wanted_shares, shares;
	RETURN QUERY SELECT 'share', setting, sample, w::text, s::text
		FROM wanted_shares w FULL JOIN shares s USING (setting, sample, label)
		WHERE NOT test.is_near(w.distance, s.distance)
			OR in_order AND (NOT test.is_near(w.score, s.score) OR w.place IS NOT NULL AND w.place <> s.place
				OR NOT test.is_near(coalesce(w.votes, 0)::float8, s.votes)
				OR s.probability IS NOT NULL AND NOT test.is_near(coalesce(w.probability, 0)::float8, s.probability)
				OR s.probability IS NULL AND EXISTS (SELECT FROM wanted_votes v
					WHERE (v.setting, v.sample) = (w.setting, w.sample)));

	-- tags
	CREATE TEMP TABLE wanted_tags AS
		SELECT w.setting, w.sample, w.label, w.probability, w.score, r.label AS runner_up,
			w.probability - coalesce(r.probability, 0) AS margin, n.distance, n.novelty
		FROM wanted_shares w LEFT JOIN wanted_shares r ON (r.setting, r.sample, r.place) = (w.setting, w.sample, 2)
			JOIN test.novelties(k) n ON (n.setting, n.sample) = (w.setting, w.sample)
		WHERE w.place = 1;
	CREATE TEMP TABLE tags AS
		SELECT setting, sample, classified, (t).* FROM (
			SELECT setting, n AS sample, classify_metadata(curve, suite) AS classified,
				tag_metadata(curve, suite) AS t
			FROM suites, test.samples OFFSET 0) x WHERE (t).label IS NOT NULL;
	RETURN QUERY SELECT 'tag', setting, sample, w::text, t::text
		FROM wanted_tags w FULL JOIN tags t USING (setting, sample)
		WHERE NOT test.is_near(w.distance, t.distance) OR t.classified IS DISTINCT FROM t.label
			OR in_order AND (NOT test.is_near(w.novelty, t.novelty)
				OR (w.label, w.runner_up) IS DISTINCT FROM (t.label, t.runner_up)
				OR NOT test.is_near(w.probability::float8, t.probability)
					OR NOT test.is_near(w.margin::float8, t.margin)
				OR NOT test.is_near(w.score, t.score));

	-- leave one out
	RETURN QUERY SELECT 'confusion', setting, NULL::integer, w::text, c::text
		FROM (SELECT setting, p.label AS actual, v.label AS predicted, count(*)
			FROM test.settings CROSS JOIN test.probes p
				LEFT JOIN wanted_votes v USING (setting) WHERE v.sample = -p.n AND v.place = 1 GROUP BY 1, 2, 3) w
			FULL JOIN (SELECT setting, c.* FROM suites, probe_suite_confusion(suite) c WHERE predicted IS NOT NULL) c
			USING (setting, actual, predicted)
		WHERE in_order AND w.count IS DISTINCT FROM c.count;
	DROP TABLE suites, wanted_votes, wanted_shares, shares, wanted_tags, tags;
END
$$;
RESET client_min_messages;
-- much planned, little done
SET jit = off;
SET work_mem = '32MB';
