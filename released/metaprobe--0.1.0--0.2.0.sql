-- From 0.1.0 to 0.2.0.
-- Complain if the script is run by psql rather than by ALTER EXTENSION.
\echo Use "ALTER EXTENSION metaprobe UPDATE TO '0.2.0'" to load this file. \quit

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
-- The curves within a distance

CREATE TYPE loss_curve_ball AS (
	centre loss_curve,
	radius double precision
);
COMMENT ON TYPE loss_curve_ball IS
	'all curves within a Euclidean distance of one: ROW(centre, radius)::loss_curve_ball';

CREATE FUNCTION loss_curve_in_ball(curve loss_curve, ball loss_curve_ball)
	RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION loss_curve_in_ball(loss_curve, loss_curve_ball) IS
	'implementation of <@ operator';

CREATE OPERATOR <@ (
	LEFTARG = loss_curve, RIGHTARG = loss_curve_ball,
	FUNCTION = loss_curve_in_ball,
	RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR <@ (loss_curve, loss_curve_ball) IS
	'is within the Euclidean distance';

CREATE FUNCTION loss_curve_within_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_within_support(internal) IS
	'planner support: index condition and selectivity of curves_within';

CREATE FUNCTION curves_within(curve loss_curve, query loss_curve,
							  radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'loss_curve_within'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT loss_curve_within_support;
COMMENT ON FUNCTION curves_within(loss_curve, loss_curve, double precision) IS
	'are the curves of one length, and their Euclidean distance at most the radius?';

-- An index for the nearest curves: GiST over summaries of them

CREATE TYPE loss_curve_gist_key;

CREATE FUNCTION loss_curve_gist_key_in(cstring) RETURNS loss_curve_gist_key
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_gist_key_in(cstring) IS 'I/O';

CREATE FUNCTION loss_curve_gist_key_out(loss_curve_gist_key) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION loss_curve_gist_key_out(loss_curve_gist_key) IS 'I/O';

CREATE TYPE loss_curve_gist_key (
	INPUT = loss_curve_gist_key_in,
	OUTPUT = loss_curve_gist_key_out,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = plain
);
COMMENT ON TYPE loss_curve_gist_key IS
	'what a GiST index keeps of curves; of no use elsewhere';

-- The operator class

CREATE FUNCTION loss_curve_gist_consistent(internal, loss_curve, smallint, oid,
										   internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_consistent(internal, loss_curve, smallint,
											   oid, internal) IS
	'GiST support: may a curve with this key be found?';

CREATE FUNCTION loss_curve_gist_union(internal, internal)
	RETURNS loss_curve_gist_key
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_union(internal, internal) IS
	'GiST support: a key for all of these';

CREATE FUNCTION loss_curve_gist_compress(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_compress(internal) IS
	'GiST support: the key of a curve';

CREATE FUNCTION loss_curve_gist_penalty(internal, internal, internal)
	RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_penalty(internal, internal, internal) IS
	'GiST support: what adding a curve costs';

CREATE FUNCTION loss_curve_gist_picksplit(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_picksplit(internal, internal) IS
	'GiST support: split a page';

CREATE FUNCTION loss_curve_gist_same(loss_curve_gist_key, loss_curve_gist_key,
									 internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_same(loss_curve_gist_key,
										 loss_curve_gist_key, internal) IS
	'GiST support: are the keys equal?';

CREATE FUNCTION loss_curve_gist_distance(internal, loss_curve, smallint, oid,
										 internal) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION loss_curve_gist_distance(internal, loss_curve, smallint,
											 oid, internal) IS
	'GiST support: a lower bound of the distance';

CREATE FUNCTION loss_curve_gist_sortsupport(internal) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION loss_curve_gist_sortsupport(internal) IS
	'GiST support: the order in which an index is built';

CREATE OPERATOR CLASS loss_curve_ops
	DEFAULT FOR TYPE loss_curve USING gist AS
	OPERATOR 1 <-> FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 2 <+> FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 3 <@ (loss_curve, loss_curve_ball),
	FUNCTION 1 loss_curve_gist_consistent(internal, loss_curve, smallint, oid, internal),
	FUNCTION 2 loss_curve_gist_union(internal, internal),
	FUNCTION 3 loss_curve_gist_compress(internal),
	FUNCTION 5 loss_curve_gist_penalty(internal, internal, internal),
	FUNCTION 6 loss_curve_gist_picksplit(internal, internal),
	FUNCTION 7 loss_curve_gist_same(loss_curve_gist_key, loss_curve_gist_key, internal),
	FUNCTION 8 loss_curve_gist_distance(internal, loss_curve, smallint, oid, internal),
	FUNCTION 11 loss_curve_gist_sortsupport(internal),
	STORAGE loss_curve_gist_key;
COMMENT ON OPERATOR CLASS loss_curve_ops USING gist IS
	'the nearest curves by <-> and <+>, and curves_within()';
COMMENT ON OPERATOR FAMILY loss_curve_ops USING gist IS
	'the nearest curves by <-> and <+>, and curves_within()';
