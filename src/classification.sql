
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
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
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

-- What refresh_tags sends to the shards of distributed tables: the binary form is
-- read and written in a tenth of the text's time.
CREATE FUNCTION tag_by_binary_suite(curve loss_curve, suite bytea)
	RETURNS metadata_tag
	AS 'MODULE_PATHNAME', 'metaprobe_tag_by_binary_suite'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 250;
COMMENT ON FUNCTION tag_by_binary_suite(loss_curve, bytea) IS
	'tag_metadata with the suite in binary form, for refresh_tags of distributed tables';

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
