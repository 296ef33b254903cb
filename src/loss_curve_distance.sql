
-- Distances: in double precision, over the jointly observed epochs, NaN where
-- undefined

CREATE FUNCTION loss_curve_distance_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_distance_support(internal) IS
	'planner support: loads the library, which estimates the cost of an index of curves';

CREATE FUNCTION l2_distance(loss_curve, loss_curve) RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_l2_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT loss_curve_distance_support;
COMMENT ON FUNCTION l2_distance(loss_curve, loss_curve) IS
	'Euclidean distance';

CREATE FUNCTION l1_distance(loss_curve, loss_curve) RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_l1_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT loss_curve_distance_support;
COMMENT ON FUNCTION l1_distance(loss_curve, loss_curve) IS
	'Manhattan distance';

CREATE FUNCTION cosine_distance(loss_curve, loss_curve) RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_cosine_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 15;
COMMENT ON FUNCTION cosine_distance(loss_curve, loss_curve) IS
	'cosine distance, 1 - cosine';

CREATE FUNCTION correlation_distance(loss_curve, loss_curve) RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_correlation_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION correlation_distance(loss_curve, loss_curve) IS
	'correlation distance, 1 - Pearson correlation';

CREATE FUNCTION dtw_distance(loss_curve, loss_curve) RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_dtw_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dtw_distance(loss_curve, loss_curve) IS
	'dynamic time warping distance';

CREATE FUNCTION dtw_distance(loss_curve, loss_curve, band bigint)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_dtw_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION dtw_distance(loss_curve, loss_curve, bigint) IS
	'dynamic time warping distance within a Sakoe-Chiba band, in epochs';

CREATE OPERATOR <-> (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = l2_distance,
	COMMUTATOR = <->
);
COMMENT ON OPERATOR <-> (loss_curve, loss_curve) IS
	'Euclidean distance';

CREATE OPERATOR <+> (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = l1_distance,
	COMMUTATOR = <+>
);
COMMENT ON OPERATOR <+> (loss_curve, loss_curve) IS
	'Manhattan distance';

CREATE OPERATOR <=> (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = cosine_distance,
	COMMUTATOR = <=>
);
COMMENT ON OPERATOR <=> (loss_curve, loss_curve) IS
	'cosine distance, 1 - cosine';

CREATE OPERATOR <~> (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = dtw_distance,
	COMMUTATOR = <~>
);
COMMENT ON OPERATOR <~> (loss_curve, loss_curve) IS
	'dynamic time warping distance';
