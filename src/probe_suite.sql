
-- Probe suites: labelled curves with k, metric and weights, as one value

CREATE TYPE probe_suite;

CREATE FUNCTION probe_suite_in(cstring) RETURNS probe_suite
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION probe_suite_in(cstring) IS 'I/O';

CREATE FUNCTION probe_suite_out(probe_suite) RETURNS cstring
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION probe_suite_out(probe_suite) IS 'I/O';

CREATE FUNCTION probe_suite_recv(internal) RETURNS probe_suite
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION probe_suite_recv(internal) IS 'I/O';

CREATE FUNCTION probe_suite_send(probe_suite) RETURNS bytea
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION probe_suite_send(probe_suite) IS 'I/O';

CREATE TYPE probe_suite (
	INPUT = probe_suite_in,
	OUTPUT = probe_suite_out,
	RECEIVE = probe_suite_recv,
	SEND = probe_suite_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE probe_suite IS
	'labelled loss curves with the settings to classify others by them';

CREATE FUNCTION configure_probe_suite(
	suite probe_suite,
	k integer DEFAULT NULL,
	metric text DEFAULT NULL,
	weights text DEFAULT NULL,
	band bigint DEFAULT NULL,
	max_novelty double precision DEFAULT NULL
) RETURNS probe_suite
	AS 'MODULE_PATHNAME', 'metaprobe_configure_probe_suite'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION configure_probe_suite(probe_suite, integer, text, text, bigint, double precision) IS
	'the same probes with other settings; NULL leaves a setting as it is';

CREATE FUNCTION probe_suite_info(
	suite probe_suite,
	OUT probes integer,
	OUT labels text[],
	OUT epochs integer,
	OUT k integer,
	OUT metric text,
	OUT weights text,
	OUT band integer,
	OUT hash text,
	OUT scale text,
	OUT shrinkage double precision,
	OUT max_novelty double precision
) RETURNS record
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_info'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION probe_suite_info(probe_suite) IS
	'facts of a suite: its size, labels, settings and content hash';

CREATE FUNCTION probe_suite_probes(
	suite probe_suite,
	OUT label text,
	OUT curve loss_curve,
	OUT id text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_probes'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 1000;
COMMENT ON FUNCTION probe_suite_probes(probe_suite) IS
	'the probes of a suite';

CREATE FUNCTION probe_suite_confusion(
	suite probe_suite,
	OUT actual text,
	OUT predicted text,
	OUT count bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_confusion'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000 ROWS 25;
COMMENT ON FUNCTION probe_suite_confusion(probe_suite) IS
	'how a suite classifies each of its probes by all others (leave one out)';

CREATE FUNCTION probe_suite_reliability(
	suite probe_suite,
	bins integer DEFAULT 10,
	OUT bin integer,
	OUT probability double precision,
	OUT hit_rate double precision,
	OUT count bigint,
	OUT calibration_error double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_reliability'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000 ROWS 10;
COMMENT ON FUNCTION probe_suite_reliability(probe_suite, integer) IS
	'how often a suite is right about its probes (leave one out), by the probability that it gives';
