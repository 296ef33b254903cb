
-- Equality of probe suites: the same probes and settings

CREATE FUNCTION probe_suite_eq(probe_suite, probe_suite) RETURNS boolean
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_eq'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION probe_suite_eq(probe_suite, probe_suite) IS
	'implementation of = operator';

CREATE FUNCTION probe_suite_ne(probe_suite, probe_suite) RETURNS boolean
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_ne'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION probe_suite_ne(probe_suite, probe_suite) IS
	'implementation of <> operator';

CREATE FUNCTION probe_suite_hash(probe_suite) RETURNS integer
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_hash'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION probe_suite_hash(probe_suite) IS 'hash';

CREATE FUNCTION probe_suite_hash_extended(probe_suite, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'metaprobe_probe_suite_hash_extended'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION probe_suite_hash_extended(probe_suite, bigint) IS 'hash';

CREATE OPERATOR = (
	LEFTARG = probe_suite, RIGHTARG = probe_suite, FUNCTION = probe_suite_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (probe_suite, probe_suite) IS 'equal';

CREATE OPERATOR <> (
	LEFTARG = probe_suite, RIGHTARG = probe_suite, FUNCTION = probe_suite_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (probe_suite, probe_suite) IS 'not equal';

CREATE OPERATOR CLASS probe_suite_ops DEFAULT FOR TYPE probe_suite USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 probe_suite_hash(probe_suite),
	FUNCTION 2 probe_suite_hash_extended(probe_suite, bigint);
COMMENT ON OPERATOR CLASS probe_suite_ops USING hash IS 'equality of probe suites';
COMMENT ON OPERATOR FAMILY probe_suite_ops USING hash IS 'equality of probe suites';
