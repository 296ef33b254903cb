
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

-- Curves of many curves, epoch by epoch.  The state is a type with a text form,
-- so that Citus combines the states of its workers, too.

CREATE TYPE loss_curve_moments;

CREATE FUNCTION loss_curve_moments_in(cstring) RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_in(cstring) IS
	'input function';

CREATE FUNCTION loss_curve_moments_out(loss_curve_moments) RETURNS cstring
	AS 'MODULE_PATHNAME', 'metaprobe_moments_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_out(loss_curve_moments) IS
	'output function';

CREATE FUNCTION loss_curve_moments_recv(internal) RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_recv(internal) IS
	'binary input function';

CREATE FUNCTION loss_curve_moments_send(loss_curve_moments) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_moments_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_send(loss_curve_moments) IS
	'binary output function';

CREATE TYPE loss_curve_moments (
	INPUT = loss_curve_moments_in,
	OUTPUT = loss_curve_moments_out,
	RECEIVE = loss_curve_moments_recv,
	SEND = loss_curve_moments_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE loss_curve_moments IS
	'state of avg and stddev: counts and sums of every epoch';

CREATE FUNCTION loss_curve_moments_transfn(loss_curve_moments, loss_curve)
	RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_transfn(loss_curve_moments, loss_curve) IS
	'aggregate transition function';

CREATE FUNCTION loss_curve_moments_combine(loss_curve_moments, loss_curve_moments)
	RETURNS loss_curve_moments
	AS 'MODULE_PATHNAME', 'metaprobe_moments_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_moments_combine(loss_curve_moments, loss_curve_moments) IS
	'aggregate combine function';

CREATE FUNCTION loss_curve_avg_finalfn(loss_curve_moments) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'metaprobe_moments_avg_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_avg_finalfn(loss_curve_moments) IS
	'aggregate final function';

CREATE FUNCTION loss_curve_stddev_finalfn(loss_curve_moments) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'metaprobe_moments_stddev_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_stddev_finalfn(loss_curve_moments) IS
	'aggregate final function';

CREATE AGGREGATE avg(loss_curve) (
	SFUNC = loss_curve_moments_transfn,
	STYPE = loss_curve_moments,
	SSPACE = 4096,
	FINALFUNC = loss_curve_avg_finalfn,
	COMBINEFUNC = loss_curve_moments_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(loss_curve) IS
	'mean of every epoch, over the curves that observed it';

CREATE AGGREGATE stddev(loss_curve) (
	SFUNC = loss_curve_moments_transfn,
	STYPE = loss_curve_moments,
	SSPACE = 4096,
	FINALFUNC = loss_curve_stddev_finalfn,
	COMBINEFUNC = loss_curve_moments_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE stddev(loss_curve) IS
	'sample standard deviation of every epoch, missing below two losses';
