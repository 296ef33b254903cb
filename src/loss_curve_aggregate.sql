
-- A curve from rows of losses

CREATE FUNCTION loss_curve_agg_transfn(internal, double precision, bigint)
	RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_agg_transfn(internal, double precision, bigint) IS
	'aggregate transition function';

CREATE FUNCTION loss_curve_agg_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_agg_combine(internal, internal) IS
	'aggregate combine function';

CREATE FUNCTION loss_curve_agg_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_agg_serialize(internal) IS
	'aggregate serialization function';

CREATE FUNCTION loss_curve_agg_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_agg_deserialize(bytea, internal) IS
	'aggregate deserialization function';

CREATE FUNCTION loss_curve_agg_finalfn(internal) RETURNS loss_curve
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_agg_finalfn(internal) IS
	'aggregate final function';

CREATE AGGREGATE loss_curve_agg(loss double precision, epoch bigint) (
	SFUNC = loss_curve_agg_transfn,
	STYPE = internal,
	SSPACE = 640,
	FINALFUNC = loss_curve_agg_finalfn,
	COMBINEFUNC = loss_curve_agg_combine,
	SERIALFUNC = loss_curve_agg_serialize,
	DESERIALFUNC = loss_curve_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE loss_curve_agg(double precision, bigint) IS
	'curve of losses in any order; two losses for one epoch are an error';

-- Curves of many curves, epoch by epoch

CREATE FUNCTION loss_curve_moments_transfn(internal, loss_curve) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_transfn(internal, loss_curve) IS
	'aggregate transition function';

CREATE FUNCTION loss_curve_moments_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_combine(internal, internal) IS
	'aggregate combine function';

CREATE FUNCTION loss_curve_moments_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_serialize(internal) IS
	'aggregate serialization function';

CREATE FUNCTION loss_curve_moments_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_deserialize(bytea, internal) IS
	'aggregate deserialization function';

CREATE FUNCTION loss_curve_avg_finalfn(internal) RETURNS loss_curve
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_avg_finalfn(internal) IS
	'aggregate final function';

CREATE FUNCTION loss_curve_stddev_finalfn(internal) RETURNS loss_curve
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_stddev_finalfn(internal) IS
	'aggregate final function';

CREATE AGGREGATE avg(loss_curve) (
	SFUNC = loss_curve_moments_transfn,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = loss_curve_avg_finalfn,
	COMBINEFUNC = loss_curve_moments_combine,
	SERIALFUNC = loss_curve_moments_serialize,
	DESERIALFUNC = loss_curve_moments_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(loss_curve) IS
	'mean of every epoch, over the curves that observed it';

CREATE AGGREGATE stddev(loss_curve) (
	SFUNC = loss_curve_moments_transfn,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = loss_curve_stddev_finalfn,
	COMBINEFUNC = loss_curve_moments_combine,
	SERIALFUNC = loss_curve_moments_serialize,
	DESERIALFUNC = loss_curve_moments_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE stddev(loss_curve) IS
	'sample standard deviation of every epoch, missing below two losses';
