--
-- The type probe_suite: its facts, its probes, its own confusion
--
CREATE TABLE probes (id text, label text, curve loss_curve);
INSERT INTO probes VALUES
	('p3', 'typical', '[1,0.1]'), ('p1', 'typical', '[2,0.2,0.1]'), ('p2', 'typical', '[2,0.3]'),
	('p5', 'noisy', '[3,3,3,3]'), ('p4', 'noisy', '[3,2.5,null,2]'), (NULL, 'noisy', '[3,2.5,null,2]'),
		('p6', 'odd', '[9]');
CREATE TABLE suites AS SELECT probe_suite_agg(label, curve, id) AS suite FROM probes;

-- facts
SELECT i.* FROM suites, probe_suite_info(suite) i;
SELECT pg_typeof(suite), (probe_suite_info(suite)).k FROM suites;
SELECT probe_suite_info(NULL);

-- the probes as they came in, in the order of (label, curve, id): their lengths are kept, no id comes last
SELECT p.* FROM suites, probe_suite_probes(suite) p;
SELECT label, curve FROM suites, probe_suite_probes((SELECT probe_suite_agg(label, curve) FROM probes)) p
	WHERE id IS NULL;
SELECT * FROM probe_suite_probes(NULL);
-- a suite of its own probes is the same suite
SELECT (SELECT probe_suite_agg(label, curve, id) FROM probe_suite_probes(suite))::text = suite::text AS same
	FROM suites;

-- leave one out: each probe by all others.  k = 7 of 6 others: all vote
SELECT c.* FROM suites, probe_suite_confusion(suite) c;
SELECT c.* FROM suites, probe_suite_confusion(configure_probe_suite(suite, k => 1)) c;
SELECT sum(count) = 7 AS every_probe_once FROM suites, probe_suite_confusion(configure_probe_suite(suite, k => 2)) c;
SELECT * FROM probe_suite_confusion(NULL);
-- without a neighbour there is no prediction
SELECT * FROM probe_suite_confusion((SELECT probe_suite_agg('alone', '[1]')));
SELECT * FROM probe_suite_confusion((SELECT probe_suite_agg(l, c)
	FROM (VALUES ('a', '[1]'::loss_curve), ('b', '[null,1]')) v(l, c)));

-- the content hash: of probes, labels, ids and settings, not of the order of rows
SELECT (probe_suite_info(suite)).hash FROM suites;
-- it is the head of a SHA-256 that SQL can compute as well
SELECT encode(substr(sha256(int4send(7) || int4send(0) || int4send(0) || int4send(-1) || int4send(count(*)::integer)
		|| string_agg(int4send(octet_length(label)) || convert_to(label, 'UTF8')
			|| coalesce(int4send(octet_length(id)) || convert_to(id, 'UTF8'), int4send(-1))
			|| substr(loss_curve_send(curve), 2), NULL ORDER BY n)), 1, 8), 'hex') AS hash
	FROM suites, probe_suite_probes(suite) WITH ORDINALITY p(label, curve, id, n);
SELECT (probe_suite_info(probe_suite_agg(label, curve, id))).hash = (SELECT (probe_suite_info(suite)).hash
	FROM suites) AS same
	FROM (SELECT * FROM probes ORDER BY curve DESC) p;
SELECT count(DISTINCT (probe_suite_info(changed)).hash) AS different, count(*)
	FROM suites, LATERAL (VALUES
		(suite),
		(configure_probe_suite(suite, k => 3)),
		(configure_probe_suite(suite, metric => 'l1')),
		(configure_probe_suite(suite, metric => 'dtw')),
		(configure_probe_suite(suite, metric => 'dtw', band => 0)),
		(configure_probe_suite(suite, weights => 'distance')),
		((SELECT probe_suite_agg(label, curve) FROM probes)),
		((SELECT probe_suite_agg(label, curve, id) FROM probes WHERE id <> 'p6' OR id IS NULL)),
		((SELECT probe_suite_agg(label || '!', curve, id) FROM probes)),
		((SELECT probe_suite_agg(label, curve || NULL::float8, id) FROM probes)),
		((SELECT probe_suite_agg(label, curve, coalesce(id, '')) FROM probes))
	) v(changed);
SELECT (probe_suite_info(configure_probe_suite(configure_probe_suite(suite, k => 3), k => 7))).hash
	= (probe_suite_info(suite)).hash AS back_again FROM suites;
-- (id, label) and curve cannot run into each other
SELECT count(DISTINCT (probe_suite_info(s)).hash) FROM (
	SELECT probe_suite_agg('ab', '[1]', 'c') UNION ALL SELECT probe_suite_agg('a', '[1]', 'bc')
	UNION ALL SELECT probe_suite_agg('abc', '[1]', '') UNION ALL SELECT probe_suite_agg('abc', '[1]', NULL)) x(s);

-- a big suite is stored out of line and uncompressed, so that its head can be read alone
SELECT attstorage FROM pg_attribute WHERE attrelid = 'suites'::regclass AND attname = 'suite';
CREATE TABLE stored AS
	SELECT probe_suite_agg('label ' || n % 3, array_fill(n, ARRAY[90])::loss_curve) AS suite
		FROM generate_series(1, 300) n;
SELECT pg_column_size(suite) BETWEEN 300 * 360 AND 300 * 400 AS out_of_line, pg_column_compression(suite) FROM stored;
SELECT (probe_suite_info(suite)).probes, (SELECT count(*) FROM probe_suite_probes(suite)) FROM stored;
-- a compressed one serves as well
CREATE TABLE compressed (suite probe_suite COMPRESSION pglz);
ALTER TABLE compressed ALTER suite SET STORAGE EXTENDED;
INSERT INTO compressed SELECT configure_probe_suite(suite) FROM stored;
SELECT pg_column_compression(c.suite), pg_column_size(c.suite) < pg_column_size(s.suite) AS smaller,
	probe_suite_info(c.suite) = probe_suite_info(s.suite) AS same FROM compressed c, stored s;
SELECT count(*) FILTER (WHERE tag_metadata(curve, c.suite) = tag_metadata(curve, s.suite)) AS same
	FROM compressed c, stored s, (SELECT array_fill(n + 0.25, ARRAY[90])::loss_curve AS curve FROM generate_series(1, 20) n) x;
DROP TABLE probes, suites, stored, compressed;
