
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
