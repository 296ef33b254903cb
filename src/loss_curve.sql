
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
