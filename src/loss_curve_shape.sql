
-- Curves made of curves, and curves drawn small

CREATE FUNCTION resample_curve(curve loss_curve, n bigint) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_resample'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION resample_curve(loss_curve, bigint) IS
	'stretch or shrink a curve to n epochs by linear interpolation';

CREATE FUNCTION smooth_curve(curve loss_curve, width bigint) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_smooth'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION smooth_curve(loss_curve, bigint) IS
	'centred moving average over an odd window of epochs';

CREATE FUNCTION sparkline(curve loss_curve) RETURNS text
	AS 'MODULE_PATHNAME', 'loss_curve_sparkline'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION sparkline(loss_curve) IS
	'curve drawn in at most 40 characters, on a scale that contains 0';

CREATE FUNCTION sparkline(curve loss_curve, width bigint) RETURNS text
	AS 'MODULE_PATHNAME', 'loss_curve_sparkline'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION sparkline(loss_curve, bigint) IS
	'curve drawn in at most width characters, on a scale that contains 0';
