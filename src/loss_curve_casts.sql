
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
