-- The install script of metaprobe: the files src/*.sql, one per topic.
-- Complain if the script is run by psql rather than by CREATE EXTENSION.
\echo Use "CREATE EXTENSION metaprobe" to load this file. \quit

-- The type

CREATE TYPE loss_curve;

CREATE FUNCTION loss_curve_in(cstring, oid, integer) RETURNS loss_curve
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION loss_curve_out(loss_curve) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_out(loss_curve) IS 'I/O';

CREATE FUNCTION loss_curve_recv(internal, oid, integer) RETURNS loss_curve
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION loss_curve_send(loss_curve) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_send(loss_curve) IS 'I/O';

CREATE FUNCTION loss_curve_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_typmod_in(cstring[]) IS 'I/O type modifier';

CREATE FUNCTION loss_curve_typmod_out(integer) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_typmod_out(integer) IS 'I/O type modifier';

CREATE FUNCTION loss_curve_analyze(internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_analyze(internal) IS
	'ANALYZE: null fraction and width alone';

CREATE FUNCTION loss_curve_subscript(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_subscript(internal) IS
	'subscripts: curve[epoch], curve[first:last]';

CREATE TYPE loss_curve (
	INPUT = loss_curve_in,
	OUTPUT = loss_curve_out,
	RECEIVE = loss_curve_recv,
	SEND = loss_curve_send,
	TYPMOD_IN = loss_curve_typmod_in,
	TYPMOD_OUT = loss_curve_typmod_out,
	ANALYZE = loss_curve_analyze,
	SUBSCRIPT = loss_curve_subscript,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = external
);
COMMENT ON TYPE loss_curve IS
	'the losses of one example, one per epoch from epoch 0, null where missing';

CREATE FUNCTION epochs(curve loss_curve) RETURNS bigint
	AS 'MODULE_PATHNAME', 'loss_curve_epochs'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION epochs(loss_curve) IS
	'number of epochs, missing ones included';

CREATE FUNCTION observed_epochs(curve loss_curve) RETURNS bigint
	AS 'MODULE_PATHNAME', 'loss_curve_observed_epochs'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION observed_epochs(loss_curve) IS
	'number of epochs with a recorded loss';

-- Casts

CREATE FUNCTION loss_curve(curve loss_curve, n_epochs integer, explicit boolean)
	RETURNS loss_curve AS 'MODULE_PATHNAME', 'loss_curve_enforce_typmod'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve(loss_curve, integer, boolean) IS
	'check the number of epochs that loss_curve(n) asks for';

CREATE FUNCTION loss_curve(losses real[]) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve(real[]) IS
	'curve of an array of losses, NULL where missing';

CREATE FUNCTION loss_curve(losses double precision[]) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve(double precision[]) IS
	'curve of an array of losses, NULL where missing';

CREATE FUNCTION loss_curve(losses numeric[]) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION loss_curve(numeric[]) IS
	'curve of an array of losses, NULL where missing';

CREATE FUNCTION loss_curve(losses integer[]) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve(integer[]) IS
	'curve of an array of losses, NULL where missing';

CREATE FUNCTION loss_curve(losses jsonb) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_from_jsonb'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION loss_curve(jsonb) IS
	'curve of a jsonb array of losses, null where missing';

CREATE FUNCTION loss_curve_to_real_array(curve loss_curve) RETURNS real[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_to_real_array(loss_curve) IS
	'losses as an array, NULL where missing';

CREATE FUNCTION loss_curve_to_double_array(curve loss_curve)
	RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_to_double_array(loss_curve) IS
	'losses as an array, NULL where missing';

CREATE FUNCTION loss_curve_to_jsonb(curve loss_curve) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION loss_curve_to_jsonb(loss_curve) IS
	'losses as a jsonb array, null where missing';

CREATE CAST (loss_curve AS loss_curve)
	WITH FUNCTION loss_curve(loss_curve, integer, boolean) AS IMPLICIT;
CREATE CAST (real[] AS loss_curve)
	WITH FUNCTION loss_curve(real[]) AS ASSIGNMENT;
CREATE CAST (double precision[] AS loss_curve)
	WITH FUNCTION loss_curve(double precision[]) AS ASSIGNMENT;
CREATE CAST (numeric[] AS loss_curve)
	WITH FUNCTION loss_curve(numeric[]) AS ASSIGNMENT;
CREATE CAST (integer[] AS loss_curve)
	WITH FUNCTION loss_curve(integer[]) AS ASSIGNMENT;
CREATE CAST (jsonb AS loss_curve)
	WITH FUNCTION loss_curve(jsonb) AS ASSIGNMENT;
CREATE CAST (loss_curve AS real[])
	WITH FUNCTION loss_curve_to_real_array(loss_curve) AS ASSIGNMENT;
CREATE CAST (loss_curve AS double precision[])
	WITH FUNCTION loss_curve_to_double_array(loss_curve) AS ASSIGNMENT;
CREATE CAST (loss_curve AS jsonb)
	WITH FUNCTION loss_curve_to_jsonb(loss_curve) AS ASSIGNMENT;

-- Comparison: by the first epoch that differs, a missing one last, then length

CREATE FUNCTION loss_curve_eq(loss_curve, loss_curve) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION loss_curve_eq(loss_curve, loss_curve) IS
	'implementation of = operator';

CREATE FUNCTION loss_curve_ne(loss_curve, loss_curve) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION loss_curve_ne(loss_curve, loss_curve) IS
	'implementation of <> operator';

CREATE FUNCTION loss_curve_lt(loss_curve, loss_curve) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION loss_curve_lt(loss_curve, loss_curve) IS
	'implementation of < operator';

CREATE FUNCTION loss_curve_le(loss_curve, loss_curve) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION loss_curve_le(loss_curve, loss_curve) IS
	'implementation of <= operator';

CREATE FUNCTION loss_curve_gt(loss_curve, loss_curve) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION loss_curve_gt(loss_curve, loss_curve) IS
	'implementation of > operator';

CREATE FUNCTION loss_curve_ge(loss_curve, loss_curve) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION loss_curve_ge(loss_curve, loss_curve) IS
	'implementation of >= operator';

CREATE FUNCTION loss_curve_cmp(loss_curve, loss_curve) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION loss_curve_cmp(loss_curve, loss_curve) IS
	'less-equal-greater';

CREATE FUNCTION loss_curve_hash(loss_curve) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_hash(loss_curve) IS 'hash';

CREATE FUNCTION loss_curve_hash_extended(loss_curve, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_hash_extended(loss_curve, bigint) IS 'hash';

CREATE OPERATOR = (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = loss_curve_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (loss_curve, loss_curve) IS 'equal';

CREATE OPERATOR <> (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = loss_curve_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (loss_curve, loss_curve) IS 'not equal';

CREATE OPERATOR < (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = loss_curve_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (loss_curve, loss_curve) IS 'less than';

CREATE OPERATOR <= (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = loss_curve_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (loss_curve, loss_curve) IS 'less than or equal';

CREATE OPERATOR > (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = loss_curve_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (loss_curve, loss_curve) IS 'greater than';

CREATE OPERATOR >= (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = loss_curve_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (loss_curve, loss_curve) IS 'greater than or equal';

CREATE OPERATOR CLASS loss_curve_ops
	DEFAULT FOR TYPE loss_curve USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 1 loss_curve_cmp(loss_curve, loss_curve),
	FUNCTION 4 btequalimage(oid);
COMMENT ON OPERATOR CLASS loss_curve_ops USING btree IS
	'order by the first epoch that differs, a missing one last, then by length';
COMMENT ON OPERATOR FAMILY loss_curve_ops USING btree IS
	'order by the first epoch that differs, a missing one last, then by length';

CREATE OPERATOR CLASS loss_curve_ops
	DEFAULT FOR TYPE loss_curve USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 loss_curve_hash(loss_curve),
	FUNCTION 2 loss_curve_hash_extended(loss_curve, bigint);
COMMENT ON OPERATOR CLASS loss_curve_ops USING hash IS 'equality of curves';
COMMENT ON OPERATOR FAMILY loss_curve_ops USING hash IS 'equality of curves';

-- Concatenation

CREATE FUNCTION loss_curve_append(curve loss_curve, loss anynonarray)
	RETURNS loss_curve
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_append(loss_curve, anynonarray) IS
	'implementation of || operator';

CREATE FUNCTION loss_curve_concat(loss_curve, loss_curve) RETURNS loss_curve
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_concat(loss_curve, loss_curve) IS
	'implementation of || operator';

CREATE OPERATOR || (
	LEFTARG = loss_curve, RIGHTARG = anynonarray,
	FUNCTION = loss_curve_append
);
COMMENT ON OPERATOR || (loss_curve, anynonarray) IS
	'append the loss (any type of number) of one more epoch, a missing one if NULL';

CREATE OPERATOR || (
	LEFTARG = loss_curve, RIGHTARG = loss_curve, FUNCTION = loss_curve_concat
);
COMMENT ON OPERATOR || (loss_curve, loss_curve) IS
	'concatenate curves, NULL counting as empty';

-- Distances: in double precision, over the jointly observed epochs, NaN where
-- undefined

CREATE FUNCTION l2_distance(loss_curve, loss_curve) RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_l2_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION l2_distance(loss_curve, loss_curve) IS
	'Euclidean distance';

CREATE FUNCTION l1_distance(loss_curve, loss_curve) RETURNS double precision
	AS 'MODULE_PATHNAME', 'loss_curve_l1_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
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

-- Curves made of curves, and curves drawn small

CREATE FUNCTION resample_curve(curve loss_curve, n bigint) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_resample'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION resample_curve(loss_curve, bigint) IS
	'stretch or shrink a curve to n epochs by linear interpolation';

CREATE FUNCTION smooth_curve(curve loss_curve, width bigint) RETURNS loss_curve
	AS 'MODULE_PATHNAME', 'loss_curve_smooth'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION smooth_curve(loss_curve, bigint) IS
	'centred moving average over an odd window of epochs';

CREATE FUNCTION sparkline(curve loss_curve) RETURNS text
	AS 'MODULE_PATHNAME', 'loss_curve_sparkline'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION sparkline(loss_curve) IS
	'curve drawn in at most 40 characters, on a scale that contains 0';

CREATE FUNCTION sparkline(curve loss_curve, width bigint) RETURNS text
	AS 'MODULE_PATHNAME', 'loss_curve_sparkline'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION sparkline(loss_curve, bigint) IS
	'curve drawn in at most width characters, on a scale that contains 0';

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

-- Losses recorded in chunks, by a training loop: a table of the user's, and its
-- curves

CREATE FUNCTION create_loss_log(name text) RETURNS regclass
	AS 'MODULE_PATHNAME', 'metaprobe_create_loss_log'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION create_loss_log(text) IS
	'make a table for chunks of losses: run, epoch, ids, losses, recorded_at';

-- Restricted: it would run as a whole in every worker.
CREATE FUNCTION loss_curves(
	log regclass,
	run text DEFAULT NULL,
	repeated text DEFAULT 'error',
	invalid text DEFAULT 'error'
) RETURNS TABLE (id bigint, curve loss_curve)
	AS 'MODULE_PATHNAME', 'metaprobe_loss_curves'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000000 ROWS 100000;
COMMENT ON FUNCTION loss_curves(regclass, text, text, text) IS
	'the curves of a run, from a log of chunks';

-- Statistics of a single curve

CREATE TYPE trajectory_statistics AS (
	confidence double precision,
	variability double precision,
	correctness double precision,
	forgetting_events bigint,
	first_learned bigint,
	last_forgotten bigint,
	threshold_closeness double precision,
	aleatoric double precision,
	mean double precision,
	final double precision,
	minimum double precision,
	interquartile_range double precision,
	slope double precision,
	area double precision,
	moving_average double precision
);
COMMENT ON TYPE trajectory_statistics IS
	'what a single curve says of its example';

CREATE FUNCTION curve_statistics(
	curve loss_curve,
	threshold double precision DEFAULT 0.5,
	weight double precision DEFAULT 0.1
) RETURNS trajectory_statistics
	AS 'MODULE_PATHNAME', 'loss_curve_statistics'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 150;
COMMENT ON FUNCTION curve_statistics(loss_curve, double precision, double precision) IS
	'dataset cartography, forgetting events and other statistics of a curve by itself';

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
	band bigint DEFAULT NULL
) RETURNS probe_suite
	AS 'MODULE_PATHNAME', 'metaprobe_configure_probe_suite'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION configure_probe_suite(probe_suite, integer, text, text, bigint) IS
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
	OUT shrinkage double precision
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

-- Probe suites that are fitted to their probes

CREATE FUNCTION fit_probe_suite(suite probe_suite) RETURNS probe_suite
	AS 'MODULE_PATHNAME', 'metaprobe_fit_probe_suite'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500000000;
COMMENT ON FUNCTION fit_probe_suite(probe_suite) IS
	'the same probes with the scale, metric, k and weights that classify them best in cross-validation';

CREATE FUNCTION probe_suite_candidates(
	suite probe_suite,
	OUT metric text,
	OUT scale text,
	OUT shrinkage double precision,
	OUT k integer,
	OUT weights text,
	OUT accuracy double precision,
	OUT difference double precision,
	OUT standard_error double precision,
	OUT chosen boolean
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_candidates'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500000000 ROWS 200;
COMMENT ON FUNCTION probe_suite_candidates(probe_suite) IS
	'what fit_probe_suite chooses from, best first';

-- Classification.  Every function comes in three forms: with the suite as a
-- value, as a relation (a probe table, or one that holds a suite), or with the
-- one that metaprobe.default_suite names.

CREATE TYPE metadata_tag AS (
	label text,
	probability double precision,
	score double precision,
	runner_up text,
	margin double precision,
	distance double precision,
	novelty double precision
);
COMMENT ON TYPE metadata_tag IS
	'what classification says of a curve';

CREATE FUNCTION classification_support(internal)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'metaprobe_classification_support'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION classification_support(internal) IS
	'planner support: the cost of classification by a constant suite';

CREATE FUNCTION classify_metadata(curve loss_curve, suite probe_suite)
	RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_classify_metadata'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	SUPPORT classification_support;
COMMENT ON FUNCTION classify_metadata(loss_curve, probe_suite) IS
	'label of a curve by the vote of its nearest probes';

CREATE FUNCTION classify_metadata(curve loss_curve, relation regclass)
	RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_classify_metadata'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100
	SUPPORT classification_support;
COMMENT ON FUNCTION classify_metadata(loss_curve, regclass) IS
	'label of a curve by the vote of its nearest probes, with the suite of a relation';

CREATE FUNCTION classify_metadata(curve loss_curve)
	RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_classify_metadata'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100
	SUPPORT classification_support;
COMMENT ON FUNCTION classify_metadata(loss_curve) IS
	'label of a curve by the vote of its nearest probes, with the default suite';

CREATE FUNCTION tag_metadata(curve loss_curve, suite probe_suite)
	RETURNS metadata_tag
	AS 'MODULE_PATHNAME', 'metaprobe_tag_metadata'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 250
	SUPPORT classification_support;
COMMENT ON FUNCTION tag_metadata(loss_curve, probe_suite) IS
	'label of a curve with probability, score, runner-up, margin, distance, novelty';

CREATE FUNCTION tag_metadata(curve loss_curve, relation regclass)
	RETURNS metadata_tag
	AS 'MODULE_PATHNAME', 'metaprobe_tag_metadata'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 250
	SUPPORT classification_support;
COMMENT ON FUNCTION tag_metadata(loss_curve, regclass) IS
	'label of a curve with probability, score, runner-up, margin, distance, novelty, with the suite of a relation';

CREATE FUNCTION tag_metadata(curve loss_curve)
	RETURNS metadata_tag
	AS 'MODULE_PATHNAME', 'metaprobe_tag_metadata'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 250
	SUPPORT classification_support;
COMMENT ON FUNCTION tag_metadata(loss_curve) IS
	'label of a curve with probability, score, runner-up, margin, distance, novelty, with the default suite';

CREATE FUNCTION label_score(curve loss_curve, label text, suite probe_suite)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'metaprobe_label_score'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200
	SUPPORT classification_support;
COMMENT ON FUNCTION label_score(loss_curve, text, probe_suite) IS
	'nearness of a curve to a label against all others, from 0 to 1';

CREATE FUNCTION label_score(curve loss_curve, label text, relation regclass)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'metaprobe_label_score'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200
	SUPPORT classification_support;
COMMENT ON FUNCTION label_score(loss_curve, text, regclass) IS
	'nearness of a curve to a label against all others, from 0 to 1, with the suite of a relation';

CREATE FUNCTION label_score(curve loss_curve, label text)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'metaprobe_label_score'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200
	SUPPORT classification_support;
COMMENT ON FUNCTION label_score(loss_curve, text) IS
	'nearness of a curve to a label against all others, from 0 to 1, with the default suite';

CREATE FUNCTION metadata_probabilities(
	curve loss_curve,
	suite probe_suite,
	OUT label text,
	OUT probability double precision,
	OUT votes double precision,
	OUT distance double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_metadata_probabilities'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 250 ROWS 5
	SUPPORT classification_support;
COMMENT ON FUNCTION metadata_probabilities(loss_curve, probe_suite) IS
	'every label of the suite with its share of the vote';

CREATE FUNCTION metadata_probabilities(
	curve loss_curve,
	relation regclass,
	OUT label text,
	OUT probability double precision,
	OUT votes double precision,
	OUT distance double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_metadata_probabilities'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 250 ROWS 5
	SUPPORT classification_support;
COMMENT ON FUNCTION metadata_probabilities(loss_curve, regclass) IS
	'every label of the suite with its share of the vote, with the suite of a relation';

CREATE FUNCTION metadata_probabilities(
	curve loss_curve,
	OUT label text,
	OUT probability double precision,
	OUT votes double precision,
	OUT distance double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_metadata_probabilities'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 250 ROWS 5
	SUPPORT classification_support;
COMMENT ON FUNCTION metadata_probabilities(loss_curve) IS
	'every label of the suite with its share of the vote, with the default suite';

CREATE FUNCTION nearest_probes(
	curve loss_curve,
	suite probe_suite,
	n integer DEFAULT NULL,
	OUT rank integer,
	OUT id text,
	OUT label text,
	OUT distance double precision,
	OUT curve loss_curve
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_nearest_probes'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 ROWS 20
	SUPPORT classification_support;
COMMENT ON FUNCTION nearest_probes(loss_curve, probe_suite, integer) IS
	'the n (default k) nearest probes of a curve';

CREATE FUNCTION nearest_probes(
	curve loss_curve,
	relation regclass,
	n integer DEFAULT NULL,
	OUT rank integer,
	OUT id text,
	OUT label text,
	OUT distance double precision,
	OUT curve loss_curve
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_nearest_probes'
	LANGUAGE C STABLE PARALLEL SAFE COST 200 ROWS 20
	SUPPORT classification_support;
COMMENT ON FUNCTION nearest_probes(loss_curve, regclass, integer) IS
	'the n (default k) nearest probes of a curve, with the suite of a relation';

CREATE FUNCTION nearest_probes(
	curve loss_curve,
	n integer DEFAULT NULL,
	OUT rank integer,
	OUT id text,
	OUT label text,
	OUT distance double precision,
	OUT curve loss_curve
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_nearest_probes'
	LANGUAGE C STABLE PARALLEL SAFE COST 200 ROWS 20
	SUPPORT classification_support;
COMMENT ON FUNCTION nearest_probes(loss_curve, integer) IS
	'the n (default k) nearest probes of a curve, with the default suite';

-- What compare_detectors judges, of one row.

CREATE TYPE curve_scores AS (
	tag double precision,
	label_score double precision,
	vote_share double precision,
	novelty double precision,
	mean_loss double precision,
	final_loss double precision,
	first_loss double precision,
	low_confidence double precision
);
COMMENT ON TYPE curve_scores IS
	'scores of a curve by which rows of a kind may be detected';

CREATE FUNCTION detector_scores(curve loss_curve, label text, suite probe_suite)
	RETURNS curve_scores
	AS 'MODULE_PATHNAME', 'metaprobe_detector_scores'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 250
	SUPPORT classification_support;
COMMENT ON FUNCTION detector_scores(loss_curve, text, probe_suite) IS
	'scores of a curve by which rows of the kind of a label may be detected';

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
CREATE FUNCTION compare_detectors(
	source regclass,
	truth_column text,
	suite regclass,
	label text DEFAULT 'random_outputs',
	curve_column text DEFAULT NULL,
	OUT detector text,
	OUT auroc double precision,
	OUT average_precision double precision,
	OUT best_f1 double precision,
	OUT precision_at_true_rate double precision,
	OUT rows bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'metaprobe_compare_detectors'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 9;
COMMENT ON FUNCTION compare_detectors(regclass, text, regclass, text, text) IS
	'how well each detector finds the rows of a source that are known to be of a kind, best first';

-- Tag tables

CREATE FUNCTION create_tag_table(name text, source regclass, key_columns text[] DEFAULT NULL)
	RETURNS regclass
	AS 'MODULE_PATHNAME', 'metaprobe_create_tag_table'
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION create_tag_table(text, regclass, text[]) IS
	'create a table of tags for the rows of a relation, to be filled by refresh_tags';

CREATE PROCEDURE refresh_tags(
	tag_table regclass,
	source regclass,
	suite regclass,
	curve_column text DEFAULT NULL,
	batch_size integer DEFAULT 10000,
	INOUT added bigint DEFAULT NULL,
	INOUT changed bigint DEFAULT NULL,
	INOUT removed bigint DEFAULT NULL,
	INOUT unchanged bigint DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'metaprobe_refresh_tags' LANGUAGE C;
COMMENT ON PROCEDURE refresh_tags(regclass, regclass, regclass, text, integer, bigint, bigint, bigint, bigint) IS
	'bring a tag table up to date with its source and a probe suite, in batches that are committed one by one';

-- Pictures: Vega-Lite specifications with their data.  These functions are in
-- SQL, with bodies whose names were looked up once, when they were created:
-- whoever calls them may have any search_path.  Functions and operators are
-- qualified nonetheless, for the schema may hold others when that happens.
--
-- Colours are those of Okabe and Ito without black, which a dark page would
-- swallow; lines also differ by their dashes, so that seven colours and five
-- dashes tell 35 labels apart.  A missing epoch is null, where lines break.
-- At most some 500 epochs are drawn, evenly chosen, and the last one.

CREATE FUNCTION probe_suite_chart(suite probe_suite) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	WITH info AS MATERIALIZED (
		SELECT i.*, ((i.epochs OPERATOR(pg_catalog.+) 499) OPERATOR(pg_catalog./) 500)::bigint AS step
		FROM probe_suite_info(suite) AS i
	), losses AS (
		SELECT p.label, u.n OPERATOR(pg_catalog.-) 1::bigint AS epoch, u.loss::double precision AS loss
		FROM info, probe_suite_probes(suite) AS p,
			pg_catalog.unnest(p.curve::real[]) WITH ORDINALITY AS u(loss, n)
		WHERE ((u.n OPERATOR(pg_catalog.-) 1::bigint) OPERATOR(pg_catalog.%) info.step) OPERATOR(pg_catalog.=) 0::bigint
			OR u.n OPERATOR(pg_catalog.=) info.epochs::bigint
	), spread AS (
		SELECT label, epoch, pg_catalog.count(loss) AS probes,
			pg_catalog.percentile_cont(ARRAY[0.25, 0.75]::double precision[]) WITHIN GROUP (ORDER BY loss) AS quartiles
		FROM losses GROUP BY label, epoch
	), means AS (
		SELECT label, avg(curve) AS curve FROM probe_suite_probes(suite) GROUP BY label
	), points AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
				'label', s.label, 'epoch', s.epoch, 'mean', m.curve[s.epoch]::real,
				'lower', s.quartiles[1]::real, 'upper', s.quartiles[2]::real, 'probes', s.probes)
			ORDER BY s.label COLLATE pg_catalog."C", s.epoch) AS list
		FROM spread AS s JOIN means AS m ON m.label OPERATOR(pg_catalog.=) s.label
	)
	SELECT pg_catalog.jsonb_set(pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": 640,
		"height": 360,
		"encoding": {
			"x": {"field": "epoch", "type": "quantitative", "title": "epoch",
				"scale": {"nice": false}, "axis": {"grid": false, "format": "d", "labelExpr": "datum.value % 1 === 0 ? datum.label : ''''"}},
			"color": {"field": "label", "type": "nominal", "title": "label",
				"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
				"scale": {"range": ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]}}
		},
		"layer": [
			{"mark": {"type": "area", "opacity": 0.2},
			 "encoding": {
				"y": {"field": "lower", "type": "quantitative", "title": "loss"},
				"y2": {"field": "upper"}}},
			{"mark": {"type": "line", "strokeWidth": 2.5, "strokeCap": "round", "point": {"filled": true, "size": 14}},
			 "encoding": {
				"y": {"field": "mean", "type": "quantitative", "title": "loss"},
				"strokeDash": {"field": "label", "type": "nominal", "title": "label",
					"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
					"scale": {"range": [[1, 0], [8, 4], [2, 4], [10, 4, 2, 4], [4, 2]]}}}},
			{"mark": {"type": "point", "filled": true, "size": 80, "opacity": 0},
			 "encoding": {
				"y": {"field": "mean", "type": "quantitative", "title": "loss"},
				"tooltip": [
					{"field": "label", "type": "nominal", "title": "label"},
					{"field": "epoch", "type": "quantitative", "title": "epoch"},
					{"field": "mean", "type": "quantitative", "title": "mean loss", "format": ".4~g"},
					{"field": "lower", "type": "quantitative", "title": "first quartile", "format": ".4~g"},
					{"field": "upper", "type": "quantitative", "title": "third quartile", "format": ".4~g"},
					{"field": "probes", "type": "quantitative", "title": "probes"}]}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'Loss of each label''s probes',
					'subtitle', pg_catalog.format('mean, and the middle half as a band; %s probes, %s epochs', info.probes, info.epochs)),
				'data', pg_catalog.jsonb_build_object('values', points.list)),
		'{encoding,color,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels)),
		'{layer,1,encoding,strokeDash,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels))
	FROM info, points;
END;
COMMENT ON FUNCTION probe_suite_chart(probe_suite) IS
	'Vega-Lite specification: mean loss and quartiles of each label of a suite by epoch';

CREATE FUNCTION curve_chart(curve loss_curve, suite probe_suite) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 50000
BEGIN ATOMIC
	WITH info AS MATERIALIZED (
		SELECT i.labels, i.k,
			((greatest(i.epochs::bigint, epochs(curve)) OPERATOR(pg_catalog.+) 499::bigint)
				OPERATOR(pg_catalog./) 500::bigint) AS step
		FROM probe_suite_info(suite) AS i
	), drawn AS (
		SELECT NULL::integer AS rank, NULL::text AS id, NULL::text AS label, NULL::double precision AS distance, curve
		UNION ALL
		SELECT n.rank, n.id, n.label, n.distance, n.curve FROM info, nearest_probes(curve, suite, least(info.k, 20)) AS n
	), lines AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
				'rank', d.rank, 'id', d.id, 'label', d.label, 'distance', d.distance,
				'epoch', coalesce(l.epochs, '[]'::jsonb), 'loss', coalesce(l.losses, '[]'::jsonb))
			ORDER BY d.rank NULLS FIRST) AS list
		FROM info, drawn AS d, LATERAL (
			SELECT pg_catalog.jsonb_agg(u.n OPERATOR(pg_catalog.-) 1::bigint ORDER BY u.n) AS epochs,
				pg_catalog.jsonb_agg(u.loss ORDER BY u.n) AS losses
			FROM pg_catalog.unnest(d.curve::real[]) WITH ORDINALITY AS u(loss, n)
			WHERE ((u.n OPERATOR(pg_catalog.-) 1::bigint) OPERATOR(pg_catalog.%) info.step) OPERATOR(pg_catalog.=) 0::bigint
				OR u.n OPERATOR(pg_catalog.=) epochs(d.curve)) AS l
	)
	SELECT pg_catalog.jsonb_set(pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": 640,
		"height": 360,
		"transform": [{"flatten": ["epoch", "loss"]}],
		"encoding": {
			"x": {"field": "epoch", "type": "quantitative", "title": "epoch",
				"scale": {"nice": false}, "axis": {"grid": false, "format": "d", "labelExpr": "datum.value % 1 === 0 ? datum.label : ''''"}},
			"y": {"field": "loss", "type": "quantitative", "title": "loss"}
		},
		"layer": [
			{"transform": [{"filter": "datum.rank !== null"}],
			 "mark": {"type": "line", "strokeWidth": 1.25, "opacity": 0.8, "strokeCap": "round"},
			 "encoding": {
				"detail": {"field": "rank", "type": "ordinal"},
				"color": {"field": "label", "type": "nominal", "title": "nearest probes",
					"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
					"scale": {"range": ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]}},
				"strokeDash": {"field": "label", "type": "nominal", "title": "nearest probes",
					"legend": {"labelLimit": 240, "titleLimit": 240, "symbolType": "stroke", "symbolOpacity": 1},
					"scale": {"range": [[1, 0], [8, 4], [2, 4], [10, 4, 2, 4], [4, 2]]}},
				"tooltip": [
					{"field": "label", "type": "nominal", "title": "label"},
					{"field": "id", "type": "nominal", "title": "probe"},
					{"field": "rank", "type": "ordinal", "title": "rank"},
					{"field": "distance", "type": "quantitative", "title": "distance", "format": ".4~g"}]}},
			{"transform": [{"filter": "datum.rank === null"}],
			 "mark": {"type": "line", "strokeWidth": 3, "color": "#767676", "strokeCap": "round",
				"point": {"filled": true, "size": 30, "color": "#767676"}},
			 "encoding": {
				"tooltip": [
					{"field": "epoch", "type": "quantitative", "title": "epoch"},
					{"field": "loss", "type": "quantitative", "title": "loss", "format": ".4~g"}]}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'A curve, in grey, among its nearest probes',
					'subtitle', coalesce(
						(SELECT pg_catalog.format('tagged %s with probability %s', t.label, t.probability::real)
							FROM tag_metadata(curve, suite) AS t WHERE t.label IS NOT NULL),
						'no probe is at a defined distance')),
				'data', pg_catalog.jsonb_build_object('values', lines.list)),
		'{layer,0,encoding,color,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels)),
		'{layer,0,encoding,strokeDash,scale,domain}'::text[], pg_catalog.to_jsonb(info.labels))
	FROM info, lines;
END;
COMMENT ON FUNCTION curve_chart(loss_curve, probe_suite) IS
	'Vega-Lite specification: a curve among its nearest probes';

CREATE FUNCTION confusion_chart(suite probe_suite) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	WITH info AS MATERIALIZED (
		SELECT pg_catalog.to_jsonb(i.labels) AS labels, i.probes FROM probe_suite_info(suite) AS i
	), cells AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
				'actual', c.actual, 'predicted', c.predicted, 'count', c.count, 'share', c.share::real)
			ORDER BY c.actual COLLATE pg_catalog."C", c.predicted COLLATE pg_catalog."C") AS list,
			pg_catalog.sum(c.count) FILTER (WHERE c.predicted OPERATOR(pg_catalog.=) c.actual) AS hits,
			pg_catalog.bool_or(c.predicted IS NULL) AS has_none
		FROM (SELECT m.actual, m.predicted, m.count, m.count::double precision OPERATOR(pg_catalog./)
				(pg_catalog.sum(m.count) OVER (PARTITION BY m.actual))::double precision AS share
			FROM probe_suite_confusion(suite) AS m) AS c
	)
	SELECT pg_catalog.jsonb_set(pg_catalog.jsonb_set('{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": {"step": 64},
		"height": {"step": 36},
		"view": {"fill": "#f7fbff"},
		"encoding": {
			"x": {"field": "predicted", "type": "nominal", "title": "predicted label", "scale": {},
				"axis": {"labelAngle": -30, "labelLimit": 180, "labelExpr": "datum.value === null ? ''(none)'' : datum.label"}},
			"y": {"field": "actual", "type": "nominal", "title": "actual label", "scale": {}, "axis": {"labelLimit": 180}},
			"tooltip": [
				{"field": "actual", "type": "nominal", "title": "actual label"},
				{"field": "predicted", "type": "nominal", "title": "predicted label"},
				{"field": "count", "type": "quantitative", "title": "probes"},
				{"field": "share", "type": "quantitative", "title": "share of the actual label", "format": ".1%"}]
		},
		"layer": [
			{"mark": {"type": "rect"},
			 "encoding": {
				"color": {"field": "share", "type": "quantitative", "title": "share of the actual label",
					"scale": {"domain": [0, 1], "scheme": "blues"}, "legend": {"format": ".0%", "titleLimit": 240}}}},
			{"mark": {"type": "text"},
			 "encoding": {
				"text": {"field": "count", "type": "quantitative"},
				"color": {"condition": {"test": "datum.share > 0.6", "value": "white"}, "value": "black"}}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'Probes, each classified by all others',
					'subtitle', pg_catalog.format('%s of %s have the label of their nearest probes', coalesce(cells.hits, 0::numeric), info.probes)),
				'data', pg_catalog.jsonb_build_object('values', cells.list)),
		'{encoding,x,scale,domain}'::text[],
			CASE WHEN cells.has_none THEN info.labels OPERATOR(pg_catalog.||) '[null]'::jsonb ELSE info.labels END),
		'{encoding,y,scale,domain}'::text[], info.labels)
	FROM info, cells;
END;
COMMENT ON FUNCTION confusion_chart(probe_suite) IS
	'Vega-Lite specification: how a suite classifies each of its probes by all others (leave one out)';

CREATE FUNCTION tag_chart(labels text[], counts bigint[]) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500
BEGIN ATOMIC
	SELECT '{
		"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
		"width": 480,
		"height": {"step": 32},
		"encoding": {
			"y": {"field": "label", "type": "nominal", "title": "label", "sort": null,
				"axis": {"labelLimit": 180, "labelExpr": "datum.value === null ? ''(no tag)'' : datum.label"}},
			"x": {"field": "tags", "type": "quantitative", "title": "rows",
				"axis": {"tickCount": 5, "format": ",d", "labelExpr": "datum.value % 1 === 0 ? datum.label : ''''"}},
			"tooltip": [
				{"field": "label", "type": "nominal", "title": "label"},
				{"field": "tags", "type": "quantitative", "title": "rows", "format": ",d"},
				{"field": "share", "type": "quantitative", "title": "share of all rows", "format": ".1%"}]
		},
		"layer": [
			{"mark": {"type": "bar", "color": "#0072B2"}},
			{"mark": {"type": "text", "align": "left", "dx": 4, "color": "#7f7f7f"},
			 "encoding": {"text": {"field": "tags", "type": "quantitative", "format": ",d"}}}
		]}'::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(
				'title', pg_catalog.jsonb_build_object('anchor', 'start',
					'text', 'Tags by label', 'subtitle', pg_catalog.format('%s rows', coalesce(pg_catalog.sum(t.tags), 0::numeric))),
				'data', pg_catalog.jsonb_build_object('values', coalesce(
					pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('label', t.label, 'tags', t.tags, 'share', t.share::real)
						ORDER BY t.tags DESC, t.label COLLATE pg_catalog."C"), '[]'::jsonb)))
	FROM (SELECT u.label, coalesce(u.tags, 0::bigint) AS tags, coalesce(u.tags, 0::bigint)::double precision
				OPERATOR(pg_catalog./) nullif((pg_catalog.sum(u.tags) OVER ())::double precision, 0::double precision) AS share
		FROM ROWS FROM (pg_catalog.unnest(labels), pg_catalog.unnest(counts)) AS u(label, tags)) AS t;
END;
COMMENT ON FUNCTION tag_chart(text[], bigint[]) IS
	'Vega-Lite specification: these labels, and how many rows have each';

CREATE FUNCTION tag_chart(tag_table regclass) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'metaprobe_tag_chart'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000;
COMMENT ON FUNCTION tag_chart(regclass) IS
	'Vega-Lite specification: tags per label of a tag table';
