--
-- Subscripts of curves: from 0, like jsonb
--
-- reading
SELECT c[0], c[1], c[2], c[3] AS beyond, c[-1] AS before
	FROM (VALUES ('[2.5,null,0.1]'::loss_curve)) v(c);
SELECT pg_typeof(('[1]'::loss_curve)[0]), pg_typeof(('[1]'::loss_curve)[0:0]);
SELECT ('[2.5]'::loss_curve)[NULL], (NULL::loss_curve)[0];
-- slices include both ends, are cut to the curve, and bounds can be left out
SELECT c[1:2], c[0:0], c[2:], c[:1], c[:], c[-5:99], c[2:1] AS none, c[4:9] AS beyond
	FROM (VALUES ('[10,11,null,13]'::loss_curve)) v(c);
SELECT ('[1,2]'::loss_curve)[NULL:1], ('[1,2]'::loss_curve)[0:NULL], (NULL::loss_curve)[0:1];
-- the largest epochs there are
SELECT ('[1,2]'::loss_curve)[9223372036854775807],
	('[1,2]'::loss_curve)[-9223372036854775808:9223372036854775807];
-- subscripts of other types
SELECT ('[1,2]'::loss_curve)[1::smallint], ('[1,2]'::loss_curve)['1'], ('[1,2]'::loss_curve)[0.6];
SELECT ('[1,2]'::loss_curve)['a'];
SELECT ('[1,2]'::loss_curve)[true];
SELECT ('[1,2]'::loss_curve)[0][1];
SELECT ('[1,2]'::loss_curve)[0:1][0];
-- an array of curves
SELECT (ARRAY['[1,2]','[3,4]']::loss_curve[])[2], ((ARRAY['[1,2]','[3,4]']::loss_curve[])[2])[0];

-- assignment
CREATE TABLE samples (id bigint PRIMARY KEY, curve loss_curve);
INSERT INTO samples VALUES (1, '[1,2,3]'), (2, '[]'), (3, NULL);
UPDATE samples SET curve[1] = 0.31;
SELECT * FROM samples ORDER BY id;
-- beyond the end: the epochs between are missing
UPDATE samples SET curve[4] = 0.5 WHERE id = 1;
UPDATE samples SET curve[0] = NULL WHERE id = 1;
UPDATE samples SET curve[2] = 'NaN' WHERE id = 1;
SELECT * FROM samples WHERE id = 1;
-- two epochs in one statement
UPDATE samples SET curve[0] = 7, curve[1] = 8 WHERE id = 2;
SELECT * FROM samples WHERE id = 2;
-- as a training loop writes
INSERT INTO samples (id, curve[0]) VALUES (4, 2.3), (1, 9) ON CONFLICT (id) DO UPDATE SET curve[0] = 9;
INSERT INTO samples (id, curve[2]) VALUES (5, 2.3);
INSERT INTO samples (id, curve[0], curve[1]) VALUES (6, 1, 2)
	ON CONFLICT (id) DO UPDATE SET curve[7] = EXCLUDED.curve[0];
INSERT INTO samples (id, curve[0]) VALUES (6, 0.25)
	ON CONFLICT (id) DO UPDATE SET curve[7] = EXCLUDED.curve[0];
SELECT * FROM samples ORDER BY id;
-- PL/pgSQL
DO $$
DECLARE
	curve loss_curve;
BEGIN
	FOR epoch IN 0..3 LOOP
		curve[epoch] := 1.0 / (epoch + 1);
	END LOOP;
	curve[1] := NULL;
	RAISE NOTICE '% %', curve, curve[3];
END
$$;
-- slices
UPDATE samples SET curve[1:2] = '[21,null]' WHERE id = 1;
UPDATE samples SET curve[3:] = '[33,34]' WHERE id = 2;
UPDATE samples SET curve[:1] = '[40,41]' WHERE id = 4;
UPDATE samples SET curve[:] = '[50,51]' WHERE id = 5;
UPDATE samples SET curve[0:1] = NULL WHERE id = 6;
SELECT * FROM samples ORDER BY id;
UPDATE samples SET curve[0:1] = '[1]' WHERE id = 1;
UPDATE samples SET curve[0:1] = '[1,2,3]' WHERE id = 1;
UPDATE samples SET curve[2:1] = '[]' WHERE id = 1;
UPDATE samples SET curve[3:1] = '[]' WHERE id = 1;
UPDATE samples SET curve[9:] = '[]' WHERE id = 1;
UPDATE samples SET curve[0:1] = '{5,6}'::real[] WHERE id = 1;
SELECT * FROM samples WHERE id = 1;
-- what no epoch can be
UPDATE samples SET curve[-1] = 1;
UPDATE samples SET curve[16000] = 1;
UPDATE samples SET curve[9223372036854775807] = 1;
UPDATE samples SET curve[9223372036854775807:] = '[1,2]';
UPDATE samples SET curve[9223372036854775807:9223372036854775807] = '[1]';
UPDATE samples SET curve[16000:] = '[1]';
UPDATE samples SET curve[15999:16000] = '[1,2]';
UPDATE samples SET curve[-9223372036854775808:9223372036854775807] = '[1]';
UPDATE samples SET curve[NULL] = 1;
UPDATE samples SET curve[NULL:1] = '[1]';
UPDATE samples SET curve[0] = 'Infinity';
UPDATE samples SET curve[0] = 1e39;
UPDATE samples SET curve[0] = 'a';
UPDATE samples SET curve[0][1] = 1;
UPDATE samples SET curve[15999] = 1 WHERE id = 3;
SELECT epochs(curve), observed_epochs(curve) FROM samples WHERE id = 3;

-- loss_curve(n): padded to n, and no epoch beyond
CREATE TABLE fixed (id bigint PRIMARY KEY, curve loss_curve(4));
INSERT INTO fixed (id, curve[1]) VALUES (1, 0.5);
INSERT INTO fixed (id, curve[1:2]) VALUES (2, '[1,2]');
INSERT INTO fixed VALUES (3, '[1,2,3,4]'), (4, NULL);
UPDATE fixed SET curve[3] = 9 WHERE id >= 3;
SELECT * FROM fixed ORDER BY id;
UPDATE fixed SET curve[4] = 9;
UPDATE fixed SET curve[3:4] = '[1,2]';
INSERT INTO fixed (id, curve[4]) VALUES (5, 1);
INSERT INTO fixed (id, curve[0]) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET curve[4] = 1;
UPDATE fixed SET curve[0:1] = NULL WHERE id = 1;
-- reading them is not bound to the length
SELECT curve[4], curve[0:1], curve[2:9] FROM fixed WHERE id = 3;
SELECT id, epochs(curve) FROM fixed ORDER BY id;

-- a stored rule or view keeps its subscripts
CREATE VIEW firsts AS SELECT id, curve[0] AS first, curve[1:] AS rest FROM samples;
SELECT pg_get_viewdef('firsts') ~ 'curve\[0\] AS first' AS first,
	pg_get_viewdef('firsts') ~ 'curve\[1:\] AS rest' AS rest;
SELECT * FROM firsts WHERE id < 3 ORDER BY id;
DROP VIEW firsts;
DROP TABLE samples, fixed;
