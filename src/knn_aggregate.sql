
-- The vote of the k nearest over any join of rows and probes.  The state is a type
-- with a text form, so that Citus combines the states of its workers, too.

CREATE TYPE knn_neighbours;

CREATE FUNCTION knn_neighbours_in(cstring) RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_in(cstring) IS
	'input function';

CREATE FUNCTION knn_neighbours_out(knn_neighbours) RETURNS cstring
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_out(knn_neighbours) IS
	'output function';

CREATE FUNCTION knn_neighbours_recv(internal) RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_recv(internal) IS
	'binary input function';

CREATE FUNCTION knn_neighbours_send(knn_neighbours) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_neighbours_send(knn_neighbours) IS
	'binary output function';

CREATE TYPE knn_neighbours (
	INPUT = knn_neighbours_in,
	OUTPUT = knn_neighbours_out,
	RECEIVE = knn_neighbours_recv,
	SEND = knn_neighbours_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE knn_neighbours IS
	'state of knn_label and knn_probabilities: the nearest so far';

CREATE FUNCTION knn_transfn(knn_neighbours, text, double precision, integer)
	RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_transfn'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
COMMENT ON FUNCTION knn_transfn(knn_neighbours, text, double precision, integer) IS
	'aggregate transition function';

CREATE FUNCTION knn_combine(knn_neighbours, knn_neighbours) RETURNS knn_neighbours
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_combine(knn_neighbours, knn_neighbours) IS
	'aggregate combine function';

CREATE FUNCTION knn_label_finalfn(knn_neighbours) RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_label'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION knn_label_finalfn(knn_neighbours) IS
	'aggregate final function';

CREATE FUNCTION knn_probabilities_finalfn(knn_neighbours) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'metaprobe_neighbours_probabilities'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION knn_probabilities_finalfn(knn_neighbours) IS
	'aggregate final function';

CREATE AGGREGATE knn_label(label text, distance double precision, k integer) (
	SFUNC = knn_transfn,
	STYPE = knn_neighbours,
	SSPACE = 512,
	FINALFUNC = knn_label_finalfn,
	COMBINEFUNC = knn_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE knn_label(text, double precision, integer) IS
	'label that most of the k nearest carry';

CREATE AGGREGATE knn_probabilities(label text, distance double precision, k integer) (
	SFUNC = knn_transfn,
	STYPE = knn_neighbours,
	SSPACE = 512,
	FINALFUNC = knn_probabilities_finalfn,
	COMBINEFUNC = knn_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE knn_probabilities(text, double precision, integer) IS
	'share of the k nearest that each label has, as a jsonb object';
