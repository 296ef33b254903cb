--
-- Curves made of curves, and curves drawn in a line of text
--
-- resample_curve: linear, first and last epoch stay
SELECT resample_curve('[0,10]', 3), resample_curve('[0,10,20,30]', 2), resample_curve('[0,1,4,9]', 7);
SELECT resample_curve('[1,2,3]', 3) AS same, resample_curve('[5]', 4) AS one, resample_curve('[1,2,3]', 1) AS to_one,
	resample_curve('[1,2,3]', 0) AS to_none, resample_curve('[]', 3) AS of_none;
-- a point between an observed and a missing epoch is missing
SELECT resample_curve('[0,null,20]', 5), resample_curve('[0,10,null]', 5);
SELECT resample_curve('[3.4028235e38,-3.4028235e38]', 5) AS finite;
SELECT resample_curve(NULL, 3), resample_curve('[1]', NULL);
SELECT resample_curve('[1]', -1);
SELECT resample_curve('[1]', 16001);
SELECT resample_curve('[1]', 9223372036854775807);
SELECT epochs(resample_curve('[1,2]', 16000));

-- smooth_curve: a centred window, cut at the ends, over observed epochs
SELECT smooth_curve('[3,0,6,9]', 3), smooth_curve('[3,0,6,9]', 1) AS same, smooth_curve('[3,0,6]', 99) AS mean;
SELECT smooth_curve('[3,null,6,9]', 3) AS missing_stay_missing, smooth_curve('[]', 3), smooth_curve('[null]', 3);
SELECT smooth_curve('[3.4028235e38,3.4028235e38,-3.4028235e38]', 3) AS finite;
SELECT smooth_curve('[1,2]', 9223372036854775807), smooth_curve(NULL, 3), smooth_curve('[1]', NULL);
SELECT smooth_curve('[1]', 2);
SELECT smooth_curve('[1]', 0);
SELECT smooth_curve('[1]', -3);

-- sparkline: from 0 to the highest column, a blank where missing
SELECT sparkline('[7,6,5,4,3,2,1,0]'), '|' || sparkline('[1,null,0.5,null]') || '|' AS gaps;
SELECT sparkline('[8,8,4,4,0,0]', 3) AS means, '|' || sparkline('[4,null,null,null,0,1]', 3) || '|' AS of_observed;
SELECT sparkline('[-7,0]') AS from_the_lowest, sparkline('[0,0]') AS zero, sparkline('[5,5]') AS constant,
	'|' || sparkline('[]') || '|' AS none;
SELECT length(sparkline(array_fill(1, ARRAY[90])::loss_curve)) AS by_default,
	length(sparkline(array_fill(1, ARRAY[90])::loss_curve, 80)) AS given,
	length(sparkline('[1,2]', 9223372036854775807)) AS never_stretched;
SELECT sparkline('[3.4028235e38,-3.4028235e38]') AS extreme;
SELECT sparkline(NULL), sparkline('[1]', NULL);
SELECT sparkline('[1]', 0);
SELECT sparkline('[1]', -1);
