--
-- Casts between loss_curve, arrays of numbers and jsonb
--
-- NULL elements are missing epochs, both ways
SELECT '{1,NULL,0.1}'::real[]::loss_curve,
	'{1,NULL,0.1}'::double precision[]::loss_curve,
	'{1,NULL,0.1}'::numeric[]::loss_curve,
	'{1,NULL,3}'::integer[]::loss_curve,
	'[1,null,0.1]'::jsonb::loss_curve;
SELECT '[1,null,0.1]'::loss_curve::real[];
SELECT '[1,null,0.1]'::loss_curve::double precision[];
SELECT '[1,null,0.1]'::loss_curve::jsonb;
-- empty curves
SELECT '{}'::real[]::loss_curve, '{}'::double precision[]::loss_curve,
	'{}'::numeric[]::loss_curve, '{}'::integer[]::loss_curve, '[]'::jsonb::loss_curve;
SELECT '[]'::loss_curve::real[], '[]'::loss_curve::double precision[], '[]'::loss_curve::jsonb;
-- NaN is missing, minus zero is zero
SELECT '{NaN,-0}'::real[]::loss_curve, '{NaN,-0,-1e-60}'::double precision[]::loss_curve,
	'{NaN,0}'::numeric[]::loss_curve;
-- the lower bound of an array does not matter: the first element is epoch 0
SELECT ('[5:6]={7,8}'::real[]::loss_curve)[0];
-- numeric and jsonb round once, from all their digits, not by double precision
SELECT '{1.00000005960464477539062501}'::numeric[]::loss_curve AS from_numeric,
	'[1.00000005960464477539062501]'::jsonb::loss_curve AS from_jsonb,
	'{1.00000005960464477539062501}'::double precision[]::loss_curve AS from_double;
-- back and forth gives the same bits, and jsonb the shortest digits
SELECT c::real[]::loss_curve = c, c::double precision[]::loss_curve = c, c::jsonb::loss_curve = c,
	c::jsonb
	FROM (SELECT '[0.1,1e-45,3.4028235e38,null,-2.5e-38]'::loss_curve AS c) x;

-- assignment casts: INSERT takes them all without a word
CREATE TABLE curves (id integer, curve loss_curve);
INSERT INTO curves VALUES (1, '{1,NULL}'::real[]);
INSERT INTO curves VALUES (2, '{2,NULL}'::double precision[]);
INSERT INTO curves VALUES (3, '{3,NULL}'::numeric[]);
INSERT INTO curves VALUES (4, '{4,NULL}'::integer[]);
INSERT INTO curves VALUES (5, '[5,null]'::jsonb);
INSERT INTO curves VALUES (6, ARRAY[6, 0.5]), (7, ARRAY[7, NULL]);
INSERT INTO curves SELECT 8, array_agg(x ORDER BY x) FROM generate_series(1, 3) x;
SELECT * FROM curves ORDER BY id;
CREATE TABLE arrays (r real[], d double precision[], j jsonb);
INSERT INTO arrays SELECT curve, curve, curve FROM curves WHERE id IN (1, 6) ORDER BY id;
SELECT * FROM arrays;
-- but no expression casts by itself
SELECT '{1}'::real[] = '[1]'::loss_curve;
SELECT array_length('[1]'::loss_curve, 1);
-- NULL stays NULL
SELECT NULL::real[]::loss_curve, NULL::jsonb::loss_curve, NULL::loss_curve::real[];

-- the functions behind the casts
SELECT loss_curve('{1}'::real[]), loss_curve('{2}'::double precision[]),
	loss_curve('{3}'::numeric[]), loss_curve('{4}'::integer[]), loss_curve('[5]'::jsonb);
SELECT loss_curve_to_real_array('[1,null]'), loss_curve_to_double_array('[1,null]'),
	loss_curve_to_jsonb('[1,null]');
SELECT castsource::regtype, casttarget::regtype, castcontext
	FROM pg_cast WHERE 'loss_curve'::regtype IN (castsource, casttarget)
	ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";

-- what cannot be a curve
SELECT '{{1,2},{3,4}}'::real[]::loss_curve;
SELECT '{1,Infinity}'::real[]::loss_curve;
SELECT '{1,2,-Infinity}'::double precision[]::loss_curve;
SELECT '{1,2,3,1e39}'::double precision[]::loss_curve;
SELECT '{1,Infinity}'::numeric[]::loss_curve;
SELECT '{1e39}'::numeric[]::loss_curve;
SELECT '[1,1e400]'::jsonb::loss_curve;
SELECT '{"curve": [1]}'::jsonb::loss_curve;
SELECT '1'::jsonb::loss_curve;
SELECT 'null'::jsonb::loss_curve;
SELECT '[1,"2"]'::jsonb::loss_curve;
SELECT '[1,[2]]'::jsonb::loss_curve;
SELECT '[1,2,true]'::jsonb::loss_curve;
SELECT array_fill(1, ARRAY[16001])::loss_curve;
SELECT array_fill(1, ARRAY[16001])::numeric[]::loss_curve;
SELECT jsonb_agg(x)::loss_curve FROM generate_series(1, 16001) x;
-- the longest, by every way
SELECT epochs(array_fill(1, ARRAY[16000])::loss_curve),
	epochs(array_fill(1, ARRAY[16000])::numeric[]::loss_curve),
	array_length(array_fill(1, ARRAY[16000])::loss_curve::real[], 1),
	jsonb_array_length(array_fill(1, ARRAY[16000])::loss_curve::jsonb);

DROP TABLE curves, arrays;
