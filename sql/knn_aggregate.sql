--
-- knn_label and knn_probabilities: the vote of the k nearest over any join
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

CREATE TABLE neighbours (label text, distance double precision);
INSERT INTO neighbours VALUES ('a', 1), ('b', 2), ('b', 3), ('a', 4), ('c', 5), ('c', 6), ('c', 7);
SELECT k, knn_label(label, distance, k), knn_probabilities(label, distance, k)
	FROM neighbours, generate_series(1, 8) k GROUP BY k ORDER BY k;
-- with all their digits
SELECT (knn_probabilities(label, distance, 3) ->> 'a')::double precision = 1 / 3::double precision AS exact
	FROM neighbours;
SELECT pg_typeof(knn_label(label, distance, 3)), pg_typeof(knn_probabilities(label, distance, 3)) FROM neighbours;
-- the nearest count, in whatever order they come
SELECT knn_label(label, distance, 3 ORDER BY distance DESC),
	knn_probabilities(label, distance, 3 ORDER BY distance DESC) FROM neighbours;
-- ties of votes: the smaller sum of distances, then the first label in C order
SELECT knn_label(label, distance, 4) AS by_sum FROM neighbours;
SELECT knn_label(l, 1, 9) AS by_label FROM unnest('{b,B,a,é}'::text[]) l;
-- ties of distance: by label
SELECT k, knn_label(l, 1, k), knn_probabilities(l, 1, k) FROM unnest('{b,b,b,a,a}'::text[]) l, generate_series(1, 5) k
	GROUP BY k ORDER BY k;
-- NULL and NaN are no distances; infinity is one
SELECT knn_label(l, d, 2), knn_probabilities(l, d, 2)
	FROM (VALUES ('a', 'NaN'::float8), ('b', NULL), (NULL, NULL), ('c', 'Infinity'), ('c', 1e308), ('d', '-0'))
		v(l, d);
-- fewer than k vote; with none there is no label
SELECT knn_label(label, distance, 2147483647), knn_probabilities(label, distance, 2147483647) FROM neighbours;
SELECT knn_label(label, distance, 3), knn_probabilities(label, distance, 3) FROM neighbours WHERE false;
SELECT knn_label(label, NULL, 3), knn_probabilities(label, 'NaN', 3) FROM neighbours;
-- labels are any text
SELECT knn_probabilities(l, 1, 9) FROM unnest('{"","a\"b",日本,日本}'::text[]) l;
SELECT knn_label(l, length(l), 1) FROM unnest('{"",x}'::text[]) l;
-- FILTER, windows, groups
SELECT knn_label(label, distance, 1) FILTER (WHERE label <> 'a') FROM neighbours;
SELECT distance, knn_label(label, distance, 2) OVER (ORDER BY distance DESC) FROM neighbours;

-- what cannot be
SELECT error_of('SELECT knn_label(label, distance, 0) FROM neighbours');
SELECT error_of('SELECT knn_label(label, distance, -1) FROM neighbours');
SELECT error_of('SELECT knn_label(label, distance, NULL) FROM neighbours');
SELECT error_of('SELECT knn_probabilities(label, distance, NULL) FROM neighbours');
SELECT error_of('SELECT knn_label(label, distance, distance::integer) FROM neighbours');
SELECT error_of('SELECT knn_label(NULL, distance, 3) FROM neighbours');

-- their state is a type, for those who combine states by themselves, as Citus does
CREATE TABLE states AS
	SELECT knn_transfn(knn_transfn(knn_transfn(NULL, 'b', 2, 2), 'far', 3, 2), 'a', 1, 2) AS one,
		knn_transfn(knn_transfn(NULL, 'b', 1.5, 2), 'c', 'NaN', 2) AS other, knn_transfn(NULL, NULL, NULL, 2) AS empty;
SELECT knn_neighbours_out(knn_neighbours_in(one::text::cstring))::text = one::text AS same, one, empty,
	knn_neighbours_send(one)::text = one::text AS sent FROM states;
SELECT knn_label_finalfn(one), knn_probabilities_finalfn(one), knn_label_finalfn(other), knn_label_finalfn(empty) FROM states;
SELECT knn_probabilities_finalfn(knn_combine(one, other)), knn_combine(one, other)::text = knn_combine(other, one)::text AS either,
	knn_combine(one, NULL)::text = one::text AS left, knn_combine(NULL, one)::text = one::text AS right,
	knn_combine(one, empty)::text = one::text AS with_none FROM states;
-- functions that are called by name change none of their arguments
SELECT one::text = before AS unchanged, changed::text = before AS same, combined::text = before AS same
	FROM (SELECT one, one::text AS before, knn_transfn(one, 'z', 0, 2) AS changed, knn_combine(one, other) AS combined FROM states OFFSET 0) s;
SELECT bytes, error_of(format('SELECT %L::knn_neighbours', bytes)) FROM unnest(ARRAY['\x', '\x00000002',
	'\x000000020000000000000001', '\x0000000000000000', '\x000000000000000000000000', '\x00000001ffffffff', '\x000000010000000100000001ff00000001000000000000000000000000',
	'\x0000000100000001000000016100000001000000000000000000000001', '\x00000001000000010000000161000000017ff800000000000000000000',
	'\x000000010000000100000001610000000200000000000000000000000000000000000000000000000000',
	'\x00000001000000010000000161000000010000000000000000ffffffff', '\x00000001000000000000000000']) bytes;

-- the same as classification, on a join that a user writes
SELECT setseed(0.125);
CREATE TABLE probes AS SELECT 'label ' || n % 4 AS label, random_curve(5) AS curve FROM generate_series(1, 200) n;
CREATE TABLE samples AS SELECT n AS id, random_curve(5) AS curve FROM generate_series(1, 300) n;
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve) AS suite FROM probes;
CREATE TABLE joined AS SELECT id, p.label, s.curve <-> p.curve AS distance FROM samples s, probes p;
CREATE VIEW votes AS
	SELECT id, knn_label(label, distance, 20) AS label, knn_probabilities(label, distance, 20) AS probabilities
		FROM joined GROUP BY id;
SELECT count(*), count(*) FILTER (WHERE v.label = classify_metadata(s.curve, suite)) AS same_label,
	count(*) FILTER (WHERE v.probabilities = (SELECT jsonb_object_agg(p.label, p.probability)
		FROM metadata_probabilities(s.curve, suite) p WHERE p.votes > 0)) AS same_probabilities
	FROM votes v JOIN samples s USING (id), suites;
-- and the same from workers, which combine their states
CREATE TABLE serial AS SELECT * FROM votes;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0.01;
SET min_parallel_table_scan_size = 0;
SELECT plan_of('SELECT id, knn_label(label, distance, 20) FROM joined GROUP BY id');
SELECT count(*) FROM serial s JOIN votes v USING (id, label, probabilities);
SELECT plan_of('SELECT knn_label(label, distance, 20000) FROM joined');
CREATE TABLE wide AS SELECT n % 3000 || ' label' AS label, (n * 7919) % 60000 AS distance
	FROM generate_series(1, 60000) n;
SELECT plan_of('SELECT knn_label(label, distance, 20000) FROM wide');
SELECT knn_label(label, distance, 20000), md5(knn_probabilities(label, distance, 20000)::text) FROM wide;
SELECT error_of('SELECT knn_label(label, distance, 3 + distance::integer % 2) FROM wide');
RESET ALL;
SET search_path = public, test;
SET max_parallel_workers_per_gather = 0;
SELECT knn_label(label, distance, 20000), md5(knn_probabilities(label, distance, 20000)::text) FROM wide;
SELECT knn_label(label, distance, 20000), md5(knn_probabilities(label, distance, 20000)::text)
	FROM (SELECT * FROM wide ORDER BY md5(distance::text)) x;

-- hash aggregation visits all memory contexts of its groups for each new one, so states have none
SELECT contexts < 1000 AS few_contexts
	FROM (SELECT knn_label(label, distance, 3) AS nearest, (SELECT count(*) FROM pg_backend_memory_contexts WHERE g > 0) AS contexts
		FROM (SELECT *, distance % 4000 + 1 AS g FROM wide) w GROUP BY g OFFSET 0) x
	WHERE nearest IS NOT NULL LIMIT 1;

-- labels that come and go, names of all lengths, and states that move
SELECT k, length(knn_label(label, distance, k)), md5(knn_probabilities(label, distance, k)::text)
	FROM (SELECT repeat('x', n % 300) || n AS label, 100000 - n AS distance FROM generate_series(1, 20000) n) s, unnest('{1,2,7,40,500}'::integer[]) k
	GROUP BY k ORDER BY k;
SELECT k, length(knn_label(label, distance, k)), md5(knn_probabilities(label, distance, k)::text)
	FROM (SELECT repeat('x', n % 300) || n AS label, 100000 - n AS distance FROM generate_series(19001, 20000) n) s, unnest('{1,2,7,40,500}'::integer[]) k
	GROUP BY k ORDER BY k;

-- sums of equal distances tie, however many neighbours there is room for, and in whatever order they come
SELECT k, array_agg(DISTINCT label) FROM unnest('{160,161,200,256,257,300,1000}'::integer[]) k, generate_series(1, 20) seed,
	LATERAL (SELECT knn_label(label, distance, k ORDER BY md5(distance || label || seed)) AS label
		FROM (SELECT label, sqrt(g) * 0.1 + 0.01 AS distance FROM generate_series(1, 100) g, unnest('{a,b}'::text[]) label) d) x
	GROUP BY k ORDER BY k;

DROP VIEW votes;
DROP TABLE neighbours, probes, samples, suites, joined, serial, wide, states;
