
-- Statistics of a single curve

CREATE TYPE trajectory_statistics AS (
	confidence double precision,
	variability double precision,
	correctness double precision,
	forgetting_events bigint,
	first_learned bigint,
	last_forgotten bigint,
	threshold_closeness double precision,
	aleatoric double precision,
	mean double precision,
	final double precision,
	minimum double precision,
	interquartile_range double precision,
	slope double precision,
	area double precision,
	moving_average double precision
);
COMMENT ON TYPE trajectory_statistics IS
	'what a single curve says of its example';

CREATE FUNCTION curve_statistics(
	curve loss_curve,
	threshold double precision DEFAULT 0.5,
	weight double precision DEFAULT 0.1
) RETURNS trajectory_statistics
	AS 'MODULE_PATHNAME', 'loss_curve_statistics'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 150;
COMMENT ON FUNCTION curve_statistics(loss_curve, double precision, double precision) IS
	'dataset cartography, forgetting events and other statistics of a curve by itself';
