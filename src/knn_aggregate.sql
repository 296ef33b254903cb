
-- The vote of the k nearest over any join of rows and probes

CREATE FUNCTION knn_transfn(internal, text, double precision, integer)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_knn_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION knn_transfn(internal, text, double precision, integer) IS
	'aggregate transition function';

CREATE FUNCTION knn_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_knn_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_combine(internal, internal) IS
	'aggregate combine function';

CREATE FUNCTION knn_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_knn_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_serialize(internal) IS
	'aggregate serialization function';

CREATE FUNCTION knn_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_knn_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_deserialize(bytea, internal) IS
	'aggregate deserialization function';

CREATE FUNCTION knn_label_finalfn(internal) RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_knn_label_finalfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION knn_label_finalfn(internal) IS
	'aggregate final function';

CREATE FUNCTION knn_probabilities_finalfn(internal) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'metaprobe_knn_probabilities_finalfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_probabilities_finalfn(internal) IS
	'aggregate final function';

CREATE AGGREGATE knn_label(label text, distance double precision, k integer) (
	SFUNC = knn_transfn,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = knn_label_finalfn,
	COMBINEFUNC = knn_combine,
	SERIALFUNC = knn_serialize,
	DESERIALFUNC = knn_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE knn_label(text, double precision, integer) IS
	'label that most of the k nearest carry';

CREATE AGGREGATE knn_probabilities(label text, distance double precision, k integer) (
	SFUNC = knn_transfn,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = knn_probabilities_finalfn,
	COMBINEFUNC = knn_combine,
	SERIALFUNC = knn_serialize,
	DESERIALFUNC = knn_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE knn_probabilities(text, double precision, integer) IS
	'share of the k nearest that each label has, as a jsonb object';
