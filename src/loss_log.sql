
-- Losses recorded in chunks, by a training loop: a table of the user's, and its
-- curves

CREATE FUNCTION create_loss_log(name text) RETURNS regclass
	AS 'MODULE_PATHNAME', 'metaprobe_create_loss_log'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION create_loss_log(text) IS
	'make a table for chunks of losses: run, epoch, ids, losses, recorded_at';

-- Restricted: it would run as a whole in every worker.
CREATE FUNCTION loss_curves(
	log regclass,
	run text DEFAULT NULL,
	repeated text DEFAULT 'error',
	invalid text DEFAULT 'error'
) RETURNS TABLE (id bigint, curve loss_curve)
	AS 'MODULE_PATHNAME', 'metaprobe_loss_curves'
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000000 ROWS 100000;
COMMENT ON FUNCTION loss_curves(regclass, text, text, text) IS
	'the curves of a run, from a log of chunks';
