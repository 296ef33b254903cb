
-- A suite from any query

CREATE FUNCTION probe_suite_agg_transfn(internal, text, loss_curve)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_agg_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION probe_suite_agg_transfn(internal, text, loss_curve) IS
	'aggregate transition function';

CREATE FUNCTION probe_suite_agg_transfn(internal, text, loss_curve, text)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_agg_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION probe_suite_agg_transfn(internal, text, loss_curve, text) IS
	'aggregate transition function';

CREATE FUNCTION probe_suite_agg_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_agg_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION probe_suite_agg_combine(internal, internal) IS
	'aggregate combine function';

CREATE FUNCTION probe_suite_agg_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_agg_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION probe_suite_agg_serialize(internal) IS
	'aggregate serialization function';

CREATE FUNCTION probe_suite_agg_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_agg_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION probe_suite_agg_deserialize(bytea, internal) IS
	'aggregate deserialization function';

CREATE FUNCTION probe_suite_agg_finalfn(internal) RETURNS probe_suite
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_agg_finalfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION probe_suite_agg_finalfn(internal) IS
	'aggregate final function';

CREATE AGGREGATE probe_suite_agg(label text, curve loss_curve) (
	SFUNC = probe_suite_agg_transfn,
	STYPE = internal,
	SSPACE = 1000000,
	FINALFUNC = probe_suite_agg_finalfn,
	COMBINEFUNC = probe_suite_agg_combine,
	SERIALFUNC = probe_suite_agg_serialize,
	DESERIALFUNC = probe_suite_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE probe_suite_agg(text, loss_curve) IS
	'probe suite of labelled curves, with k = 20, metric l2, uniform weights';

CREATE AGGREGATE probe_suite_agg(label text, curve loss_curve, id text) (
	SFUNC = probe_suite_agg_transfn,
	STYPE = internal,
	SSPACE = 1000000,
	FINALFUNC = probe_suite_agg_finalfn,
	COMBINEFUNC = probe_suite_agg_combine,
	SERIALFUNC = probe_suite_agg_serialize,
	DESERIALFUNC = probe_suite_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE probe_suite_agg(text, loss_curve, text) IS
	'probe suite of labelled curves, with k = 20, metric l2, uniform weights';
