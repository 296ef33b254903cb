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
