--
-- Classification by the nearest probes, checked by hand
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- on a line: three probes of a at 0, 1, 2, two of b at 10 and 11, one of c at 20
CREATE TABLE probes (id text, label text, curve loss_curve);
INSERT INTO probes VALUES ('a0', 'a', '[0]'), ('a1', 'a', '[1]'), ('a2', 'a', '[2]'),
	('b10', 'b', '[10]'), ('b11', 'b', '[11]'), ('c20', 'c', '[20]');
CREATE TABLE suites AS SELECT configure_probe_suite(probe_suite_agg(label, curve, id), k => 3) AS suite FROM probes;
SELECT x, classify_metadata(ARRAY[x]::loss_curve, suite) FROM suites, unnest('{0,5,6,10,15,16,100}'::int[]) x;
SELECT x, (tag_metadata(ARRAY[x]::loss_curve, suite)).* FROM suites, unnest('{1,6,16}'::int[]) x;
SELECT x, label, label_score(ARRAY[x]::loss_curve, label, suite)
	FROM suites, unnest('{1,6,16}'::int[]) x, unnest('{a,b,c}'::text[]) label ORDER BY x, label;
SELECT x, p.* FROM suites, unnest('{1,6,16}'::int[]) x, metadata_probabilities(ARRAY[x]::loss_curve, suite) p;
SELECT x, p.* FROM suites, unnest('{1,6,16}'::int[]) x, nearest_probes(ARRAY[x]::loss_curve, suite) p;
-- what these mean, for x = 6: neighbours are a2 and b10 at 4, a1 at 5 (as b11 is: by label)
SELECT 2 / 3.0 AS probability, 2 / 3.0 - 1 / 3.0 AS margin, 4 AS distance,
	-- m = min(3, 3 of a, 3 others) = 3: a at 4, 5, 6; others at 4, 5, 14
	((4 + 5 + 14) / 3.0) / ((4 + 5 + 14) / 3.0 + (4 + 5 + 6) / 3.0) AS score,
	-- a2 and b10 at 4, a1 at 5; their own three neighbours at 1, 2, 8 (a2), 1, 8, 9 (b10) and 1, 1, 9 (a1)
	((4 + 4 + 5) / 3.0) / (((1 + 2 + 8) / 3.0 + (1 + 8 + 9) / 3.0 + (1 + 1 + 9) / 3.0) / 3) AS novelty;

-- n of nearest_probes
SELECT n, string_agg(p.id, ' ' ORDER BY rank) FROM suites, unnest('{1,2,6,7,2147483647,NULL}'::int[]) n,
	nearest_probes('[12]', suite, n) p GROUP BY n ORDER BY n;
SELECT p.* FROM suites, nearest_probes('[12]', suite, 0) p;
SELECT p.* FROM suites, nearest_probes('[12]', suite, -1) p;
SELECT count(*) FROM suites, nearest_probes(curve => '[12]', suite => suite, n => 4) p;

-- in the select list, cut short, and rescanned by a LATERAL
SELECT x, nearest_probes(ARRAY[x]::loss_curve, suite, 2) FROM suites, unnest('{1,16}'::int[]) x;
SELECT (metadata_probabilities('[6]', suite)).label FROM suites LIMIT 2;
SELECT x, p.id FROM suites, unnest('{1,6,16,NULL}'::int[]) x
	LEFT JOIN LATERAL nearest_probes(nullif(ARRAY[x], ARRAY[NULL]::int[])::loss_curve, suite, 1) p ON true;

-- ties: of distance by (label, curve, id), of votes by the sum of distances, then by label
CREATE TABLE ties AS SELECT probe_suite_agg(label, curve, id) AS suite FROM (VALUES
	('b', '[1]'::loss_curve, 'q'), ('b', '[1]', 'p'), ('a', '[-1]', NULL), ('B', '[1]', 'z'),
		('a', '[-1]', 'r')) v(label, curve, id);
SELECT rank, id, label, distance FROM ties, nearest_probes('[0]', suite);
SELECT k, classify_metadata('[0]', configure_probe_suite(suite, k => k)) FROM ties, generate_series(1, 5) k;
SELECT classify_metadata('[0]', suite) AS nearer_in_sum, (tag_metadata('[0]', suite)).runner_up,
	(tag_metadata('[0]', suite)).margin
	FROM (SELECT probe_suite_agg(l, c) AS suite
		FROM (VALUES ('a', '[1]'::loss_curve), ('a', '[4]'), ('b', '[2]'), ('b', '[2]')) v(l, c)) x;
SELECT classify_metadata('[0]', suite) AS first_label
	FROM (SELECT probe_suite_agg(l, c) AS suite FROM (VALUES ('b', '[1]'::loss_curve), ('a', '[-1]')) v(l, c)) x;

-- weights
CREATE TABLE weighed AS SELECT probe_suite_agg(l, c) AS suite FROM (VALUES
	('many', '[4]'::loss_curve), ('many', '[5]'), ('many', '[6]'), ('few', '[1]')) v(l, c);
SELECT weights, p.* FROM weighed, unnest('{uniform,distance,balanced}'::text[]) weights,
	metadata_probabilities('[0]', configure_probe_suite(suite, weights => weights)) p;
-- balanced votes tie when equal shares of the labels' probes vote, whatever their rounding: then the nearer wins
SELECT p.* FROM metadata_probabilities('[0]', configure_probe_suite((
	SELECT probe_suite_agg(CASE WHEN n = 1 THEN 'b' ELSE 'a' END, ARRAY[n]::loss_curve) FROM generate_series(1, 7) n),
	weights => 'balanced')) p;
-- a distance of 0 takes all: 1 / 0 is not asked for
SELECT p.* FROM weighed, metadata_probabilities('[4]', configure_probe_suite(suite, weights => 'distance')) p;
SELECT (tag_metadata('[4]', configure_probe_suite(suite, weights => 'distance'))).* FROM weighed;
-- the smallest distances there are: 1 / d would overflow
SELECT p.* FROM metadata_probabilities('[0]', configure_probe_suite((
	SELECT probe_suite_agg(l, c) FROM (VALUES ('a', '[1e-45]'::loss_curve), ('b', '[3e-45]')) v(l, c)),
		weights => 'distance')) p;
SELECT p.* FROM metadata_probabilities('[3.4028235e38]', configure_probe_suite((
	SELECT probe_suite_agg(l, c) FROM (VALUES ('a', '[-3.4028235e38]'::loss_curve), ('b', '[0]')) v(l, c)),
		weights => 'distance')) p;

-- metrics
CREATE TABLE shapes AS SELECT configure_probe_suite(probe_suite_agg(label, curve), k => 1) AS suite FROM (VALUES
	('low', '[1,1,0]'::loss_curve), ('falling', '[40,20,10]'), ('rising', '[10,20,40]'), ('late', '[4,4,2]'))
	v(label, curve);
SELECT metric, classify_metadata('[4,2,1]', configure_probe_suite(suite, metric => metric)) AS "[4,2,1]",
	classify_metadata('[3,4,7]', configure_probe_suite(suite, metric => metric)) AS "[3,4,7]",
	classify_metadata('[4,2,2]', configure_probe_suite(suite, metric => metric)) AS "[4,2,2]"
	FROM shapes, unnest('{l2,l1,cosine,correlation,dtw}'::text[]) metric;

-- epochs: missing ones do not count, those beyond a curve's end are missing, those beyond the suite's are ignored
CREATE TABLE spans AS SELECT configure_probe_suite(probe_suite_agg(label, curve), k => 3) AS suite FROM (VALUES
	('full', '[3,2,1,0]'::loss_curve), ('short', '[3,1]'), ('gaps', '[null,2,null,5]')) v(label, curve);
SELECT c AS curve, p.label, p.distance FROM spans,
	unnest('{"[3,2]","[3,2,null,null]","[3,2,null,null,7,8]","[3,2,1,0]","[3,2,1,0,99]"}'::loss_curve[]) c,
	nearest_probes(c, suite) p;
SELECT metric, count(DISTINCT tag_metadata(curve, configure_probe_suite(suite, metric => metric))) AS one_tag
	FROM spans, unnest('{"[3,2]","[3,2,null]","[3,2,null,null]","[3,2,null,null,7,8]"}'::loss_curve[]) curve,
		unnest('{l2,l1,cosine,correlation,dtw}'::text[]) metric GROUP BY metric ORDER BY metric COLLATE "C";

-- probes at an undefined distance are no neighbours
SELECT curve, (tag_metadata(curve, suite)).* FROM spans,
	unnest('{"[null,null,1]","[null,null,null,1]"}'::loss_curve[]) curve;
-- with none there is no label
SELECT curve, classify_metadata(curve, suite), tag_metadata(curve, suite), label_score(curve, 'full', suite)
	FROM spans, unnest('{"[]","[null]","[null,null,null,null,5]"}'::loss_curve[]) curve;
SELECT curve, p.* FROM spans, unnest('{"[]","[null]"}'::loss_curve[]) curve, metadata_probabilities(curve, suite) p;
SELECT c, p.* FROM spans, unnest('{"[]","[null]"}'::loss_curve[]) c, nearest_probes(c, suite) p;

-- one label only, one probe only: no runner-up, no score, no novelty where nothing can be compared
SELECT (tag_metadata('[1]', suite)).*, label_score('[1]', 'a', suite)
	FROM (SELECT probe_suite_agg('a', ARRAY[n]::loss_curve) AS suite FROM generate_series(1, 3) n) x;
SELECT (tag_metadata('[1]', probe_suite_agg('a', '[3]'))).*;
-- equal probes: distances of 0, no median to divide by, a score of one half
SELECT (tag_metadata('[1]', suite)).*, label_score('[1]', 'b', suite)
	FROM (SELECT probe_suite_agg(l, '[1]') AS suite FROM unnest('{a,b,a,b}'::text[]) l) x;

-- beyond max_novelty there is no label, nor what is said of it; at it there is
CREATE VIEW limited AS SELECT x, limited, ARRAY[x]::loss_curve AS curve, suite AS free,
		configure_probe_suite(suite, max_novelty => limited) AS suite
	FROM suites, unnest('{1,6,16,25,100}'::integer[]) x,
		unnest('{0.5,0.9750000000000001,0.975,1.5,1e300,Infinity}'::float8[]) limited;
SELECT x, limited, classify_metadata(curve, suite), (tag_metadata(curve, suite)).* FROM limited WHERE limited < 1e300
	ORDER BY x, limited;
SELECT count(*), count(*) FILTER (WHERE classify_metadata(curve, suite) IS NULL) AS refused,
	count(*) FILTER (WHERE classify_metadata(curve, suite) IS DISTINCT FROM
		CASE WHEN (tag_metadata(curve, free)).novelty > limited THEN NULL ELSE classify_metadata(curve, free) END
		OR classify_metadata(curve, suite) IS DISTINCT FROM (tag_metadata(curve, suite)).label) AS wrong FROM limited;
-- all else answers as it did: neighbours, probabilities, scores, a suite's view of its own probes
SELECT count(*) FILTER (WHERE label_score(curve, label, suite) <> label_score(curve, label, free)
		OR (SELECT array_agg(p) FROM nearest_probes(curve, suite) p)
			<> (SELECT array_agg(p) FROM nearest_probes(curve, free) p)
		OR (SELECT array_agg(p) FROM metadata_probabilities(curve, suite) p)
			<> (SELECT array_agg(p) FROM metadata_probabilities(curve, free) p)
		OR (SELECT array_agg(c) FROM probe_suite_confusion(suite) c) <> (SELECT array_agg(c) FROM probe_suite_confusion(free) c)
		OR (SELECT array_agg(r) FROM probe_suite_reliability(suite) r) <> (SELECT array_agg(r) FROM probe_suite_reliability(free) r))
	AS changed FROM limited, unnest('{a,b,c}'::text[]) label;
SELECT x, limited, label, s.tag, s.vote_share, s.novelty FROM limited, unnest('{a,c}'::text[]) label,
	detector_scores(curve, label, suite) s WHERE limited = 1.5 AND x > 6 ORDER BY x, label;
-- novelty that is undefined is not beyond: equal probes, a single one, no neighbour at all
SELECT curve, classify_metadata(curve, suite), (tag_metadata(curve, suite)).* FROM
	unnest('{"[9]","[]"}'::loss_curve[]) curve, (
		SELECT configure_probe_suite(probe_suite_agg(l, '[1]'), max_novelty => 0.001) FROM unnest('{a,b}'::text[]) l
		UNION ALL SELECT configure_probe_suite(probe_suite_agg('a', '[3]'), max_novelty => 0.001)) x(suite);
-- the smallest losses, the largest
SELECT (tag_metadata('[3.4e38]', suite)).novelty, classify_metadata('[3.4e38]', configure_probe_suite(suite, max_novelty => 1e83)),
	classify_metadata('[3.4e38]', configure_probe_suite(suite, max_novelty => 1e84))
	FROM (SELECT probe_suite_agg(l, c) AS suite FROM (VALUES ('a', '[0]'::loss_curve), ('b', '[1e-45]')) v(l, c)) x;
-- every metric, fitted too: as many are labelled as are not beyond
CREATE TABLE curves AS SELECT n, CASE n % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END AS label,
	array_agg((n % 3 + 1) * exp(-e * (n % 7 + 1) / 9.0) + (n * (e + 3) % 11) / 29.0 ORDER BY e)::loss_curve AS curve
	FROM generate_series(1, 90) n, generate_series(0, 7) e GROUP BY n;
CREATE TABLE metrics AS SELECT m AS metric, configure_probe_suite(probe_suite_agg(label, curve), k => 5, metric => m) AS suite
	FROM curves, unnest('{l2,l1,cosine,correlation,dtw}'::text[]) m WHERE n <= 60 GROUP BY m;
INSERT INTO metrics SELECT 'fitted', fit_probe_suite(suite) FROM metrics WHERE metric = 'l2';
SELECT metric, count(*), count(*) FILTER (WHERE novelty > middle) AS beyond, count(*) FILTER (WHERE tag IS NULL) AS refused,
		count(*) FILTER (WHERE (tag IS NULL) <> (novelty > middle)) AS wrong
	FROM (SELECT metric, percentile_disc(0.5) WITHIN GROUP (ORDER BY (tag_metadata(curve, suite)).novelty) AS middle
			FROM metrics, curves WHERE n > 60 GROUP BY metric) q JOIN metrics USING (metric), curves,
		LATERAL (SELECT (tag_metadata(curve, suite)).novelty,
			classify_metadata(curve, configure_probe_suite(suite, max_novelty => middle)) AS tag OFFSET 0) t
	WHERE n > 60 GROUP BY metric ORDER BY metric;
DROP VIEW limited;
DROP TABLE curves, metrics;

-- by the binary form, as refresh_tags sends suites to other servers: a column, a constant
SELECT count(*) AS rows, bool_and(tag_by_binary_suite(curve, bytes) = tag_metadata(curve, suite)) AS same
	FROM (SELECT ARRAY[x]::loss_curve AS curve FROM generate_series(0, 30) x) c,
		(SELECT suite, probe_suite_send(suite) AS bytes FROM suites
			UNION ALL SELECT suite, probe_suite_send(suite) FROM ties) s;
SELECT format('SELECT count(*) AS rows, bool_and(tag_by_binary_suite(ARRAY[x]::loss_curve, %L) = tag_metadata(ARRAY[x]::loss_curve, suite)) AS same
	FROM suites, generate_series(0, 30) x', probe_suite_send(suite)) AS query FROM suites \gset
:query;
SELECT error_of($$SELECT tag_by_binary_suite('[1]', '\x')$$);
SELECT error_of($$SELECT tag_by_binary_suite('[1]', '\xff00')$$);
SELECT error_of(format('SELECT tag_by_binary_suite(''[1]'', %L)', probe_suite_send(suite) || '\x00'::bytea)) FROM suites;

-- a label that the suite does not have
SELECT error_of('SELECT label_score(''[1]'', ''d'', suite) FROM suites');
SELECT error_of('SELECT label_score(''[1]'', ''A'', suite) FROM suites');
SELECT error_of('SELECT label_score(''[1]'', '''', suite) FROM suites');
SELECT length(error_of('SELECT label_score(''[1]'', repeat(''x'', 10000000), suite) FROM suites')) < 500;
SELECT length(error_of('SELECT label_score(''[1]'', ''x'', probe_suite_agg(repeat(''y'', 10000000), ''[1]''))')) < 500;
SELECT error_of('SELECT label_score(''[1]'', ''x'', (SELECT probe_suite_agg(''label '' || n, ''[1]'') FROM generate_series(1, 100) n))');
-- NULLs everywhere
SELECT classify_metadata(NULL, suite), tag_metadata(NULL, suite), label_score(NULL, 'a', suite),
	label_score('[1]', NULL, suite) FROM suites;
SELECT classify_metadata('[1]', NULL::probe_suite), tag_metadata('[1]', NULL::probe_suite),
	label_score('[1]', 'a', NULL::probe_suite);
SELECT * FROM metadata_probabilities('[1]', NULL::probe_suite);
SELECT p.* FROM suites, metadata_probabilities(NULL, suite) p;
SELECT * FROM nearest_probes('[1]', NULL::probe_suite);
SELECT p.* FROM suites, nearest_probes(NULL, suite) p;
SELECT p.* FROM suites, nearest_probes(NULL, suite, 0) p;
-- untyped NULLs and names need a cast, since the forms are overloads
SELECT classify_metadata('[1]', NULL);
SELECT classify_metadata('[1]', 'probes');

-- two suites in one query, a suite per row, the same suite with other settings
SELECT name, classify_metadata('[6]', suite) FROM (
	SELECT 'k = ' || k AS name, configure_probe_suite(suite, k => k) AS suite FROM suites, generate_series(1, 6) k) x
		ORDER BY name;
SELECT classify_metadata('[6]', a.suite), classify_metadata('[1]', b.suite) FROM suites a, ties b;

DROP TABLE probes, suites, ties, weighed, shapes, spans;
