
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
