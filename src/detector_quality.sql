-- How well a score ranks true rows above the others

CREATE TYPE ranking_quality AS (
	auroc double precision,
	average_precision double precision,
	best_f1 double precision,
	precision_at_true_rate double precision,
	rows bigint
);
COMMENT ON TYPE ranking_quality IS
	'how well a score ranks true rows above the others';

CREATE FUNCTION detector_transfn(internal, double precision, boolean)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_detector_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION detector_transfn(internal, double precision, boolean) IS
	'aggregate transition function';

CREATE FUNCTION detector_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_detector_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION detector_combine(internal, internal) IS
	'aggregate combine function';

CREATE FUNCTION detector_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_detector_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION detector_serialize(internal) IS
	'aggregate serialization function';

CREATE FUNCTION detector_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_detector_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION detector_deserialize(bytea, internal) IS
	'aggregate deserialization function';

CREATE FUNCTION auroc_finalfn(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'metaprobe_auroc_finalfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION auroc_finalfn(internal) IS
	'aggregate final function';

CREATE FUNCTION average_precision_finalfn(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'metaprobe_average_precision_finalfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION average_precision_finalfn(internal) IS
	'aggregate final function';

CREATE FUNCTION detector_quality_finalfn(internal) RETURNS ranking_quality
	AS 'MODULE_PATHNAME', 'metaprobe_detector_quality_finalfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION detector_quality_finalfn(internal) IS
	'aggregate final function';

CREATE AGGREGATE auroc(score double precision, truth boolean) (
	SFUNC = detector_transfn,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = auroc_finalfn,
	COMBINEFUNC = detector_combine,
	SERIALFUNC = detector_serialize,
	DESERIALFUNC = detector_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE auroc(double precision, boolean) IS
	'chance that a true row has a higher score than another, ties counted half';

CREATE AGGREGATE average_precision(score double precision, truth boolean) (
	SFUNC = detector_transfn,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = average_precision_finalfn,
	COMBINEFUNC = detector_combine,
	SERIALFUNC = detector_serialize,
	DESERIALFUNC = detector_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE average_precision(double precision, boolean) IS
	'mean, over the true rows, of the precision down to their score';

CREATE AGGREGATE detector_quality(score double precision, truth boolean) (
	SFUNC = detector_transfn,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = detector_quality_finalfn,
	COMBINEFUNC = detector_combine,
	SERIALFUNC = detector_serialize,
	DESERIALFUNC = detector_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE detector_quality(double precision, boolean) IS
	'how well a score ranks true rows above the others, in four figures';
