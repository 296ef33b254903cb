--
-- Comparison, operator classes, hashing and concatenation of curves
--
\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/test/sql/helper.sql'
\i :helper
\set ECHO all

-- order: by the first epoch that differs, a missing one last, then by length
CREATE TABLE ordered (place integer, curve loss_curve);
INSERT INTO ordered VALUES
	(1, '[]'), (2, '[-1]'), (3, '[0]'), (4, '[0,0]'), (5, '[0,1e-45]'), (6, '[0,5]'), (7, '[0,null]'),
	(8, '[1]'), (9, '[1,-9]'), (10, '[1,2,3]'), (11, '[1,2,null]'), (12, '[1,null]'), (13, '[1,null,0]'),
	(14, '[3.4028235e38]'), (15, '[null]'), (16, '[null,1]'), (17, '[null,null]'), (18, NULL);
SELECT place FROM ordered ORDER BY curve;
SELECT place FROM ordered ORDER BY curve DESC NULLS LAST LIMIT 3;
-- all operators agree with the places, and so do their functions
SELECT a.place, b.place
	FROM ordered a, ordered b
	WHERE a.curve IS NOT NULL AND b.curve IS NOT NULL AND (
		(a.curve < b.curve) IS DISTINCT FROM (a.place < b.place)
		OR (a.curve <= b.curve) IS DISTINCT FROM (a.place <= b.place)
		OR (a.curve = b.curve) IS DISTINCT FROM (a.place = b.place)
		OR (a.curve <> b.curve) IS DISTINCT FROM (a.place <> b.place)
		OR (a.curve >= b.curve) IS DISTINCT FROM (a.place >= b.place)
		OR (a.curve > b.curve) IS DISTINCT FROM (a.place > b.place)
		OR loss_curve_lt(a.curve, b.curve) IS DISTINCT FROM (a.place < b.place)
		OR loss_curve_le(a.curve, b.curve) IS DISTINCT FROM (a.place <= b.place)
		OR loss_curve_eq(a.curve, b.curve) IS DISTINCT FROM (a.place = b.place)
		OR loss_curve_ne(a.curve, b.curve) IS DISTINCT FROM (a.place <> b.place)
		OR loss_curve_ge(a.curve, b.curve) IS DISTINCT FROM (a.place >= b.place)
		OR loss_curve_gt(a.curve, b.curve) IS DISTINCT FROM (a.place > b.place)
		OR loss_curve_cmp(a.curve, b.curve) IS DISTINCT FROM sign(a.place - b.place)::integer
		OR (loss_curve_hash(a.curve) = loss_curve_hash(b.curve)) IS DISTINCT FROM (a.place = b.place)
		OR (loss_curve_hash_extended(a.curve, 7) = loss_curve_hash_extended(b.curve, 7))
			IS DISTINCT FROM (a.place = b.place));
SELECT '[1]'::loss_curve = NULL, NULL < '[1]'::loss_curve;

-- equality and hash are of the bytes: minus zero is zero, NaN is missing
SELECT '[-0,NaN]'::loss_curve = '[0,null]'::loss_curve,
	loss_curve_hash('[-0,NaN]') = loss_curve_hash('[0,null]'),
	'[1,null]'::loss_curve = '[1]'::loss_curve;
-- the extended hash contains the plain one with seed 0 only
SELECT loss_curve_hash(curve)::bit(32) = loss_curve_hash_extended(curve, 0)::bit(32) AS seed_0,
	loss_curve_hash(curve)::bit(32) = loss_curve_hash_extended(curve, 1)::bit(32) AS seed_1
	FROM (VALUES ('[1,2]'::loss_curve)) v(curve);

-- btree: order, equality, uniqueness, deduplication
CREATE INDEX ordered_curve ON ordered (curve);
SET enable_seqscan = off;
SET enable_sort = off;
SELECT plan_of('SELECT place FROM ordered ORDER BY curve');
SELECT place FROM ordered ORDER BY curve;
SELECT place FROM ordered WHERE curve = '[0,null]';
SELECT place FROM ordered WHERE curve > '[1,2,3]' AND curve <= '[3.4028235e38]' ORDER BY place;
SET enable_mergejoin = on;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT plan_of('SELECT count(*) FROM ordered a JOIN ordered b USING (curve)');
SELECT count(*) FROM ordered a JOIN ordered b USING (curve);
RESET ALL;
SET search_path = public, test;
CREATE TABLE keyed (curve loss_curve PRIMARY KEY);
INSERT INTO keyed VALUES ('[1,null]'), ('[1]');
INSERT INTO keyed VALUES ('[1.0,NaN]');
INSERT INTO keyed VALUES ('[1.0,NaN]') ON CONFLICT DO NOTHING;
-- btequalimage: an index of equal curves is deduplicated
CREATE TABLE same (curve loss_curve);
CREATE INDEX same_curve ON same (curve);
INSERT INTO same SELECT '[1,2,3,4,5,6,7,8,9,10]' FROM generate_series(1, 5000);
SELECT pg_relation_size('same_curve') < 100000 AS deduplicated;

-- hash: joins, groups, indexes
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT plan_of('SELECT count(*) FROM ordered a JOIN ordered b USING (curve)');
SELECT count(*) FROM ordered a JOIN ordered b USING (curve);
SET enable_sort = off;
SELECT curve, count(*) FROM (SELECT unnest('{[-0],[0],[NaN],[null]}'::loss_curve[]) AS curve) x
	GROUP BY curve ORDER BY curve;
RESET ALL;
SET search_path = public, test;
SELECT DISTINCT curve FROM (SELECT unnest('{[2],[1],[1.0]}'::loss_curve[]) AS curve) x ORDER BY curve;
CREATE INDEX ordered_hash ON ordered USING hash (curve);
DROP INDEX ordered_curve;
SET enable_seqscan = off;
SELECT plan_of('SELECT place FROM ordered WHERE curve = ''[1,null,0]''');
SELECT place FROM ordered WHERE curve = '[1,null,0]';
RESET enable_seqscan;
CREATE TABLE parted (curve loss_curve) PARTITION BY HASH (curve);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT array_fill(n, ARRAY[3]) FROM generate_series(1, 100) n;
SELECT count(*), count(DISTINCT tableoid) AS partitions FROM parted;
SELECT curve FROM parted WHERE curve = '[7,7,7]';

-- concatenation
SELECT '[1,2]'::loss_curve || 0.5, '[]'::loss_curve || 1, '[1]'::loss_curve || 2::bigint,
	'[1]'::loss_curve || 2::real, '[1]'::loss_curve || 2::double precision;
SELECT '[1,null]'::loss_curve || '[3]'::loss_curve, '[1]'::loss_curve || '[]'::loss_curve, '[]'::loss_curve || '[]';
SELECT '[1]'::loss_curve || '[2,3]' AS untyped_is_a_curve, '[1]' || '[2,3]'::loss_curve AS on_either_side;
-- a NULL curve counts as empty, a NULL loss is a missing epoch, an untyped NULL changes nothing
SELECT NULL::loss_curve || 1, NULL::loss_curve || '[1,2]'::loss_curve, '[1,2]' || NULL::loss_curve;
SELECT '[1]'::loss_curve || NULL::double precision, NULL::loss_curve || NULL::double precision,
	'[1]'::loss_curve || 'NaN'::double precision;
SELECT '[1]'::loss_curve || NULL AS nothing_changed, NULL::loss_curve || NULL::loss_curve AS is_null;
SELECT loss_curve_append('[1]', 2), loss_curve_concat('[1]', '[2]');
-- a training loop's write
CREATE TABLE samples (id integer PRIMARY KEY, curve loss_curve);
INSERT INTO samples VALUES (1, NULL), (2, '[1]');
UPDATE samples SET curve = curve || 0.25;
SELECT * FROM samples ORDER BY id;
SELECT '[1]'::loss_curve || 'Infinity'::double precision;
SELECT '[1,2]'::loss_curve || 1e39;
SELECT epochs(array_fill(1, ARRAY[15999])::loss_curve || 1);
SELECT array_fill(1, ARRAY[16000])::loss_curve || 1;
SELECT array_fill(1, ARRAY[16000])::loss_curve || '[1]'::loss_curve;
SELECT array_fill(1, ARRAY[16000])::loss_curve || array_fill(1, ARRAY[16000])::loss_curve;

-- a loss is a number
SELECT '[1]'::loss_curve || 2::smallint, '[1]'::loss_curve || NULL::numeric;
SELECT '[1]'::loss_curve || true;
SELECT '[1]'::loss_curve || '2'::varchar;
SELECT '[1]'::loss_curve || 'a';
SELECT '[1]'::loss_curve || '{2}'::real[];
SELECT '[1]'::loss_curve || '{2}'::real[]::loss_curve;

-- other people's || goes on as before
SELECT 'text' || 1 AS "integer", 'text' || 1.5 AS "numeric", 'text' || 1::bigint AS "bigint",
	'text' || 1::real AS "real", 'text' || 1::double precision AS "double precision",
	1 || 'text' AS "before", 'text' || NULL AS "null", 'a' || 'b' AS "text",
		'text'::text || '[1]'::loss_curve AS curve;

DROP TABLE ordered, keyed, same, parted, samples;
