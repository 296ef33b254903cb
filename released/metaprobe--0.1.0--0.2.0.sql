-- From 0.1.0 to 0.2.0.
-- Complain if the script is run by psql rather than by ALTER EXTENSION.
\echo Use "ALTER EXTENSION metaprobe UPDATE TO '0.2.0'" to load this file. \quit

-- First of all, so that an older library than these declarations are for fails
-- here, whatever else it lacks.
CREATE FUNCTION metaprobe_version(at_least text DEFAULT '0') RETURNS text
	AS 'MODULE_PATHNAME', 'metaprobe_library_0_2_0_or_newer'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION metaprobe_version(text) IS
	'the version of the library; an error if it is older than the given one';
SELECT @extschema@.metaprobe_version('0.2.0'::text);

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
