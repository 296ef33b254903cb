-- The small-loss heuristic, by a mixture of two normal distributions

CREATE TYPE loss_mixture AS (
	clean_weight double precision,
	clean_mean double precision,
	clean_stddev double precision,
	noise_weight double precision,
	noise_mean double precision,
	noise_stddev double precision,
	iterations integer,
	log_likelihood double precision
);
COMMENT ON TYPE loss_mixture IS
	'two normal distributions that losses are a mixture of';

CREATE FUNCTION small_loss_transfn(internal, double precision)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_mixture_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION small_loss_transfn(internal, double precision) IS
	'aggregate transition function';

CREATE FUNCTION small_loss_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_mixture_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION small_loss_combine(internal, internal) IS
	'aggregate combine function';

CREATE FUNCTION small_loss_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_mixture_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION small_loss_serialize(internal) IS
	'aggregate serialization function';

CREATE FUNCTION small_loss_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_mixture_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION small_loss_deserialize(bytea, internal) IS
	'aggregate deserialization function';

CREATE FUNCTION small_loss_finalfn(internal) RETURNS loss_mixture
	AS 'MODULE_PATHNAME', 'metaprobe_mixture_finalfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION small_loss_finalfn(internal) IS
	'aggregate final function';

CREATE AGGREGATE small_loss_mixture(loss double precision) (
	SFUNC = small_loss_transfn,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = small_loss_finalfn,
	COMBINEFUNC = small_loss_combine,
	SERIALFUNC = small_loss_serialize,
	DESERIALFUNC = small_loss_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE small_loss_mixture(double precision) IS
	'losses as a mixture of two normal distributions, clean and noise';

CREATE FUNCTION noise_posterior(loss double precision, mixture loss_mixture)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'metaprobe_noise_posterior'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION noise_posterior(double precision, loss_mixture) IS
	'probability that a loss belongs to the noise of a mixture';
