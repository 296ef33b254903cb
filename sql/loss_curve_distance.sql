--
-- Distances between curves
--
-- by hand: differences 3, 0, 4
SELECT '[1,2,3]'::loss_curve <-> '[4,2,7]' AS l2, '[1,2,3]'::loss_curve <+> '[4,2,7]' AS l1;
SELECT '[1,0]'::loss_curve <=> '[0,2]' AS orthogonal, '[1,2]'::loss_curve <=> '[10,20]' AS parallel,
	'[1,2]'::loss_curve <=> '[-1,-2]' AS opposite;
SELECT correlation_distance('[1,2,3]', '[10,20,30]') AS rises, correlation_distance('[1,2,3]', '[5,4,3]') AS falls,
	correlation_distance('[1,2,1,2]', '[1,1,2,2]') AS unrelated;
-- one epoch late costs nothing under dtw
SELECT '[5,5,1,1]'::loss_curve <-> '[5,1,1,1]' AS l2, '[5,5,1,1]'::loss_curve <~> '[5,1,1,1]' AS dtw;
SELECT '[0,3]'::loss_curve <~> '[4,3,3]' AS dtw_of_other_lengths;
-- operators and functions are the same, and symmetric
SELECT l2_distance(a, b) = (a <-> b) AND (b <-> a) = (a <-> b) AS l2,
	l1_distance(a, b) = (a <+> b) AND (b <+> a) = (a <+> b) AS l1,
	cosine_distance(a, b) = (a <=> b) AND (b <=> a) = (a <=> b) AS cosine,
	dtw_distance(a, b) = (a <~> b) AND (b <~> a) = (a <~> b) AS dtw,
	correlation_distance(a, b) = correlation_distance(b, a) AS correlation
	FROM (VALUES ('[2.3,1.9,0.4,0.1]'::loss_curve, '[2.2,0.8,0.7,null]'::loss_curve)) v(a, b);
-- of a curve to itself: exactly 0
SELECT c <-> c, c <+> c, c <=> c, c <~> c, correlation_distance(c, c)
	FROM (VALUES ('[2.3,1.9,null,0.7,0.1,0.3]'::loss_curve)) v(c);
SELECT pg_typeof('[1]'::loss_curve <-> '[1]'), NULL::loss_curve <-> '[1]', '[1]'::loss_curve <~> NULL;

-- missing epochs: only joint ones count, sums are scaled by n / observed
SELECT '[1,null,3,4]'::loss_curve <-> '[2,2,null,4]' AS "sqrt(1 * 4 / 2)",
	'[1,null,3,4]'::loss_curve <+> '[2,2,null,4]' AS "1 * 4 / 2";
SELECT '[1,null,9]'::loss_curve <=> '[2,5,null]' AS cosine_of_the_joint;
SELECT correlation_distance('[1,null,2,3]', '[2,7,4,6]') AS correlation_of_the_joint;
-- dtw drops them first
SELECT '[1,null,2,3]'::loss_curve <~> '[1,2,null,null,3]' AS dtw;

-- undefined is NaN, which sorts last
SELECT '[1,null]'::loss_curve <-> '[null,1]' AS l2, '[1,null]'::loss_curve <+> '[null,1]' AS l1,
	'[1,null]'::loss_curve <=> '[null,1]' AS cosine, correlation_distance('[1,null]', '[null,1]') AS correlation,
	'[1,null]'::loss_curve <~> '[null,null]' AS dtw;
SELECT '[]'::loss_curve <-> '[]' AS l2, '[]'::loss_curve <+> '[]' AS l1, '[]'::loss_curve <=> '[]' AS cosine,
	correlation_distance('[]', '[]') AS correlation, '[]'::loss_curve <~> '[]' AS dtw;
SELECT '[0,0]'::loss_curve <=> '[1,2]' AS all_zero, correlation_distance('[1,2,3]', '[0.1,0.1,0.1]') AS constant,
	correlation_distance('[1,2,null]', '[0.1,0.1,5]') AS constant_where_joint,
	correlation_distance('[1]', '[2]') AS one_epoch;
SELECT b FROM (VALUES ('[1,5]'::loss_curve), ('[0,0]'), ('[5,1]'), ('[1,1]')) v(b) ORDER BY '[1,0]'::loss_curve <=> b;

-- different lengths
SELECT '[1,2]'::loss_curve <-> '[1,2,3]';
SELECT '[1,2,3]'::loss_curve <+> '[1,2]';
SELECT '[1,2]'::loss_curve <=> '[]';
SELECT correlation_distance('[1,2]', '[1]');
SELECT ('[1,2,3]'::loss_curve)[0:1] <-> '[1,2]' AS as_the_hint_says,
	resample_curve('[1,2]', 3) <-> '[1,2,3]' AS or_so;

-- dtw within a band
SELECT band, dtw_distance('[0,0,0,9,0,0]', '[0,9,0,0,0,0]', band) FROM generate_series(0, 4) band;
SELECT dtw_distance('[1,2,3,4]', '[4,3,2,1]', 0) = '[1,2,3,4]'::loss_curve <-> '[4,3,2,1]' AS band_0_is_l2;
-- in epochs, over the gaps: the 9 of epoch 4 is 3 epochs from that of epoch 1
SELECT band, dtw_distance('[0,9,null,null,null,0]', '[0,null,null,null,9,0]', band) FROM generate_series(0, 5) band;
-- the smallest width that leaves a path
SELECT dtw_distance('[1,2]', '[1,2,3,4]', 0) = dtw_distance('[1,2]', '[1,2,3,4]', 2) AS widened_to_2,
	dtw_distance('[1,null,null,null]', '[null,null,null,1]', 0) AS widened_to_3;
SELECT dtw_distance('[1,2]', '[3,4]', 9223372036854775807) = '[1,2]'::loss_curve <~> '[3,4]' AS no_limit;
SELECT dtw_distance('[1]', '[1]', -1);
SELECT dtw_distance('[1]', '[1]', NULL);

-- extremes stay finite
SELECT '[3.4028235e38,-3.4028235e38]'::loss_curve <-> '[-3.4028235e38,3.4028235e38]' AS l2,
	'[3.4028235e38,-3.4028235e38]'::loss_curve <+> '[-3.4028235e38,3.4028235e38]' AS l1,
	'[3.4028235e38,-3.4028235e38]'::loss_curve <=> '[-3.4028235e38,3.4028235e38]' AS cosine,
	correlation_distance('[3.4028235e38,-3.4028235e38]', '[-3.4028235e38,3.4028235e38]') AS correlation,
	'[3.4028235e38,-3.4028235e38]'::loss_curve <~> '[-3.4028235e38,3.4028235e38]' AS dtw;
SELECT a <-> b AS l2, a <=> b AS cosine
	FROM (SELECT array_fill(3.4028235e38, ARRAY[16000])::loss_curve AS a, array_fill(-3.4028235e38, ARRAY[16000])::loss_curve AS b) x;
SELECT '[1e-45,0]'::loss_curve <-> '[0,0]' AS l2, '[1e-45,3e-45]'::loss_curve <=> '[3e-45,1e-45]' AS cosine,
	correlation_distance('[1e-45,3e-45,0]', '[3e-45,1e-45,0]') AS correlation;
-- cosine stays within [0, 2] and correlation too, whatever the rounding
SELECT bool_and(a <=> b BETWEEN 0 AND 2 AND correlation_distance(a, b) BETWEEN 0 AND 2)
	FROM (SELECT array_fill(0.1, ARRAY[n])::loss_curve || 0.3 AS a,
		array_fill(s * 0.7, ARRAY[n])::loss_curve || s * 2.1 AS b
		FROM generate_series(1, 50) n, unnest('{1,-1}'::int[]) s) x;
-- the largest dtw
SELECT array_fill(1, ARRAY[16000])::loss_curve <~> array_fill(2, ARRAY[10])::loss_curve;
