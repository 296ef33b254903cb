
-- The curves within a distance

CREATE TYPE loss_curve_ball AS (
	centre loss_curve,
	radius double precision
);
COMMENT ON TYPE loss_curve_ball IS
	'all curves within a Euclidean distance of one: ROW(centre, radius)::loss_curve_ball';

CREATE FUNCTION loss_curve_in_ball(curve loss_curve, ball loss_curve_ball)
	RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_in_ball(loss_curve, loss_curve_ball) IS
	'implementation of <@ operator';

CREATE OPERATOR <@ (
	LEFTARG = loss_curve, RIGHTARG = loss_curve_ball,
	FUNCTION = loss_curve_in_ball,
	RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR <@ (loss_curve, loss_curve_ball) IS
	'is within the Euclidean distance';

CREATE FUNCTION loss_curve_within_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_within_support(internal) IS
	'planner support: index condition and selectivity of curves_within';

CREATE FUNCTION curves_within(curve loss_curve, query loss_curve,
							  radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'loss_curve_within'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT loss_curve_within_support;
COMMENT ON FUNCTION curves_within(loss_curve, loss_curve, double precision) IS
	'are the curves of one length, and their Euclidean distance at most the radius?';
