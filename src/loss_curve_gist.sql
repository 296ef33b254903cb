
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
