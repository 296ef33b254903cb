-- MLflow's metrics, read where they lie, as one curve per run.

CREATE VIEW run_curves AS
-- A step that was logged twice (a restarted run) counts with its last value.
-- (Runs that were logged without steps have step 0 throughout: for those, read
-- timestamp for step.)
WITH steps AS (
	SELECT DISTINCT ON (run_uuid, step) run_uuid, step, value, is_nan
	  FROM metrics
	 WHERE key = 'val_loss'
	 ORDER BY run_uuid, step, timestamp DESC, is_nan DESC, value DESC
),
-- Steps may count epochs or batches: their rank is what matters.  A loss that
-- was NaN (is_nan, with the value 0), infinite (the largest double precision)
-- or just huge means the same, and one number above any other loss says it:
-- ten, where guessing among ten classes costs 2.3.
losses AS (
	SELECT run_uuid,
	       row_number() OVER (PARTITION BY run_uuid ORDER BY step) - 1 AS place,
	       CASE WHEN is_nan THEN 10 ELSE least(value, 10) END AS loss
	  FROM steps
)
-- Runs are of different lengths: all are brought to 50 places.
SELECT run_uuid, count(*) AS logged, resample_curve(loss_curve_agg(loss, place), 50) AS curve
  FROM losses
 GROUP BY run_uuid;
